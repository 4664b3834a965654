"use strict";

const { Watch } = require("./watch");

/** @typedef {import("../../types/native").Native} Native */

/**
 * WatchTable holds the watches of one loop and delivers those that are ready. While it holds one,
 * Node's loop is kept alive.
 */
class WatchTable {
  #native;
  /** @type {Map<number, Watch>} by the id of the native watch */
  #watches = new Map();
  /** @type {Set<number>} ready, but not delivered because a callback threw: first next time */
  #overdue = new Set();
  #turns = 0;
  #alive = 0;

  /** @param {Pick<Native, "ref" | "unref" | "unwatch">} addon */
  constructor(addon) {
    this.#native = addon;
  }

  /**
   * @param {() => number} open begins the native watch and returns its id
   * @param {() => boolean} deliver
   * @param {{ interest: number, fd?: number, owned?: boolean }} what
   * @returns {Watch}
   * @throws {Error} the failure of `open`
   */
  add(open, deliver, what) {
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
   * forgetFd() ends the program's own watches on a descriptor.
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
   * beginTurn() begins a turn of the loop. Results of earlier turns are stale from now on.
   *
   * @returns {number} the turn, for deliver()
   */
  beginTurn() {
    return ++this.#turns;
  }

  /**
   * deliver() calls the watches that are ready.
   *
   * @param {number} turn in which they were ready
   * @param {number[]} ready their ids
   * @param {() => void} afterEach called after each of them
   * @returns {Watch[]} those that had something to do
   */
  deliver(turn, ready, afterEach) {
    const delivered = [];
    const queue = this.#overdueFirst(ready);
    for (const [index, id] of queue.entries()) {
      const watch = this.#watches.get(id);
      if (watch === undefined) {
        continue;
      }
      if (watch.running) {
        // Its callback is waiting in a poll of its own, and the watch is ready for as long.
        this.#suspend(watch);
        continue;
      }
      this.#overdue = new Set(queue.slice(index + 1));
      if (this.#call(watch)) {
        delivered.push(watch);
      }
      afterEach();
      if (this.#turns !== turn) {
        // The callback has polled, so `ready` is stale. Readiness is level-triggered: the next
        // turn reports again the watches that are still ready.
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
}

module.exports = { WatchTable };
