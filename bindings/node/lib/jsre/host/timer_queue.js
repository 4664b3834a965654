"use strict";

const nodeTimers = require("node:timers");
const { TimerHeap } = require("./timer_heap");

/** @typedef {import("./timeout").Timeout} Timeout */
/** @typedef {import("./timeout").Immediate} Immediate */

// The most that Node's setTimeout takes: a longer delay fires at once.
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * TimerQueue holds the timers of one task. The task's loop runs the due ones
 * while the program waits in it. For the time in which Node's loop is in
 * charge, which is after the main script has ended, one of Node's own timers
 * stands at the nearest deadline. If a wait of the task gives Node's loop a turn
 * and that timer fires there, it leaves the work to the task's loop.
 *
 * It is a Source of the Loop.
 */
class TimerQueue {
  /** @type {TimerHeap<Timeout>} */
  #heap = new TimerHeap();
  /** @type {Set<Immediate>} */
  #immediates = new Set();
  #order = 0;
  #refs = 0;
  /** @type {NodeJS.Timeout | undefined} */
  #armed;
  #armedFor = Infinity;
  #immediateArmed = false;
  #host;
  #now;
  #attended;
  #afterEach;

  /**
   * @param {() => void} afterEach called after each callback that Node's loop caused
   * @param {{ host?: Pick<typeof nodeTimers, "setTimeout" | "clearTimeout" | "setImmediate">, now?: () => number, attended?: () => boolean }} [seams]
   *   attended: whether the task's loop calls run() soon
   */
  constructor(afterEach, { host, now, attended } = {}) {
    // Copied, because the globals of the same name are about to be ours.
    const { setTimeout, clearTimeout, setImmediate } = host ?? nodeTimers;
    this.#host = { setTimeout, clearTimeout, setImmediate };
    this.#now = now ?? (() => performance.now());
    this.#attended = attended ?? (() => false);
    this.#afterEach = afterEach;
  }

  now() {
    return this.#now();
  }

  /** @param {Timeout} timer its `due` is set */
  add(timer) {
    timer.order = this.#order++;
    this.#heap.add(timer);
    this.#refs += timer.referenced ? 1 : 0;
    this.#arm();
  }

  /** @param {Timeout} timer */
  remove(timer) {
    if (this.#heap.remove(timer)) {
      this.#refs -= timer.referenced ? 1 : 0;
      this.#arm();
    }
  }

  /**
   * Sets whether a timer keeps the program alive.
   *
   * @param {Timeout} timer
   * @param {boolean} referenced
   */
  reference(timer, referenced) {
    if (timer.referenced !== referenced) {
      timer.referenced = referenced;
      if (timer.index >= 0) {
        this.#refs += referenced ? 1 : -1;
        this.#arm();
      }
    }
  }

  /** @param {Immediate} immediate */
  addImmediate(immediate) {
    this.#immediates.add(immediate);
    if (!this.#immediateArmed) {
      this.#immediateArmed = true;
      this.#host.setImmediate(() => {
        this.#immediateArmed = false;
        this.#runFromHost();
      });
    }
  }

  /** @param {Immediate} immediate */
  removeImmediate(immediate) {
    this.#immediates.delete(immediate);
  }

  /** @returns {number} milliseconds until run() has work, Infinity if it has none */
  untilNext() {
    if (this.#immediates.size > 0) {
      return 0;
    }
    const first = this.#heap.first();
    return first ? Math.max(first.due - this.#now(), 0) : Infinity;
  }

  /**
   * run() calls the timers that are due now. Timers that a callback starts wait for the next run;
   * when a callback throws, the others stay due.
   *
   * @param {() => void} afterEach
   * @returns {boolean} whether anything was called
   */
  run(afterEach) {
    let called = false;
    const now = this.#now();
    try {
      const immediates = [...this.#immediates];
      for (const immediate of immediates) {
        if (this.#immediates.delete(immediate)) {
          called = true;
          immediate.call();
          afterEach();
        }
      }
      for (
        let timer = this.#heap.first();
        timer !== undefined && timer.due <= now;
        timer = this.#heap.first()
      ) {
        called = true;
        this.#fire(timer);
        afterEach();
      }
    } finally {
      this.#arm();
      this.#armImmediates();
    }
    return called;
  }

  /** @param {Timeout} timer */
  #fire(timer) {
    this.#heap.remove(timer);
    this.#refs -= timer.referenced ? 1 : 0;
    const { due } = timer;
    timer.cleared = false;
    try {
      timer.call();
    } finally {
      // An interval that waits somewhere inside must not meet itself there, so
      // it is armed again only now; one that fell behind skips what it missed.
      if (timer.repeat !== undefined && !timer.cleared && timer.index < 0) {
        const next = due + timer.repeat;
        const now = this.#now();
        timer.due = next > now ? next : now + timer.repeat;
        this.add(timer);
      }
    }
  }

  #arm() {
    const first = this.#heap.first();
    if (first === undefined) {
      this.#host.clearTimeout(this.#armed);
      this.#armed = undefined;
      this.#armedFor = Infinity;
      return;
    }
    if (first.due < this.#armedFor) {
      this.#host.clearTimeout(this.#armed);
      this.#armedFor = first.due;
      const delay = Math.ceil(Math.max(first.due - this.#now(), 1));
      this.#armed = this.#host.setTimeout(
        () => this.#fromHost(),
        Math.min(delay, MAX_DELAY_MS),
      );
    }
    if (this.#refs > 0) {
      this.#armed?.ref();
    } else {
      this.#armed?.unref();
    }
  }

  #fromHost() {
    this.#armed = undefined;
    this.#armedFor = Infinity;
    this.#runFromHost();
  }

  #runFromHost() {
    if (!this.#attended()) {
      this.run(this.#afterEach);
    }
  }

  #armImmediates() {
    const [next] = this.#immediates;
    if (next !== undefined) {
      this.addImmediate(next);
    }
  }
}

module.exports = { TimerQueue };
