"use strict";

const NodeEmitter = require("node:events");

// Node's own emitter is not changed: this one adds JSRE's features.

/**
 * EventEmitter is Node's, with names in arrays and inherits().
 *
 * @this {any}
 * @param {object} [options] as Node's
 */
function EventEmitter(options) {
  if (!(this instanceof NodeEmitter)) {
    // `EventEmitter.call(object)`, the way before there were classes.
    /** @type {any} */ (NodeEmitter).init.call(this, options);
    return;
  }
  /** @type {any} */ (NodeEmitter).call(this, options);
}

Object.setPrototypeOf(EventEmitter, NodeEmitter);
Object.setPrototypeOf(EventEmitter.prototype, NodeEmitter.prototype);

const TAKES_NAMES = /** @type {const} */ ([
  "addListener",
  "off",
  "on",
  "once",
  "prependListener",
  "prependOnceListener",
  "removeListener",
]);

for (const method of TAKES_NAMES) {
  const single = /** @type {Function} */ (NodeEmitter.prototype[method]);
  define(
    EventEmitter.prototype,
    method,
    /**
     * @param {string | symbol | (string | symbol)[]} names
     * @param {Function} listener
     * @this {any}
     */
    function (names, listener) {
      for (const name of Array.isArray(names) ? names : [names]) {
        single.call(this, name, listener);
      }
      return this;
    },
  );
}

/**
 * @param {object} object
 * @param {PropertyKey} name
 * @param {unknown} value
 */
function define(object, name, value) {
  Object.defineProperty(object, name, {
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}

/**
 * inherits() makes an emitter of an object that exists already.
 *
 * @template {object} T
 * @param {T} object
 * @returns {T & NodeEmitter}
 * @throws {TypeError} when `object` is none
 */
function inherits(object) {
  if (Object(object) !== object) {
    throw new TypeError("argument `object` must be an object");
  }
  for (const proto of [NodeEmitter.prototype, EventEmitter.prototype]) {
    for (const name of Object.getOwnPropertyNames(proto)) {
      const value = /** @type {any} */ (proto)[name];
      if (typeof value === "function" && name !== "constructor") {
        define(object, name, value);
      }
    }
  }
  EventEmitter.call(object);
  return /** @type {T & NodeEmitter} */ (object);
}

define(EventEmitter, "inherits", inherits);
define(EventEmitter, "EventEmitter", EventEmitter);

module.exports = EventEmitter;
