"use strict";

const { SlabPool } = require("./slab_pool");

/** @typedef {import("../../types/native").Connection} NativeConnection */

const MOST_AT_ONCE = 64;

const pool = new SlabPool();
/** Where the messages of a batch end in its slab. */
const ends = new Uint32Array(MOST_AT_ONCE);

/**
 * Inbox takes the messages of one connection out of the addon, many by one native call.
 */
class Inbox {
  /** @type {Buffer[]} taken out of the addon, and not yet given to the program; the first one last */
  #messages = [];

  /** How many bytes the first message has that is no longer in the addon; 0 if there is none. */
  get firstSize() {
    return this.#messages.at(-1)?.length ?? 0;
  }

  /**
   * take() returns the first message, once fetch() has taken some out of the addon.
   *
   * @returns {Buffer | undefined} undefined if there is none
   */
  take() {
    return this.#messages.pop();
  }

  /**
   * fetch() takes messages out of the addon, if there is none here.
   *
   * @param {NativeConnection} connection
   */
  fetch(connection) {
    if (this.#messages.length > 0) {
      return;
    }
    const { slab, offset } = pool.room();
    const count = connection.recvMany(slab, offset, ends);
    for (let i = 0; i < count; i++) {
      this.#messages.push(pool.message(ends[i]));
    }
    this.#messages.reverse();
  }

  /**
   * copy() moves bytes of the first message into a buffer, if it is no longer in the addon.
   *
   * @param {Uint8Array} bytes
   * @param {{ offset: number, length: number }} range
   * @returns {number} how many bytes; 0 if there is no such message
   */
  copy(bytes, { offset, length }) {
    const message = this.#messages.pop();
    if (message === undefined) {
      return 0;
    }
    const part = message.subarray(0, length);
    bytes.set(part, offset);
    if (part.length < message.length) {
      this.#messages.push(message.subarray(part.length));
    }
    return part.length;
  }

  /** clear() drops the messages. */
  clear() {
    this.#messages = [];
  }
}

module.exports = { Inbox, MOST_AT_ONCE };
