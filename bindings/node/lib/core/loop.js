"use strict";

const { native } = require("./native");
const { NodeLoop } = require("./node_loop");
const { drainTicks } = require("./ticks");
const { WatchTable } = require("./watch_table");

/** @typedef {import("../../types/native").Native} Native */
/** @typedef {import("./watch").Watch} Watch */

/**
 * A Source is work besides descriptors that the loop delivers while the task waits: timers,
 * messages of other tasks.
 *
 * @typedef {object} Source
 * @property {() => number} untilNext milliseconds until run() has work; Infinity if it has none
 * @property {(afterEach: () => void) => boolean} run calls the callbacks that are due, and
 *   `afterEach` after each of them; returns whether there were any
 * @property {(held: boolean) => void} [woken] called before and after every wait, also while
 *   deliveries are held back
 */

// epoll takes a C int.
const MAX_WAIT_MS = 2 ** 31 - 1;

// A program that calls recv() with the timeout 0 in a loop must not starve Node's loop, nor pay for a
// turn of it with each call.
const BRIEF_TURNS_MS = 10;

const now = () => performance.now();

/**
 * Loop is the one place that turns the addon's readiness into callbacks, both
 * for programs that wait here and for those driven by Node's own loop. One
 * exists per thread. An exception of a callback passes through poll() and
 * waitUntil(); the next call delivers the events that were left.
 */
class Loop {
  #native;
  #runTicks;
  #node;
  #watches;
  /** @type {Source[]} */
  #sources = [];
  #held = 0;
  #waits = 0;
  #deliveries = 0;
  #lastTurn = -Infinity;

  /**
   * @param {Native} addon
   * @param {() => void} [drain]
   * @param {NodeLoop} [node] gets its turns in every wait that is not held
   */
  constructor(addon, drain = drainTicks, node = undefined) {
    this.#native = addon;
    this.#watches = new WatchTable(addon);
    this.#runTicks = drain;
    this.#node = node;
    // Node's loop makes this call, so it needs no turn inside of it.
    addon.setNotify(() => void this.turn(0, true), drain);
  }

  /** Whether a callback of Node's own is being called from a wait. */
  get turningNode() {
    return this.#node?.turning ?? false;
  }

  /**
   * The number of the wait whose results are being delivered, 0 outside of a delivery. That wait
   * has read the sockets, so a look into them finds nothing new before the next wait.
   */
  get delivery() {
    return this.#deliveries > 0 ? this.#waits : 0;
  }

  /** @param {Source} source */
  addSource(source) {
    this.#sources.push(source);
  }

  /**
   * @param {() => number} open
   * @param {() => boolean} deliver
   * @param {{ interest: number, fd?: number, owned?: boolean }} what owned: the watch belongs to an
   *   endpoint, which ends it
   * @returns {Watch}
   * @throws {Error} the failure of `open`
   */
  watch(open, deliver, what) {
    return this.#watches.add(open, deliver, what);
  }

  /**
   * forgetFd() ends every watch of the program on a descriptor that is about to be
   * closed or handed over, because its number may soon stand for another file. Watches of
   * endpoints stay: the endpoint that takes the descriptor over may have its own already.
   *
   * @param {number} fd
   */
  forgetFd(fd) {
    this.#watches.forgetFd(fd);
  }

  /**
   * waitUntil() blocks until `check` returns something else than undefined. Meanwhile
   * it does the background work of this task's connections and runs Node's own callbacks,
   * timers, ticks and promise jobs; watches wait for poll().
   * It calls `check` once more after the time has passed.
   *
   * @template T
   * @param {() => T | undefined} check
   * @param {number | undefined} timeoutMs undefined waits for ever, 0 does not block
   * @returns {T | undefined} undefined when the time has passed
   */
  waitUntil(check, timeoutMs) {
    const deadline = now() + (timeoutMs ?? Infinity);
    for (let last = false; ; last = now() >= deadline) {
      let result = check();
      if (result === undefined && !last) {
        // A promise job may bring about the condition that the caller waits for.
        this.drain();
        result = check();
      }
      if (result !== undefined || last) {
        return result;
      }
      this.#wait(this.#budget(deadline), false, timeoutMs === 0);
      this.#runSources();
    }
  }

