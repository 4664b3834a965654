"use strict";

const { ERRNO, attempt, fail, failure } = require("./errors");
const { loop } = require("./loop");

/** @typedef {import("../types/native").Address} Address */
/** @typedef {import("../types/native").Endpoint} Endpoint */
/** @typedef {import("./watch").Watch} Watch */

/** Readiness, numbered as in iosched. */
const INTEREST = Object.freeze({ READ: 0, WRITE: 1, EXCEPT: 2 });

/**
 * Handle owns the native endpoint behind a Dtls object. It turns failures into
 * return values with errno set, and stays answerable after the endpoint is gone.
 *
 * @template {Endpoint} E
 */
class Handle {
  /** @type {E | undefined} */
  #endpoint;
  /** @type {Address | undefined} the local address, kept for after release() */
  #name;
  /** @type {number | undefined} the descriptor, once the program has seen it */
  #seenFd;
  /** @type {Set<Watch>} */
  #watches = new Set();

  /**
   * Called before the endpoint is gone, whoever releases it.
   *
   * @type {(() => void) | undefined}
   */
  onrelease;

  /** @param {E} endpoint */
  constructor(endpoint) {
    this.#endpoint = endpoint;
  }

  /** The descriptor, -1 after release(). */
  get fd() {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) {
      return -1;
    }
    this.#seenFd = attempt(() => endpoint.fd, -1);
    return this.#seenFd;
  }

  get isOpen() {
    return this.#endpoint !== undefined;
  }

  /** The local address. */
  get name() {
    if (this.#endpoint !== undefined) {
      return this.use((endpoint) => endpoint.sockName(), undefined);
    }
    return this.#name && { ...this.#name };
  }

  /**
   * use() runs `action` on the endpoint. If that fails it sets errno and
   * returns `value`, or `-errno` if none is given; EBADF after release().
   *
   * @template T, [U=number]
   * @param {(endpoint: E) => T} action
   * @param {[U?]} value
   * @returns {T | U}
   */
  use(action, ...value) {
    if (this.#endpoint === undefined) {
      return this.fail(ERRNO.EBADF, "this Dtls object is closed", ...value);
    }
    try {
      return action(this.#endpoint);
    } catch (error) {
      return this.#fail(error, value);
    }
  }

  /**
   * peek() runs `action` on the endpoint, and returns undefined without
   * touching errno if that fails or there is none any more.
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
   * fail() sets errno and returns `value`, or `-errno` if none is given. After
   * release() errno is EBADF, whatever else is wrong.
   *
   * @template [U=number]
   * @param {number} errno positive
   * @param {string} message
   * @param {[U?]} value
   * @returns {U}
   */
  fail(errno, message, ...value) {
    const error = this.#endpoint
      ? failure(errno, message)
      : failure(ERRNO.EBADF, "this Dtls object is closed");
    return this.#fail(error, value);
  }

  /**
   * watch() has `deliver` called when the endpoint is ready, until the watch is
   * stopped or the endpoint released.
   *
   * @param {number} interest
   * @param {() => boolean} deliver returns false if there was nothing to do
   * @param {number} [fd] what iosched.poll() reports as ready
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
   * watchBy() does so with a watch that `begin` makes.
   *
   * @param {(endpoint: E) => number} begin
   * @param {number} interest
   * @param {() => boolean} deliver
   * @param {number} [fd]
   * @returns {Watch}
   * @throws {Error} EBADF after release()
   */
  watchBy(begin, interest, deliver, fd) {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) {
      throw failure(ERRNO.EBADF, "this Dtls object is closed");
    }
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
   * release() parts with the endpoint by `how`. What iosched watches on its
   * descriptor ends with it.
   *
   * @param {(endpoint: E) => void} how
   * @returns {boolean} false if that had been done before
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
    attempt(() => how(endpoint), undefined);
    return true;
  }

  /**
   * @template U
   * @param {unknown} error
   * @param {[U?]} value
   * @returns {U}
   */
  #fail(error, value) {
    const { errno } = /** @type {{ errno: number }} */ (error);
    return fail(error, /** @type {U} */ (value.length > 0 ? value[0] : -errno));
  }
}

module.exports = { Handle, INTEREST };
