"use strict";

const util = require("node:util");

const { ERRNO, failure } = require("./errors");

/** More than any option can use; a made-up array may claim any length. */
const MAX_ELEMENTS = 65536;

/** instanceof looks at the prototype only, so it takes objects that have no bytes. */
const isUint8Array = util.types.isUint8Array;

// A wrong type is a mistake in the program and throws a TypeError; a value out
// of range is reported like a condition of the world, as an error with EINVAL.

/**
 * @param {unknown} value
 * @returns {string}
 */
function describe(value) {
  if (value === null || value === undefined || Number.isNaN(value)) {
    return String(value);
  }
  if (typeof value === "object") {
    return `an instance of ${value.constructor?.name ?? "Object"}`;
  }
  return typeof value === "function"
    ? "a function"
    : `${typeof value} (${String(value)})`;
}

/**
 * @param {string} name the argument's name
 * @param {string} expected
 * @param {unknown} value
 * @returns {TypeError}
 */
function typeError(name, expected, value) {
  return new TypeError(
    `argument \`${name}\` must be ${expected}, but is ${describe(value)}`,
  );
}

/**
 * secretTypeError() makes a TypeError that does not show the value, which may be a secret.
 *
 * @param {string} name the argument's name
 * @param {string} expected
 * @param {unknown} value
 * @returns {TypeError}
 */
function secretTypeError(name, expected, value) {
  return new TypeError(
    `argument \`${name}\` must be ${expected}, but its type is ${typeof value}`,
  );
}

/**
 * @param {string} message
 * @returns {Error}
 */
