"use strict";

// Pre-shared keys: their options, and the callbacks that supply them. No error says anything about the
// value of a key.

const known = require("./known");
const validate = require("./validate");

/** @typedef {import("../../types/native").Psk} Psk */
/** @typedef {import("../../types/native").Connection} NativeConnection */

const MAX_IDENTITY = 256;
const MAX_KEY = 64;

/**
 * Identities are bytes (RFC 4279 §5.1 asks for UTF-8, RFC 8446 §4.2.11 for nothing): a string
 * stands for its UTF-8, a Buffer for itself.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {string | Uint8Array}
 */
function identityOf(name, value) {
  if (typeof value !== "string" && !ArrayBuffer.isView(value)) {
    throw validate.typeError(name, "a string or a Buffer", value);
  }
  const identity =
    typeof value === "string" ? value : validate.bytes(name, value);
  const size = Buffer.byteLength(identity);
  if (size === 0 || size > MAX_IDENTITY) {
    throw validate.invalid(
      `\`${name}\` must have 1 to ${MAX_IDENTITY} bytes, but has ${size}`,
    );
  }
  return identity;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {Uint8Array}
 */
function keyOf(name, value) {
  const key = validate.secretBytes(name, value);
  if (key.byteLength === 0 || key.byteLength > MAX_KEY) {
    throw validate.invalid(
      `\`${name}\` must have 1 to ${MAX_KEY} bytes, but has ${key.byteLength}`,
    );
  }
  return key;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {Psk}
 */
function pskOf(name, value) {
  if (typeof value !== "object" || value === null) {
    throw validate.secretTypeError(name, "an object {identity, key}", value);
  }
  const { identity, key } = known.options(name, value, "psk");
  return {
    identity: identityOf(`${name}.identity`, identity),
    key: keyOf(`${name}.key`, key),
  };
}

/**
 * pskOptions() checks `psk` and `pskCallback`.
 *
 * @param {Record<string, unknown>} opt
 * @param {boolean} several whether `psk` may be an array, of a server
 * @returns {{ psk?: Psk[], pskCallback?: Function }} options that are left out are absent
 * @throws {TypeError} when an option has the wrong type
 * @throws {Error} EINVAL when one is out of range
 */
function pskOptions(opt, several) {
  /** @type {{ psk?: Psk[], pskCallback?: Function }} */
  const checked = {};
  if (opt.psk !== undefined) {
    checked.psk =
      several && Array.isArray(opt.psk)
        ? validate
            .elements("opt.psk", opt.psk)
            .map((each, i) => pskOf(`opt.psk[${i}]`, each))
        : [pskOf("opt.psk", opt.psk)];
  }
  if (opt.pskCallback !== undefined) {
    checked.pskCallback = validate.callback("opt.pskCallback", opt.pskCallback);
  }
  return checked;
}

/**
 * asDefect() throws a TypeError where a callback's result is wrong: that is a defect of the program,
 * and must not become the errno of the call that happens to wait.
 *
 * @param {() => Psk} check
 * @returns {Psk}
 */
function asDefect(check) {
  try {
    return check();
  } catch (error) {
    throw new TypeError(/** @type {Error} */ (error).message);
  }
}

/**
 * Asks a server's callback for the key of an identity.
 *
 * @param {Function} callback
 * @returns {(identity: string | Buffer) => unknown}
 */
function askServer(callback) {
  return (identity) =>
    andThen(callback(identity), (key) =>
      key == null
        ? undefined
        : asDefect(() => ({
            identity,
            key: keyOf("the result of pskCallback", key),
          })),
    );
}

/**
 * Asks a client's callback for the key to use; null stands for no hint.
 *
 * @param {Function} callback
 * @returns {(hint: string | Buffer) => unknown}
 */
function askClient(callback) {
  return (hint) =>
    andThen(callback(hint === "" ? null : hint), (psk) =>
      psk == null
        ? undefined
        : asDefect(() => pskOf("the result of pskCallback", psk)),
    );
}

/**
 * @param {unknown} value perhaps a promise
 * @param {(value: unknown) => Psk | undefined} check
 */
function andThen(value, check) {
  const then = /** @type {{ then?: unknown } | undefined} */ (value)?.then;
  return typeof then === "function"
    ? Promise.resolve(value).then(check)
    : check(value);
}

/**
 * answer() asks `ask` for the key that a connection's handshake waits for. If `ask` throws or
 * rejects, the peer gets no key, and the exception passes on.
 *
 * @param {NativeConnection} connection
 * @param {(identity: string | Buffer) => unknown} ask
 */
function answer(connection, ask) {
  const identity = connection.wantedPsk();
  if (identity === undefined) {
    return;
  }
  /** @param {unknown} psk */
  const provide = (psk) =>
    connection.providePsk(/** @type {Psk | undefined} */ (psk));
  /** @param {unknown} error */
  const deny = (error) => {
    provide(undefined);
    throw error;
  };
  let found;
  try {
    found = ask(identity);
  } catch (error) {
    deny(error);
  }
  if (found instanceof Promise) {
    // A rejection is the program's: it stays unhandled, as it would be without us.
    void found.then(provide, deny);
  } else {
    provide(found);
  }
}

module.exports = { answer, askClient, askServer, pskOptions };
