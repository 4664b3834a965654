"use strict";

/** @typedef {import("../../../types/native").Address} Address */

/**
 * Handles of this thread's servers that accept by a callback.
 *
 * @type {Set<{ name: Address | undefined }>}
 */
const servers = new Set();

const EVERYWHERE = ["0.0.0.0", "::"];

/**
 * isOwnServer() returns whether a server of this thread that accepts by a
 * callback has the address.
 *
 * @param {Address} address
 * @returns {boolean}
 */
function isOwnServer({ addr, port }) {
  return [...servers].some(({ name }) => {
    return (
      name !== undefined &&
      name.port === port &&
      (name.addr === addr || EVERYWHERE.includes(name.addr))
    );
  });
}

module.exports = { isOwnServer, servers };
