"use strict";

const { createHook } = require("node:async_hooks");
const os = require("node:os");
const { performance } = require("node:perf_hooks");
const { clearTimeout, setTimeout } = require("node:timers");
const { isMainThread } = require("node:worker_threads");

/** @typedef {import("../../types/native").Native} Native */

// How long a thread's loop may be busy before its script begins.
const BUSY_MS = 100;

// Objects of Node's that the library has made for itself: their callbacks are not the program's.
/** @type {Set<number>} */
const internal = new Set();

/**
 * keepInternal() makes an object of Node's for the library itself. Callbacks that it causes do not
 * end a program's wait.
 *
 * @template T
 * @param {() => T} make
 * @returns {T}
 */
function keepInternal(make) {
  const hook = createHook({ init: (id) => void internal.add(id) }).enable();
  try {
    return make();
  } finally {
    hook.disable();
  }
}

/**
 * NodeLoop gives Node's own loop its turns while the program waits in ours, so
 * that signals and the callbacks of Node's modules arrive there too. libuv
 * forbids that while its loop runs, which is in a callback of Node's own and
 * everywhere after the main script has ended. Signals arrive even then.
 */
class NodeLoop {
  #native;
  #started = false;
  #outside = false;
  #turning = false;
  #called = false;
  // libuv does not tell whether it has called anything of the program: V8's own tasks wake its loop
  // too, and must not end a wait. Every callback of Node's modules passes this hook.
  #calls;

  /** @param {Native} addon */
  constructor(addon) {
    this.#native = addon;
    this.#calls = createHook({
      before: (id) => void (this.#called ||= !internal.has(id)),
      destroy: (id) => void internal.delete(id),
    });
    if (isMainThread) {
      // Node's own listener has begun to catch the signal by then.
      process.on("newListener", (name) => {
        if (Object.hasOwn(os.constants.signals, name)) {
          addon.adoptSignals();
        }
      });
    }
  }

  /** Whether this thread is in a callback of Node's that wait() has called. */
  get turning() {
    return this.#turning;
  }

  /**
   * wait() waits until either loop has something to do or the time has passed,
   * and runs the callbacks that are due in Node's.
   *
   * @param {number} ms -1 waits for ever
   * @param {boolean} all whether events of the program end the wait
   * @returns {boolean | undefined} whether callbacks were called; undefined if it has not
   *   waited
   */
  wait(ms, all) {
    if (this.#running()) {
      // Node delivers signals to the main thread only.
      return isMainThread ? this.#native.awaitSignals(ms, all) : undefined;
    }
    this.#turning = true;
    this.#called = false;
    this.#calls.enable();
    try {
      this.#native.turnNode(ms, all);
      return this.#called;
    } finally {
      this.#calls.disable();
      this.#turning = false;
    }
  }

  /**
   * startScript() calls `steps`, the script of a worker thread, as soon as
   * Node's loop has nothing to do and returns. Node itself runs such a script
   * inside the loop. If a module that was preloaded keeps the loop busy, so
   * does this.
   *
   * @param {(() => void)[]} steps
   */
  startScript(steps) {
    const begin = (/** @type {boolean} */ outside) => {
      clearTimeout(timer);
      process.off("beforeExit", idle);
      this.#run(steps, outside);
    };
    const idle = () => begin(true);
    process.once("beforeExit", idle);
    // Unreferenced, the second one fires only if the loop has turned since the first.
    let timer = setTimeout(() => {
      timer = setTimeout(begin, 1, false).unref();
    }, BUSY_MS).unref();
  }

  /**
   * @param {(() => void)[]} steps
   * @param {boolean} outside
   */
  #run(steps, outside) {
    this.#outside = outside;
    for (const step of steps) {
      try {
        step();
      } catch (error) {
        this.#native.uncaught(error);
      }
    }
    this.#outside = false;
  }

  #running() {
    this.#started ||= performance.nodeTiming.loopStart >= 0;
    return this.#turning || (this.#started && !this.#outside);
  }
}

module.exports = { NodeLoop, keepInternal };
