"use strict";

const { ERRNO, failure } = require("../../core/errors");
const { INTEREST } = require("../../core/handle");
const { loop } = require("../../core/loop");
const { native } = require("../../core/native");
const validate = require("../../core/validate");
const { attempt } = require("../errno");
const { FD_SETS, check, event } = require("./io_event");

/** @typedef {import("../../core/watch").Watch} Watch */
/** @typedef {import("./io_event").IoEvent} IoEvent */
/** @typedef {[number[], number[], number[]]} FdSets to read, to write, exceptions */

const MAX_FD = 2 ** 31 - 1;

/** @type {Map<IoEvent, Watch>} */
const added = new Map();

/**
 * @param {number} fd
 * @param {number} interest
 * @param {() => boolean} deliver
 * @returns {Watch}
 * @throws {Error} EBADF, or EPERM for a descriptor that cannot be waited for
 */
function watchFd(fd, interest, deliver) {
  if (!Number.isInteger(fd) || fd < 0 || fd > MAX_FD) {
    throw failure(
      ERRNO.EBADF,
      `${fd} is not a descriptor (the sockFd of a closed object is -1)`,
    );
  }
  const open = () => native().watch(fd, interest);
  return loop().watch(open, deliver, { interest, fd });
}

/**
 * @param {IoEvent} ioevent
 * @param {boolean} persistent
 * @returns {boolean}
 */
function begin(ioevent, persistent) {
  check(ioevent);
  if (listening(ioevent)) {
    return true;
  }
  return attempt(() => {
    const watch = watchFd(ioevent.fd, ioevent.method, () => {
      if (!persistent) {
        watch.stop();
      }
      if (ioevent.callback(ioevent.arg, ioevent) === false) {
        watch.stop();
        ioevent.errback?.(ioevent.arg, ioevent);
      }
      return true;
    });
    added.set(ioevent, watch);
    watch.onstop = () => {
      // The callback may have added the event again, which is another watch.
      if (added.get(ioevent) === watch) {
        added.delete(ioevent);
      }
    };
    return true;
  }, false);
}

/**
 * add() adds an event. It stays until its callback returns exactly false; then
 * it is removed, and errback is called if there is one. Events are
 * level-triggered, and callbacks may add, remove and close whatever they like.
 *
 * @param {IoEvent} ioevent
 * @returns {boolean} false with errno EBADF or EPERM if its descriptor cannot be waited for
 */
function add(ioevent) {
  return begin(ioevent, true);
}

/**
 * once() adds an event that is called one time.
 *
 * @param {IoEvent} ioevent
 * @returns {boolean} false with errno EBADF or EPERM if its descriptor cannot be waited for
 */
function once(ioevent) {
  return begin(ioevent, false);
}

/**
 * remove() removes an event, or all of them.
 *
 * @param {IoEvent} [ioevent] default: all
 */
function remove(ioevent) {
  const events = ioevent === undefined ? [...added.keys()] : [check(ioevent)];
  for (const each of events) {
    added.get(each)?.stop();
  }
}

/**
 * listening() returns whether an event is added.
 *
 * @param {IoEvent} ioevent
 * @returns {boolean}
 */
function listening(ioevent) {
  return added.has(check(ioevent));
}

/**
 * @param {unknown} sets
 * @returns {FdSets}
 */
function checkSets(sets) {
  if (sets === undefined) {
    return [[], [], []];
  }
  if (!Array.isArray(sets)) {
    throw validate.typeError(
      "fds",
      "an array [[read], [write], [except]]",
      sets,
    );
  }
  return /** @type {FdSets} */ (
    Object.entries(FD_SETS).map(([index, name]) => {
      const set = sets[Number(index)] ?? [];
      if (!Array.isArray(set) || set.some((fd) => typeof fd !== "number")) {
        throw validate.typeError(
          `fds[${name}]`,
          "an array of descriptors",
          set,
        );
      }
      return [...set];
    })
  );
}

/**
 * fds() returns the descriptors of all events that are added, merged with `user`.
 *
 * @param {FdSets} [user]
 * @returns {FdSets}
 */
function fds(user) {
  const sets = checkSets(user);
  for (const watch of added.values()) {
    sets[watch.interest].push(/** @type {number} */ (watch.fd));
  }
  return /** @type {FdSets} */ (sets.map((set) => [...new Set(set)]));
}

/**
 * select() waits until one of `user` is ready or an event has been delivered.
 * Meanwhile timers, promise jobs, Node's own work and DTLS retransmissions go on. Exceptions of
 * callbacks pass through it.
 *
 * @param {FdSets} [user] descriptors to wait for besides those of events
 * @param {number} [timeout] milliseconds, default or negative: for ever. A wait for ever
 *   also ends, with empty arrays, when a timer or a callback of Node's
 *   was called or a message delivered.
 * @returns {FdSets} the ready descriptors; three empty arrays when the time has
 *   passed, or with errno EBADF or EPERM when one of `user` cannot be waited for
 */
function select(user, timeout) {
  const sets = checkSets(user);
  // Negative means for ever, as in poll(2): a loop around a failure would spin.
  const forEver = validate.number("timeout", timeout ?? Infinity) < 0;
  const timeoutMs = validate.timeout("timeout", forEver ? undefined : timeout);
  /** @type {Watch[]} */
  const watches = [];
  try {
    const watched = attempt(() => {
      for (const [interest, set] of sets.entries()) {
        for (const fd of set) {
          watches.push(watchFd(fd, interest, () => true));
        }
      }
      return true;
    }, false);
    const ready = watched ? loop().poll(timeoutMs) : [];
    // With `user`, the caller did not ask for the watches of this task's servers and clients.
    return setsOf(
      user === undefined ? ready : ready.filter((each) => !each.owned),
    );
  } finally {
    for (const watch of watches) {
      watch.stop();
    }
  }
}

/**
 * @param {Watch[]} watches
 * @returns {FdSets}
 */
function setsOf(watches) {
  /** @type {FdSets} */
  const sets = [[], [], []];
  for (const { interest, fd } of watches) {
    if (fd !== undefined && !sets[interest].includes(fd)) {
      sets[interest].push(fd);
    }
  }
  return sets;
}

/**
 * poll() waits until an event has been delivered: `select(undefined, timeout)`.
 *
 * @param {number} [timeout] milliseconds, default: for ever
 * @returns {FdSets}
 */
function poll(timeout) {
  return select(undefined, timeout);
}

/**
 * forever() delivers events until it is told to leave.
 *
 * @param {{ quit?: unknown } | (() => unknown)} [quit] leave when `quit.quit` is
 *   true, or when the function returns true; asked after each delivery
 * @param {number} [timeout] milliseconds after which to ask even if nothing was
 *   delivered; default: never
 */
function forever(quit, timeout) {
  if (quit != null && typeof quit !== "function") {
    validate.object("check", quit);
  }
  const done = () =>
    typeof quit === "function" ? quit() === true : Boolean(quit?.quit);
  loop().drain();
  while (!done()) {
    poll(timeout);
  }
}

module.exports = {
  READ: INTEREST.READ,
  ACCEPT: INTEREST.READ,
  WRITE: INTEREST.WRITE,
  CONNECT: INTEREST.WRITE,
  EXCEPT: INTEREST.EXCEPT,
  add,
  event,
  fds,
  forever,
  listening,
  once,
  poll,
  remove,
  select,
};
