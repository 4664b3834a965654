"use strict";

const { loop } = require("../../core/loop");
const { native } = require("../../core/native");
const validate = require("../../core/validate");
const { getErrno, lastError, setErrno } = require("../errno");

const MAX_ERRNO = 4095;

/**
 * error() describes an errno. Without an argument it describes this task's last
 * failure, with the sentence of lastError().
 *
 * @param {number} [errno] default: sys.errno()
 * @returns {string}
 */
function error(errno) {
  if (errno !== undefined) {
    return native().errnoMessage(validate.number("errno", errno));
  }
  const message = native().errnoMessage(getErrno());
  const detail = lastError()?.message;
  return detail === undefined ? message : `${message}: ${detail}`;
}

/**
 * sleep() waits; timers, promise jobs, Node's own work and DTLS retransmissions go on.
 *
 * @param {number} ms milliseconds
 * @returns {number} 0
 */
function sleep(ms) {
  validate.number("ms", ms);
  loop().waitUntil(() => undefined, Math.max(ms, 0));
  return 0;
}

module.exports = {
  clearErrno: () => setErrno(0),
  errno: getErrno,
  error,
  setErrno: (/** @type {number} */ errno) =>
    setErrno(validate.integer("errno", errno, 0, MAX_ERRNO)),
  sleep,
};
