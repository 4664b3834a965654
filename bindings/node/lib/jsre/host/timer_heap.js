"use strict";

/**
 * An Entry of a TimerHeap: the time it is due, and its place in the heap.
 *
 * @typedef {object} Entry
 * @property {number} due milliseconds of a monotonic clock
 * @property {number} order of two that are due together the lower goes first
 * @property {number} index place in the heap, -1 outside
 */

/** @param {Entry} a @param {Entry} b */
const before = (a, b) =>
  a.due < b.due || (a.due === b.due && a.order < b.order);

/**
 * TimerHeap is a binary heap of timers that removes any of them in O(log n).
 *
 * @template {Entry} T
 */
class TimerHeap {
  /** @type {T[]} */
  #entries = [];

  get size() {
    return this.#entries.length;
  }

  /** @returns {T | undefined} the one that is due first */
  first() {
    return this.#entries[0];
  }

  /** @param {T} entry */
  add(entry) {
    this.#place(entry, this.#entries.length);
    this.#rise(entry);
  }

  /**
   * @param {T} entry
   * @returns {boolean} whether it was in the heap
   */
  remove(entry) {
    if (entry.index < 0) {
      return false;
    }
    const { index } = entry;
    const last = /** @type {T} */ (this.#entries.pop());
    entry.index = -1;
    if (last !== entry) {
      this.#place(last, index);
      this.#rise(last);
      this.#sink(last);
    }
    return true;
  }

  /** @param {T} entry */
  #rise(entry) {
    while (entry.index > 0) {
      const parent = this.#entries[(entry.index - 1) >> 1];
      if (!before(entry, parent)) {
        return;
      }
      this.#swap(entry, parent);
    }
  }

  /** @param {T} entry */
  #sink(entry) {
    for (;;) {
      const left = this.#entries[2 * entry.index + 1];
      const right = this.#entries[2 * entry.index + 2];
      const child = right && before(right, left) ? right : left;
      if (child === undefined || !before(child, entry)) {
        return;
      }
      this.#swap(entry, child);
    }
  }

  /** @param {T} a @param {T} b */
  #swap(a, b) {
    const { index } = a;
    this.#place(a, b.index);
    this.#place(b, index);
  }

  /** @param {T} entry @param {number} index */
  #place(entry, index) {
    this.#entries[index] = entry;
    entry.index = index;
  }
}

module.exports = { TimerHeap };
