"use strict";

const validate = require("./validate");

/**
 * Session is a ticket that a server has given (RFC 5077, RFC 8446 §4.6.1), for the
 * option `session` of a later client of the same thread. Its secrets are wiped
 * when it is collected.
 */
class Session {
  #ticket;

  /** @param {unknown} ticket the addon's object */
  constructor(ticket) {
    this.#ticket = ticket;
  }

  /**
   * ticketOf() returns the addon's object behind a Session.
   *
   * @param {string} name
   * @param {unknown} value
   * @returns {unknown}
   * @throws {TypeError} when it is no Session
   */
  static ticketOf(name, value) {
    if (typeof value !== "object" || value === null || !(#ticket in value)) {
      throw validate.typeError(name, "the `session` of a connection", value);
    }
    return value.#ticket;
  }
}

module.exports = { Session };
