"use strict";

const { failure } = require("../../core/errors");
const core = require("../../core/handle");
const { attempt, fail } = require("../errno");

/** @typedef {import("../../../types/native").Endpoint} Endpoint */

/**
 * Handle reports failures as JSRE does: by return values, with errno set.
 *
 * @template {Endpoint} E
 * @extends {core.Handle<E>}
 */
class Handle extends core.Handle {
  /**
   * The descriptor, -1 after release(), or with errno set when there can be none.
   *
   * @override
   */
  get fd() {
    return attempt(() => super.fd, -1);
  }

  /**
   * The local address.
   *
   * @override
   */
  get name() {
    return attempt(() => super.name, undefined);
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
    try {
      return action(this.endpoint);
    } catch (error) {
      return this.#fail(error, value);
    }
  }

  /**
   * fail() sets errno and returns `value`, or `-errno` if none is given. After
   * release() errno is always EBADF.
   *
   * @template [U=number]
   * @param {number} errno positive
   * @param {string} message
   * @param {[U?]} value
   * @returns {U}
   */
  fail(errno, message, ...value) {
    return this.use(
      /** @returns {U} */ () => {
        throw failure(errno, message);
      },
      ...value,
    );
  }

  /**
   * release() gives the endpoint up by `how`, and sets errno if `how` fails.
   *
   * @override
   * @param {(endpoint: E) => void} how
   * @returns {boolean} false if the endpoint had been released before
   */
  release(how) {
    return attempt(() => super.release(how), true);
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

module.exports = { Handle };
