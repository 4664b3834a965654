"use strict";

const { native } = require("./native");
const { NodeLoop } = require("./node_loop");
const { drainTicks } = require("./ticks");
const { Watch } = require("./watch");

/** @typedef {import("../../types/native").Native} Native */

/**
 * Something besides descriptors that is delivered while the task waits: timers,
 * messages of other tasks.
 *
 * @typedef {object} Source
 * @property {() => number} untilNext milliseconds until run() has work; Infinity if it has none
 * @property {(afterEach: () => void) => boolean} run calls what is due and `afterEach` after
 *   each callback; returns whether there was anything
 * @property {(held: boolean) => void} [woken] called before and after every wait, also while
 *   deliveries are held back
 */

// epoll takes a C int.
const MAX_WAIT_MS = 2 ** 31 - 1;

// A program that calls recv() with the timeout 0 again and again leaves Node's loop its turns, but
// not one for each call.
const BRIEF_TURNS_MS = 10;

const now = () => performance.now();

/**
 * Loop is the one place that turns the addon's readiness into callbacks, both
 * for programs that wait here and for those driven by Node's own loop. One
 * exists per thread. An exception of a callback passes through poll() and
 * waitUntil(); what was not delivered then is delivered by the next call.
 */
class Loop {
  #native;
  #runTicks;
  #node;
  /** @type {Map<number, Watch>} */
  #watches = new Map();
  /** @type {Source[]} */
  #sources = [];
  /** @type {Set<number>} ready, but overtaken by an exception: first next time */
  #overdue = new Set();
  #turns = 0;
  #held = 0;
  #alive = 0;
  #lastTurn = -Infinity;

  /**
   * @param {Native} addon
   * @param {() => void} [drain]
   * @param {NodeLoop} [node] gets its turns in every wait that is not held
   */
  constructor(addon, drain = drainTicks, node = undefined) {
    this.#native = addon;
    this.#runTicks = drain;
    this.#node = node;
    // Node's loop, which calls this, needs no turn inside of it.
    addon.setNotify(() => void this.turn(0, true), drain);
  }

  /** Whether a callback of Node's own is being called from a wait. */
  get turningNode() {
    return this.#node?.turning ?? false;
  }

  /** @param {Source} source */
  addSource(source) {
    this.#sources.push(source);
  }

  /**
   * @param {() => number} open
   * @param {() => boolean} deliver
   * @param {{ interest: number, fd?: number, owned?: boolean }} what owned: by an endpoint, whose
   *   matter its end is
   * @returns {Watch}
   * @throws {Error} what `open` throws
   */
  watch(open, deliver, what) {
    const watch = new Watch(this, open, deliver, what);
    this.#enter(watch);
    if (++this.#alive === 1) {
      this.#native.ref();
    }
    return watch;
  }

  /** @param {Watch} watch */
  forget(watch) {
    this.#suspend(watch);
    if (--this.#alive === 0) {
      this.#native.unref();
    }
  }

  /**
   * Ends every interest of the program in a descriptor that is about to be
   * closed or given away: its number may soon mean something else. Who takes it
   * up may have interests of its own already.
   *
   * @param {number} fd
   */
  forgetFd(fd) {
    for (const watch of [...this.#watches.values()]) {
      if (watch.fd === fd && !watch.owned) {
        watch.stop();
      }
    }
  }

  /**
   * waitUntil() blocks until `check` returns something else than undefined, and
   * delivers meanwhile what is not bound to poll(): background work of this
   * task's connections, Node's own callbacks, timers, ticks and promise jobs.
   * `check` is asked once more after the time has passed.
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
        // What a promise job has done may be what is waited for.
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
   * message delivered, since that may have been what the program waits for.
   *
   * @param {number | undefined} timeoutMs
   * @returns {Watch[]} what was delivered
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
   * turn() waits once, at most `timeoutMs`, and delivers all that is ready.
   *
   * @param {number} timeoutMs
   * @param {boolean} [brief] Node's loop gets a turn only if it has had none for some time
   * @returns {{ delivered: Watch[], called: boolean }} called: whether a source had work, or
   *   Node's loop
   */
  turn(timeoutMs, brief = false) {
    const turn = ++this.#turns;
    const deadline = now() + timeoutMs;
    this.drain();
    let { ready, called } = this.#wait(this.#budget(deadline), true, brief);
    if (this.#runSources()) {
      called = true;
      // Those callbacks may have used up what was ready.
      ({ ready } = this.#wait(0, true, true));
    }
    return { delivered: this.#deliver(turn, ready), called };
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
        // What woke this task meanwhile was not attended to.
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
    // Before it as well: a call that did not block may have used up the wake-up.
    this.#tellSources();
    const called = this.#waitForNode(ms, all, brief);
    const ready = this.#native.wait(called === undefined ? ms : 0, all);
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

  /**
   * @param {number} turn
   * @param {number[]} ready
   */
  #deliver(turn, ready) {
    const delivered = [];
    const queue = this.#overdueFirst(ready);
    for (const [index, id] of queue.entries()) {
      const watch = this.#watches.get(id);
      if (watch === undefined) {
        continue;
      }
      if (watch.running) {
        // Its callback waits in a poll of its own: ready for as long as that lasts.
        this.#suspend(watch);
        continue;
      }
      this.#overdue = new Set(queue.slice(index + 1));
      if (this.#call(watch)) {
        delivered.push(watch);
      }
      this.drain();
      if (this.#turns !== turn) {
        // The callback has polled, and what was ready before is history. It is
        // level-triggered: what still waits is reported again.
        break;
      }
    }
    this.#overdue.clear();
    return delivered;
  }

  /** @param {number[]} ready */
  #overdueFirst(ready) {
    if (this.#overdue.size === 0) {
      return ready;
    }
    const first = ready.filter((id) => this.#overdue.has(id));
    return [...first, ...ready.filter((id) => !this.#overdue.has(id))];
  }

  /** @param {Watch} watch */
  #call(watch) {
    watch.running = true;
    try {
      return watch.deliver();
    } finally {
      watch.running = false;
      if (watch.alive && watch.id === undefined) {
        this.#resume(watch);
      }
    }
  }

  /** @param {Watch} watch */
  #resume(watch) {
    try {
      watch.resume();
      this.#enter(watch);
    } catch {
      // Its descriptor was closed meanwhile; the kernel forgets those as well.
      watch.stop();
    }
  }

  /** @param {Watch} watch */
  #enter(watch) {
    this.#watches.set(/** @type {number} */ (watch.id), watch);
  }

  /** @param {Watch} watch */
  #suspend(watch) {
    if (watch.id !== undefined) {
      this.#watches.delete(watch.id);
      this.#native.unwatch(watch.id);
      watch.id = undefined;
    }
  }

  #runSources() {
    if (this.#held > 0) {
      return false;
    }
    let called = false;
    for (const source of this.#sources) {
      called = source.run(() => this.drain()) || called;
    }
    this.drain();
    return called;
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
    // Rounded up: waking early would mean to wait again for nothing.
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