  /**
   * poll() waits until an event has been delivered or the time has passed. A
   * wait for ever also ends when a timer or a callback of Node's was called or a
   * message delivered, since the program may have waited for that.
   *
   * @param {number | undefined} timeoutMs
   * @returns {Watch[]} the watches that were called
   */
  poll(timeoutMs) {
    const deadline = now() + (timeoutMs ?? Infinity);
    for (;;) {
      const { delivered, called } = this.turn(deadline - now());
      const enough = called && timeoutMs === undefined;
      if (delivered.length > 0 || enough || now() >= deadline) {
        return delivered;
      }
    }
  }

  /**
   * turn() waits once, at most `timeoutMs`, and calls all watches that are ready.
   *
   * @param {number} timeoutMs
   * @param {boolean} [brief] Node's loop gets a turn only if it has had none for some time
   * @returns {{ delivered: Watch[], called: boolean }} called: whether a source had work, or
   *   Node's loop
   */
  turn(timeoutMs, brief = false) {
    const turn = this.#watches.beginTurn();
    const deadline = now() + timeoutMs;
    this.drain();
    let { ready, called } = this.#wait(this.#budget(deadline), true, brief);
    if (this.#runSources()) {
      called = true;
      // Those callbacks may have read the data that was ready.
      ({ ready } = this.#wait(0, true, true));
    }
    const delivered = this.#deliver(() =>
      this.#watches.deliver(turn, ready, () => this.drain()),
    );
    return { delivered, called };
  }

  /**
   * startScript() runs the script of a worker thread, and its ticks and promise
   * jobs, where its waits can give Node's loop its turns. An exception is an
   * uncaughtException.
   *
   * @param {() => void} script
   */
  startScript(script) {
    this.#node?.startScript([script, () => this.drain()]);
  }

  /** drain() runs ticks and promise jobs, unless they are held back. */
  drain() {
    if (this.#held === 0) {
      this.#runTicks();
    }
  }

  /**
   * hold() runs `action` while timers, messages, ticks and promise jobs are held back.
   *
   * @template T
   * @param {() => T} action
   * @returns {T}
   */
  hold(action) {
    this.#held++;
    try {
      return action();
    } finally {
      if (--this.#held === 0) {
        // Requests that woke this task meanwhile are still to be served.
        this.#native.wake();
      }
    }
  }

  /**
   * @param {number} ms
   * @param {boolean} all
   * @param {boolean} [brief] of a call that does not block
   * @returns {{ ready: number[], called: boolean }} called: whether Node's loop had work
   */
  #wait(ms, all, brief = false) {
    // Also before the wait: an earlier call that did not block may have consumed the wake-up.
    this.#tellSources();
    const called = this.#waitForNode(ms, all, brief);
    const ready = this.#native.wait(called === undefined ? ms : 0, all);
    this.#waits++;
    this.#tellSources();
    return { ready, called: called ?? false };
  }

  /**
   * @param {number} ms
   * @param {boolean} all
   * @param {boolean} brief
   * @returns {boolean | undefined} undefined if it has not waited
   */
  #waitForNode(ms, all, brief) {
    if (
      this.#node === undefined ||
      this.#held > 0 ||
      (brief && now() - this.#lastTurn < BRIEF_TURNS_MS)
    ) {
      return undefined;
    }
    try {
      return this.#node.wait(ms, all);
    } finally {
      this.#lastTurn = now();
    }
  }

  #tellSources() {
    for (const source of this.#sources) {
      source.woken?.(this.#held > 0);
    }
  }

  #runSources() {
    if (this.#held > 0) {
      return false;
    }
    return this.#deliver(() => {
      let called = false;
      for (const source of this.#sources) {
        called = source.run(() => this.drain()) || called;
      }
      this.drain();
      return called;
    });
  }

  /**
   * @template T
   * @param {() => T} action calls callbacks with the results of the latest wait
   * @returns {T}
   */
  #deliver(action) {
    this.#deliveries++;
    try {
      return action();
    } finally {
      this.#deliveries--;
    }
  }

  /**
   * @param {number} deadline
   * @returns {number} milliseconds to wait, -1 for ever
   */
  #budget(deadline) {
    let ms = deadline - now();
    if (this.#held === 0) {
      for (const source of this.#sources) {
        ms = Math.min(ms, source.untilNext());
      }
    }
    // Rounded up: a wait that ends early would have to be repeated.
    return ms === Infinity
      ? -1
      : Math.min(Math.ceil(Math.max(ms, 0)), MAX_WAIT_MS);
  }
}

/** @type {Loop | undefined} */
let own;

/**
 * loop() returns the loop of this thread.
 *
 * @returns {Loop}
 */
function loop() {
  own ??= new Loop(native(), drainTicks, new NodeLoop(native()));
  return own;
}

module.exports = { Loop, loop };