function invalid(message) {
  return failure(ERRNO.EINVAL, message);
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
function object(name, value) {
  if (typeof value !== "object" || value === null) {
    throw typeError(name, "an object", value);
  }
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * own() reads a property once, and only one of the object itself: a property of a prototype, which any
 * library of the program can change, is no option.
 *
 * @param {object} value
 * @param {string} key
 * @returns {unknown} undefined if there is none
 */
function own(value, key) {
  return Object.hasOwn(value, key)
    ? /** @type {Record<string, unknown>} */ (value)[key]
    : undefined;
}

/**
 * array() reads an array of the program into one of ours.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {unknown[]}
 */
function array(name, value) {
  if (!Array.isArray(value)) {
    throw typeError(name, "an array", value);
  }
  return elements(name, value);
}

/**
 * elements() reads an array into one of ours, each place once. Methods of the array are not called.
 *
 * @param {string} name
 * @param {unknown[]} array
 * @returns {unknown[]}
 * @throws {Error} EINVAL when there are too many
 */
function elements(name, array) {
  const length = array.length;
  if (length > MAX_ELEMENTS) {
    throw invalid(
      `\`${name}\` must have at most ${MAX_ELEMENTS} elements, but has ${length}`,
    );
  }
  const read = [];
  for (let i = 0; i < length; i++) {
    read.push(array[i]);
  }
  return read;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {string}
 */
function string(name, value) {
  if (typeof value !== "string") {
    throw typeError(name, "a string", value);
  }
  return value;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {string | undefined}
 */
function optionalString(name, value) {
  return value == null ? undefined : string(name, value);
}

/**
 * optionalPem() takes PEM text, or a Buffer of it, as Node's fs.readFileSync() returns.
 * It does not turn a Buffer into a string, because a string with a key in it cannot be wiped.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {string | Uint8Array | undefined}
 */
function optionalPem(name, value) {
  if (value == null) {
    return undefined;
  }
  if (isUint8Array(value)) {
    return /** @type {Uint8Array} */ (value);
  }
  if (typeof value !== "string") {
    throw secretTypeError(name, "a string of PEM", value);
  }
  return value;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {string | undefined}
 */
function optionalSecret(name, value) {
  if (value != null && typeof value !== "string") {
    throw secretTypeError(name, "a string", value);
  }
  return value ?? undefined;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {string | Uint8Array}
 */
function pem(name, value) {
  const text = optionalPem(name, value);
  if (text === undefined) {
    throw typeError(
      name,
      "a string of PEM (fs.readString() returns undefined for a file that it cannot read)",
      value,
    );
  }
  return text;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @param {boolean} [fallback] the value that `undefined` stands for; without it a value is required
 * @returns {boolean}
 */
function boolean(name, value, fallback) {
  if (value === undefined && fallback !== undefined) {
    return fallback;
  }
  if (typeof value !== "boolean") {
    throw typeError(name, "a boolean", value);
  }
  return value;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {number}
 */
function number(name, value) {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw typeError(name, "a number", value);
  }
  return value;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @param {number} min
 * @param {number} max
 * @returns {number}
 * @throws {Error} EINVAL when it is no integer in min..max
 */
function integer(name, value, min, max) {
  const n = number(name, value);
  if (!Number.isInteger(n) || n < min || n > max) {
    throw invalid(`\`${name}\` must be an integer from ${min} to ${max}: ${n}`);
  }
  return n;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {Function}
 */
function callback(name, value) {
  if (typeof value !== "function") {
    throw typeError(name, "a function", value);
  }
  return value;
}

/**
 * handler() checks the callback of a property; null and undefined remove it.
 *
 * @template {Function} T
 * @param {string} name
 * @param {T | null | undefined} value
 * @returns {T | undefined}
 */
function handler(name, value) {
  if (value == null) {
    return undefined;
  }
  callback(name, value);
  return value;
}

/**
 * timeout() checks a wait in milliseconds. `undefined` and Infinity wait for ever.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {number | undefined}
 */
function timeout(name, value) {
  if (value === undefined) {
    return undefined;
  }
  const ms = number(name, value);
  if (ms < 0) {
    throw invalid(
      `\`${name}\` must not be negative (leave it out to wait for ever): ${ms}`,
    );
  }
  return ms === Infinity ? undefined : ms;
}

/**
 * bytes() returns the bytes of a Buffer, or of any other view of an ArrayBuffer.
 *
 * @param {string} name
 * @param {unknown} value
 * @param {string} [expected]
 * @returns {Uint8Array}
 */
function bytes(name, value, expected = "a Buffer") {
  if (isUint8Array(value)) {
    return /** @type {Uint8Array} */ (value);
  }
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  throw typeError(name, expected, value);
}

/**
 * secretBytes() is bytes() for a secret: its errors do not show the value.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {Uint8Array}
 */
function secretBytes(name, value) {
  if (!ArrayBuffer.isView(value)) {
    throw secretTypeError(name, "a Buffer", value);
  }
  return bytes(name, value);
}

/**
 * range() checks a part of a buffer, by default all from `offset` on.
 *
 * @param {Uint8Array} buffer
 * @param {unknown} offset
 * @param {unknown} length
 * @returns {{ offset: number, length: number }}
 * @throws {Error} EINVAL when it is not inside the buffer
 */
function range(buffer, offset, length) {
  const size = buffer.byteLength;
  const start = offset === undefined ? 0 : integer("offset", offset, 0, size);
  const most = size - start;
  const part =
    length === undefined
      ? most
      : integer("length", length, 0, Number.MAX_SAFE_INTEGER);
  if (part > most) {
    throw invalid(
      `\`offset\` (${start}) + \`length\` (${part}) go beyond the ${size} bytes of \`buffer\``,
    );
  }
  return { offset: start, length: part };
}

/**
 * unshortened() throws if a buffer has lost bytes of a range that it had: callbacks that are called
 * while a call waits may transfer or resize it.
 *
 * @param {string} name
 * @param {Uint8Array} buffer
 * @param {{ offset: number, length: number }} range
 * @throws {TypeError}
 */
function unshortened(name, buffer, range) {
  const end = range.offset + range.length;
  if (buffer.byteLength < end) {
    throw new TypeError(
      `\`${name}\` was transferred or resized while the call waited: it had ${end} bytes or more, and has ${buffer.byteLength}; keep it until the call returns`,
    );
  }
}

module.exports = {
  array,
  boolean,
  bytes,
  callback,
  elements,
  handler,
  integer,
  invalid,
  number,
  object,
  optionalPem,
  optionalSecret,
  optionalString,
  own,
  pem,
  range,
  secretBytes,
  secretTypeError,
  string,
  timeout,
  typeError,
  unshortened,
};
