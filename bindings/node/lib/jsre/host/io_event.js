"use strict";

const { INTEREST } = require("../../core/handle");
const validate = require("../../core/validate");

const FD_SETS = Object.freeze({
  [INTEREST.READ]: "read",
  [INTEREST.WRITE]: "write",
  [INTEREST.EXCEPT]: "except",
});

/**
 * IoEvent is an interest in a descriptor, made by event(), that can be added
 * and removed.
 */
class IoEvent {
  /**
   * @param {number} method READ, WRITE or EXCEPT
   * @param {number} fd
   * @param {(arg: any, ioevent: IoEvent) => unknown} callback
   * @param {((arg: any, ioevent: IoEvent) => unknown) | undefined} errback
   * @param {unknown} arg
   */
  constructor(method, fd, callback, errback, arg) {
    this.method = method;
    this.fd = fd;
    this.callback = callback;
    this.errback = errback;
    this.arg = arg;
  }
}

/**
 * event() makes an event for add() or once(), by
 * `event(method, fd, callback[, errback[, arg]])` or
 * `event(method, fd, callback, arg)`, where `arg` is no function.
 *
 * @param {number} method iosched.READ (ACCEPT), WRITE (CONNECT) or EXCEPT
 * @param {number} fd
 * @param {(arg: any, ioevent: IoEvent) => unknown} callback false ends the event
 * @param {unknown} [errback] called when the callback has returned false
 * @param {unknown} [arg] handed to both
 * @returns {IoEvent}
 * @throws {TypeError} when an argument has the wrong type
 */
function event(method, fd, callback, errback, arg) {
  if (!(validate.number("method", method) in FD_SETS)) {
    throw validate.typeError(
      "method",
      "iosched.READ, iosched.WRITE or iosched.EXCEPT",
      method,
    );
  }
  validate.number("fd", fd);
  validate.callback("callback", callback);
  if (errback == null || typeof errback === "function") {
    return new IoEvent(method, fd, callback, /** @type {any} */ (errback), arg);
  }
  if (arg !== undefined) {
    throw validate.typeError("errback", "a function", errback);
  }
  return new IoEvent(method, fd, callback, undefined, errback);
}

/** @param {unknown} ioevent */
function check(ioevent) {
  if (!(ioevent instanceof IoEvent)) {
    throw validate.typeError(
      "ioevent",
      "an event made by iosched.event()",
      ioevent,
    );
  }
  return ioevent;
}

module.exports = { FD_SETS, check, event, IoEvent };
