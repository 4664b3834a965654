"use strict";

const validate = require("./validate");

// An option that no call reads is a mistake in the program, and perhaps a dangerous one: a client with
// `rejectUnauthorised: true` is not verified. It is warned of, because to refuse it would break
// programs that run on JSRE, where more options may be known.

const PROTOCOL = Object.freeze([
  "minVersion",
  "maxVersion",
  "alpn",
  "ccm",
  "srtp",
  "tickets",
  "pskKeyExchange",
  "recordSizeLimit",
  "mtu",
  "firstRetransmission",
  "psk",
  "pskCallback",
  "renegotiate",
  "handshakeTimeout",
  "keyLogFile",
  "ca",
  "cert",
  "key",
  "passwd",
]);

/** Options by the call that takes them. */
const KNOWN = Object.freeze({
  createServer: Object.freeze([
    ...PROTOCOL,
    "name",
    "ipcert",
    "limits",
    "cookieSecret",
  ]),
  createClient: Object.freeze([
    ...PROTOCOL,
    "session",
    "rejectUnauthorized",
    "rejectUnauthorinzed",
    "loadDefaultCerts",
    "server",
  ]),
  addcert: Object.freeze(["name", "ca", "cert", "key", "passwd"]),
  psk: Object.freeze(["identity", "key"]),
});

/** @typedef {keyof typeof KNOWN} Call */

/**
 * How many letters have to be changed, left out, added or swapped to make one word
 * of the other.
 *
 * @param {string} one
 * @param {string} other
 * @returns {number}
 */
function distance(one, other) {
  /** @type {number[][]} */
  const rows = [Array.from({ length: other.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= one.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1];
      let least = Math.min(
        rows[i - 1][j] + 1,
        rows[i][j - 1] + 1,
        rows[i - 1][j - 1] + (same ? 0 : 1),
      );
      if (i > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        least = Math.min(least, rows[i - 2][j - 2] + 1);
      }
      rows[i][j] = least;
    }
  }
  return rows[one.length][other.length];
}

const MAX_SHOWN = 64;

/**
 * @param {string} name
 * @param {readonly string[]} known
 * @returns {string}
 */
function closest(name, known) {
  const lower = name.slice(0, MAX_SHOWN).toLowerCase();
  let best = known[0];
  for (const each of known) {
    const away = (/** @type {string} */ of) =>
      distance(lower, of.toLowerCase());
    if (away(each) < away(best)) {
      best = each;
    }
  }
  return best;
}

/**
 * isNear() tells whether a name is probably meant to be a known one: at most a quarter of its
 * letters differ.
 *
 * @param {string} name
 * @param {readonly string[]} known
 * @returns {boolean}
 */
function isNear(name, known) {
  const lower = name.slice(0, MAX_SHOWN).toLowerCase();
  return known.some((each) => {
    const most = Math.ceil(each.length / 4);
    return (
      Math.abs(lower.length - each.length) <= most &&
      distance(lower, each.toLowerCase()) <= most
    );
  });
}

/** @type {Set<string>} the newest names that were warned of */
const warned = new Set();
/** A program that makes up names does not fill the memory. */
const MAX_REMEMBERED = 512;
/** Nor does it fill a log; but these names cannot use up the warning of a misspelt option. */
const MAX_STRANGE = 256;
let strange = 0;

/** @param {string} message */
function emit(message) {
  process.emitWarning(message, {
    type: "DtlsWarning",
    code: "DTLS_UNKNOWN_OPTION",
  });
}

/**
 * warn() warns once of each name.
 *
 * @param {string} name
 * @param {boolean} isStrange whether the name resembles no known one
 * @param {() => string} message
 */
function warn(name, isStrange, message) {
  // A list of keys has the same mistake in each place.
  const once = name.replace(/\[\d+\]/, "[]");
  if (warned.has(once) || (isStrange && strange === MAX_STRANGE)) {
    return;
  }
  if (warned.size === MAX_REMEMBERED) {
    const [oldest] = warned;
    warned.delete(oldest);
  }
  warned.add(once);
  emit(message());
  if (isStrange && ++strange === MAX_STRANGE) {
    emit(
      "further unknown options are ignored without a warning, unless their names resemble known ones",
    );
  }
}

/**
 * own() reads properties of the object itself, each once, and warns of those that it inherits: of a
 * class's getters as of a changed Object.prototype.
 *
 * @param {string} name the argument's name
 * @param {object} value
 * @param {readonly string[]} keys
 * @returns {Record<string, unknown>} without a prototype, and without undefined values
 */
function own(name, value, keys) {
  /** @type {Record<string, unknown>} */
  const read = Object.create(null);
  for (const key of keys) {
    if (Object.hasOwn(value, key)) {
      const option = validate.own(value, key);
      if (option !== undefined) {
        read[key] = option;
      }
    } else if (key in value) {
      const shown = `${name}.${key}`;
      warn(
        `${shown} inherited`,
        false,
        () =>
          `option \`${shown}\` is ignored: it is inherited (a class's getters are, too), and options are read from an object's own properties`,
      );
    }
  }
  return read;
}

/**
 * options() reads the known options of a call, of the object's own properties
 * only and each once, and warns once of every name that is not known.
 *
 * @param {string} name the argument's name
 * @param {object} value
 * @param {Call} call
 * @returns {Record<string, unknown>} without a prototype
 */
function options(name, value, call) {
  const known = KNOWN[call];
  const read = own(name, value, known);
  for (const key of Object.keys(value)) {
    if (known.includes(key)) {
      continue;
    }
    const shown = `${name}.${key.slice(0, MAX_SHOWN)}`;
    const other = Object.entries(KNOWN).find(
      ([of, names]) => of !== "psk" && names.includes(key),
    );
    warn(shown, other === undefined && !isNear(key, known), () =>
      call !== "psk" && other
        ? `option \`${shown}\` is ignored: it belongs to ${other[0]}(), and ${call}() does not know it`
        : `option \`${shown}\` is unknown and ignored; the closest known one is \`${closest(key, known)}\``,
    );
  }
  return read;
}

module.exports = { KNOWN, options, own };
