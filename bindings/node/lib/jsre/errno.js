"use strict";

// JSRE reports a failure by a return value and sets the task's errno, as C does.

/** @typedef {import("../../types/native").NativeError} DtlsError */

// Every thread loads this module anew, so each task has its own errno.
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
 * setErrno() sets this task's errno; 0 clears it. It also forgets the error that lastError()
 * returned, which belonged to the previous number.
 *
 * @param {number} number
 */
function setErrno(number) {
  errno = number;
  last = undefined;
}

/**
 * lastError() returns the failure behind errno: `errno`, `code`, a sentence in
 * `message` that says what to do, and `alert` when the failure was a TLS alert.
 *
 * @returns {DtlsError | undefined}
 */
function lastError() {
  return last;
}

/**
 * fail() records an error that has an errno and returns `value`, so that a caller
 * writes `return fail(error, undefined)`. It rethrows any other error, which is
 * a defect or a misuse.
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
 * attempt() runs `action`; if it throws an error with an errno, attempt() records that error
 * and returns `value`.
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

module.exports = { attempt, fail, getErrno, lastError, setErrno };
