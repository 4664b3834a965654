"use strict";

const SLAB_BYTES = 64 * 1024;
/** The largest message: a record's (RFC 6347 §4.1). */
const MOST_IN_MESSAGE = 16384;
/** 16 MiB: the most memory that messages which a program keeps can hold beyond their own. */
const MOST_ALIVE = 256;

/**
 * SlabPool gives received messages their memory. A message is a view of a slab that it shares with
 * others, because a slab for many messages costs less than memory for each. A message that the program keeps
 * keeps its whole slab, so at most MOST_ALIVE slabs are shared at a time. While that many are in use,
 * each message is a copy with memory of its own.
 */
class SlabPool {
  /** @type {Buffer} */
  #slab = Buffer.alloc(0);
  #used = 0;
  #alive = 0;
  #mostAlive;
  /** @type {Buffer | undefined} the slab to copy from, while no more may be shared */
  #scratch;
  #registry = new FinalizationRegistry(() => this.#alive--);

  /** @param {number} [mostAlive] slabs that may be shared at a time */
  constructor(mostAlive = MOST_ALIVE) {
    this.#mostAlive = mostAlive;
  }

  /**
   * room() returns memory, and the offset in it from which at least one message fits. message() takes
   * it; nothing else of the pool may be called in between.
   *
   * @returns {{ slab: Buffer, offset: number }}
   */
  room() {
    if (this.#slab.length - this.#used < MOST_IN_MESSAGE) {
      this.#renew();
    }
    return { slab: this.#slab, offset: this.#used };
  }

  /**
   * message() returns the message that was written to the slab up to `end`: the first one to
   * the offset of room(), the others one after the other.
   *
   * @param {number} end
   * @returns {Buffer}
   */
  message(end) {
    const start = this.#used;
    if (this.#slab === this.#scratch) {
      const own = Buffer.allocUnsafeSlow(end - start);
      this.#slab.copy(own, 0, start, end);
      this.#used = end;
      return own;
    }
    this.#used = end;
    return Buffer.from(this.#slab.buffer, start, end - start);
  }

  #renew() {
    this.#used = 0;
    if (this.#alive >= this.#mostAlive) {
      this.#scratch ??= Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slab = this.#scratch;
      return;
    }
    this.#scratch = undefined;
    this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#alive++;
    this.#registry.register(this.#slab.buffer, undefined);
  }
}

module.exports = { SLAB_BYTES, SlabPool };
