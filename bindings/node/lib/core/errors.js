"use strict";

const os = require("node:os");
const util = require("node:util");

/** @typedef {import("../../types/native").NativeError} DtlsError */

// Node leaves out some of Linux's numbers.
const ERRNO = Object.freeze({ ...os.constants.errno, ESHUTDOWN: 108 });

/**
 * failure() makes an error of a Linux errno.
 *
 * @param {number} number positive errno
 * @param {string} message what failed, what was expected, what to do
 * @returns {DtlsError}
 */
function failure(number, message) {
  const error = /** @type {DtlsError} */ (new Error(message));
  error.errno = number;
  error.code = util.getSystemErrorName(-number);
  return error;
}

module.exports = { ERRNO, failure };
