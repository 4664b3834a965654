"use strict";

/** @typedef {import("./timer_queue").TimerQueue} TimerQueue */

/**
 * Timeout is the timer object of setTimeout() and setInterval(). It has the methods of
 * Node's, since packages rely on them.
 */
class Timeout {
  #queue;
  #callback;
  #args;
  #delay;

  /**
   * @param {TimerQueue} queue
   * @param {Function} callback
   * @param {unknown[]} args
   * @param {number} delay milliseconds, at least 1
   * @param {number} [repeat] milliseconds, at least 1
   */
  constructor(queue, callback, args, delay, repeat) {
    this.#queue = queue;
    this.#callback = callback;
    this.#args = args;
    this.#delay = delay;
    this.repeat = repeat;
    this.due = 0;
    this.order = 0;
    this.index = -1;
    this.referenced = true;
    this.cleared = false;
    this.refresh();
  }

  call() {
    this.#callback.apply(this, this.#args);
  }

  /** refresh() restarts the delay. */
  refresh() {
    this.#queue.remove(this);
    this.due = this.#queue.now() + this.#delay;
    this.#queue.add(this);
    return this;
  }

  close() {
    this.cleared = true;
    this.#queue.remove(this);
    return this;
  }

  /** remain() returns the milliseconds until it is due, Infinity if it is not running. */
  remain() {
    return this.index < 0
      ? Infinity
      : Math.max(this.due - this.#queue.now(), 0);
  }

  ref() {
    this.#queue.reference(this, true);
    return this;
  }

  unref() {
    this.#queue.reference(this, false);
    return this;
  }

  hasRef() {
    return this.referenced;
  }
}

/**
 * Immediate is the object of setImmediate().
 */
class Immediate {
  #queue;
  #callback;
  #args;

  /**
   * @param {TimerQueue} queue
   * @param {Function} callback
   * @param {unknown[]} args
   */
  constructor(queue, callback, args) {
    this.#queue = queue;
    this.#callback = callback;
    this.#args = args;
    queue.addImmediate(this);
  }

  call() {
    this.#callback.apply(this, this.#args);
  }

  close() {
    this.#queue.removeImmediate(this);
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  hasRef() {
    return true;
  }
}

module.exports = { Immediate, Timeout };
