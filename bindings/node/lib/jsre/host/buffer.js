"use strict";

const buffer = require("node:buffer");

const NodeBuffer = buffer.Buffer;
const { toString } = NodeBuffer.prototype;

/**
 * `new Buffer(...)` makes zeroed memory from a number, or a copy of the rest.
 * Node deprecated the constructor because mistaking the one for the other
 * revealed memory; zeroed memory reveals nothing.
 *
 * @param {any} value a size, or bytes, or a string
 * @param {any} [fillOrEncoding]
 * @param {any} [length]
 */
function JsreBuffer(value, fillOrEncoding, length) {
  return typeof value === "number"
    ? NodeBuffer.alloc(value, fillOrEncoding, length)
    : NodeBuffer.from(value, fillOrEncoding, length);
}

JsreBuffer.prototype = NodeBuffer.prototype;
Object.setPrototypeOf(JsreBuffer, NodeBuffer);

/**
 * install() makes the thread's Buffers behave like JSRE's: `toString(n)`
 * decodes the first n bytes, which Node's would reject as an encoding.
 */
function install() {
  NodeBuffer.prototype.toString = function (
    /** @type {any} */ encoding,
    /** @type {any[]} */ ...range
  ) {
    return typeof encoding === "number"
      ? toString.call(this, "utf8", 0, encoding)
      : toString.call(this, encoding, ...range);
  };
  globalThis.Buffer = /** @type {any} */ (JsreBuffer);
}

module.exports = {
  install,
  module: Object.assign(Object.create(buffer), { Buffer: JsreBuffer }),
};
