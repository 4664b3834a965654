"use strict";

const { ERRNO, failure } = require("./errors");
const { loop } = require("./loop");

/** @typedef {import("../../types/native").Address} Address */
/** @typedef {import("../../types/native").Endpoint} Endpoint */
/** @typedef {import("./watch").Watch} Watch */

/** Readiness, numbered as in iosched. */
const INTEREST = Object.freeze({ READ: 0, WRITE: 1, EXCEPT: 2 });

const closed = () => failure(ERRNO.EBADF, "this Dtls object is closed");

/**
 * Handle owns the native endpoint behind an object of the module, and the watches on it. It
 * remains usable after the endpoint has been released: then calls fail with EBADF. Failures are
 * thrown; a shape that reports them in another way extends this class.
 *
 * @template {Endpoint} E
 */
class Handle {
  /** @type {E | undefined} */
  #endpoint;
  /** @type {Address | undefined} the local address, kept for after release() */
  #name;
  /** @type {number | undefined} the descriptor, once the program has read it */
  #seenFd;
  /** @type {Set<Watch>} */
  #watches = new Set();

  /**
   * Called before the endpoint is released.
   *
   * @type {(() => void) | undefined}
   */
  onrelease;

  /** @param {E} endpoint */
  constructor(endpoint) {
    this.#endpoint = endpoint;
  }

  get isOpen() {
    return this.#endpoint !== undefined;
  }

  /**
   * The native endpoint.
   *
   * @returns {E}
   * @throws {Error} EBADF after release()
   */
  get endpoint() {
    if (this.#endpoint === undefined) {
      throw closed();
    }
    return this.#endpoint;
  }

  /**
   * The descriptor, -1 after release().
   *
   * @returns {number}
   * @throws {Error} when the connection cannot be given a socket of its own
   */
  get fd() {
    this.#seenFd = this.#endpoint?.fd;
    return this.#seenFd ?? -1;
  }

  /**
   * The local address, also after release().
   *
   * @returns {Address | undefined}
   */
  get name() {
    return this.#endpoint?.sockName() ?? (this.#name && { ...this.#name });
  }

  /**
   * peek() runs `action` on the endpoint. It returns undefined if that fails or the endpoint has
   * been released.
   *
   * @template T
   * @param {(endpoint: E) => T} action
   * @returns {T | undefined}
   */
  peek(action) {
    try {
      return this.#endpoint && action(this.#endpoint);
    } catch {
      return undefined;
    }
  }

  /**
   * watch() calls `deliver` whenever the endpoint is ready, until the watch is
   * stopped or the endpoint released.
   *
   * @param {number} interest
   * @param {() => boolean} deliver returns false if there was nothing to do
   * @param {number} [fd] the descriptor that iosched.poll() reports as ready
   * @returns {Watch}
   * @throws {Error} EBADF after release()
   */
  watch(interest, deliver, fd) {
    return this.watchBy(
      (endpoint) => endpoint.watch(interest),
      interest,
      deliver,
      fd,
    );
  }

  /**
   * watchBy() is watch() with a native watch that `begin` makes.
   *
   * @param {(endpoint: E) => number} begin
   * @param {number} interest
   * @param {() => boolean} deliver
   * @param {number} [fd]
   * @returns {Watch}
   * @throws {Error} EBADF after release()
   */
  watchBy(begin, interest, deliver, fd) {
    const { endpoint } = this;
    const open = () => begin(endpoint);
    const what = { interest, fd, owned: true };
    const watch = loop().watch(open, deliver, what);
    this.#watches.add(watch);
    return watch;
  }

  /** @param {Watch | undefined} watch */
  unwatch(watch) {
    if (watch !== undefined) {
      watch.stop();
      this.#watches.delete(watch);
    }
  }

  /**
   * release() gives the endpoint up by `how`. It also ends the watches of the program on
   * the endpoint's descriptor.
   *
   * @param {(endpoint: E) => void} how
   * @returns {boolean} false if the endpoint had been released before
   * @throws {Error} the failure of `how`; the endpoint is released all the same
   */
  release(how) {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) {
      return false;
    }
    this.#name = this.peek(() => endpoint.sockName());
    this.onrelease?.();
    for (const watch of this.#watches) {
      this.unwatch(watch);
    }
    if (this.#seenFd !== undefined) {
      loop().forgetFd(this.#seenFd);
    }
    this.#endpoint = undefined;
    how(endpoint);
    return true;
  }
}

module.exports = { Handle, INTEREST };
