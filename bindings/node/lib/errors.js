"use strict";

const os = require("node:os");
const util = require("node:util");

/** @typedef {import("../types/native").NativeError} DtlsError */

// Node leaves out some of Linux's numbers.
const ERRNO = Object.freeze({ ...os.constants.errno, ESHUTDOWN: 108 });

// Every thread loads this module anew: errno is per task without further ado.
let errno = 0;
/** @type {DtlsError | undefined} */
let last;

/**
 * getErrno() returns the number of this task's last failure, 0 if none (Linux numbers).
 *
 * @returns {number}
 */
function getErrno() {
  return errno;
}

/**
 * setErrno() sets this task's errno; 0 clears it. What lastError() told belongs
 * to the old number and is forgotten.
 *
 * @param {number} number
 */
function setErrno(number) {
  errno = number;
  last = undefined;
}

/**
 * lastError() returns the failure behind errno: `errno`, `code`, a sentence in
 * `message` saying what to do, and `alert` when TLS alerted.
 *
 * @returns {DtlsError | undefined}
 */
function lastError() {
  return last;
}

/**
 * fail() records a failure of the world and returns `value`, so that a caller
 * writes `return fail(error, undefined)`. What carries no errno is a defect or
 * a misuse, not a condition of the world: it is thrown on.
 *
 * @template T
 * @param {unknown} error
 * @param {T} value
 * @returns {T}
 */
function fail(error, value) {
  const failure = /** @type {Partial<DtlsError> | undefined} */ (error);
  if (typeof failure?.errno !== "number") {
    throw error;
  }
  // Node's own errors (fs) have negative numbers, ours positive ones.
  errno = Math.abs(failure.errno);
  last = /** @type {DtlsError} */ (error);
  return value;
}

/**
 * failure() makes an error of a Linux errno.
 *
 * @param {number} number positive errno
 * @param {string} message a sentence: what was expected, what to do
 * @returns {DtlsError}
 */
function failure(number, message) {
  const error = /** @type {DtlsError} */ (new Error(message));
  error.errno = number;
  error.code = util.getSystemErrorName(-number);
  return error;
}

/**
 * attempt() runs `action`; if it fails with an errno, records that and returns `value`.
 *
 * @template T, U
 * @param {() => T} action
 * @param {U} value
 * @returns {T | U}
 */
function attempt(action, value) {
  try {
    return action();
  } catch (error) {
    return fail(error, value);
  }
}

module.exports = {
  ERRNO,
  attempt,
  fail,
  failure,
  getErrno,
  lastError,
  setErrno,
};
