"use strict";

const known = require("./known");
const { protocolOptions } = require("./protocol");
const { pskOptions } = require("./psk");
const { Session } = require("./session");
const validate = require("./validate");

/** @typedef {import("../../types/native").ServerOptions} ServerOptions */
/** @typedef {import("../../types/native").ClientOptions} ClientOptions */
/** @typedef {import("../../types/native").Identity} Identity */

/** All in milliseconds. */
const HANDSHAKE_TIMEOUT = Object.freeze({
  min: 2000,
  max: 120000,
  default: 60000,
});

/**
 * @param {unknown} value
 * @returns {number} milliseconds
 */
function handshakeTimeout(value) {
  return value === undefined
    ? HANDSHAKE_TIMEOUT.default
    : validate.integer(
        "opt.handshakeTimeout",
        value,
        HANDSHAKE_TIMEOUT.min,
        HANDSHAKE_TIMEOUT.max,
      );
}

/**
 * identityOf() checks the credentials of a server. The PEM of `cert` may contain the key.
 *
 * @param {Record<string, unknown>} opt
 * @param {boolean} [required] whether there must be a certificate
 * @returns {Identity}
 */
function identityOf(opt, required = true) {
  return {
    name: validate.optionalString("opt.name", opt.name),
    ca: validate.optionalPem("opt.ca", opt.ca),
    cert: required
      ? validate.pem("opt.cert", opt.cert)
      : (validate.optionalPem("opt.cert", opt.cert) ?? ""),
    key: validate.optionalPem("opt.key", opt.key),
    passwd: validate.optionalSecret("opt.passwd", opt.passwd),
  };
}

const LIMITS = Object.freeze([
  "acceptQueue",
  "associations",
  "associationsPerAddress",
  "halfOpen",
  "halfOpenBytes",
  "halfOpenPerAddress",
]);
const MAX_LIMIT = 2 ** 31 - 1;
const COOKIE_SECRET_BYTES = 32;

/**
 * @param {unknown} value
 * @returns {Record<string, number> | undefined}
 */
function limitsOf(value) {
  if (value === undefined) {
    return undefined;
  }
  const given = validate.object("opt.limits", value);
  for (const name of Object.keys(given)) {
    if (!LIMITS.includes(name)) {
      throw validate.invalid(
        `there is no limit \`opt.limits.${name}\`; known are ${LIMITS.join(", ")}`,
      );
    }
  }
  /** @type {Record<string, number>} */
  const limits = {};
  const read = known.own("opt.limits", given, LIMITS);
  for (const name of LIMITS.filter((each) => Object.hasOwn(given, each))) {
    const limit = read[name];
    limits[name] = validate.integer(`opt.limits.${name}`, limit, 1, MAX_LIMIT);
  }
  return limits;
}

/**
 * @param {unknown} value
 * @returns {Uint8Array | undefined}
 */
function cookieSecretOf(value) {
  if (value === undefined) {
    return undefined;
  }
  const secret = validate.bytes("opt.cookieSecret", value);
  if (secret.byteLength !== COOKIE_SECRET_BYTES) {
    throw validate.invalid(
      `\`opt.cookieSecret\` must be ${COOKIE_SECRET_BYTES} random bytes, but has ${secret.byteLength}`,
    );
  }
  return secret;
}

let warned = false;

/**
 * keyLogFileOf() returns the file to which the secrets of handshakes are written for Wireshark: the
 * option, or SSLKEYLOGFILE of the environment. It warns once that this happens.
 *
 * @param {unknown} value
 * @returns {string | undefined}
 */
function keyLogFileOf(value) {
  const file =
    validate.optionalString("opt.keyLogFile", value) ??
    (process.env.SSLKEYLOGFILE || undefined);
  if (file !== undefined && !warned) {
    warned = true;
    process.emitWarning(
      `the keys of DTLS associations are written to ${file}: whoever can read it can read the traffic`,
      "SecurityWarning",
    );
  }
  return file;
}

/**
 * serverOptions() checks the options of createServer() and fills in defaults.
 *
 * @param {unknown} value
 * @returns {ServerOptions}
 * @throws {TypeError} when an option has the wrong type
 * @throws {Error} EINVAL when one is out of range
 */
function serverOptions(value) {
  const opt = known.options(
    "opt",
    validate.object("opt", value),
    "createServer",
  );
  const psk = pskOptions(opt, true);
  const hasPsk = Object.hasOwn(psk, "psk") || Object.hasOwn(psk, "pskCallback");
  return {
    ...identityOf(opt, !hasPsk),
    ...protocolOptions(opt),
    ...psk,
    ipcert: validate.boolean("opt.ipcert", opt.ipcert, false),
    renegotiate: validate.boolean("opt.renegotiate", opt.renegotiate, false),
    handshakeTimeout: handshakeTimeout(opt.handshakeTimeout),
    limits: limitsOf(opt.limits),
    cookieSecret: cookieSecretOf(opt.cookieSecret),
    keyLogFile: keyLogFileOf(opt.keyLogFile),
  };
}

/**
 * identityOptions() checks the options of addcert().
 *
 * @param {unknown} value
 * @returns {Identity}
 * @throws {TypeError} when an option has the wrong type
 */
function identityOptions(value) {
  const opt = known.options("opt", validate.object("opt", value), "addcert");
  return { ...identityOf(opt), name: validate.string("opt.name", opt.name) };
}

/**
 * clientOptions() checks the options of createClient() and fills in defaults.
 * EdgerOS's declarations spell it `rejectUnauthorinzed`, so programs do as well.
 *
 * @param {unknown} value
 * @returns {ClientOptions}
 * @throws {TypeError} when an option has the wrong type
 * @throws {Error} EINVAL when one is out of range
 */
function clientOptions(value) {
  const opt = known.options(
    "opt",
    value == null ? {} : validate.object("opt", value),
    "createClient",
  );
  const { rejectUnauthorized = opt.rejectUnauthorinzed } = opt;
  return {
    ...protocolOptions(opt),
    ...pskOptions(opt, false),
    ...(opt.session != null && {
      session: Session.ticketOf("opt.session", opt.session),
    }),
    rejectUnauthorized: validate.boolean(
      "opt.rejectUnauthorized",
      rejectUnauthorized,
      false,
    ),
    loadDefaultCerts: validate.boolean(
      "opt.loadDefaultCerts",
      opt.loadDefaultCerts,
      false,
    ),
    ca: validate.optionalPem("opt.ca", opt.ca),
    cert: validate.optionalPem("opt.cert", opt.cert),
    key: validate.optionalPem("opt.key", opt.key),
    passwd: validate.optionalSecret("opt.passwd", opt.passwd),
    server: validate.optionalString("opt.server", opt.server),
    renegotiate: validate.boolean("opt.renegotiate", opt.renegotiate, false),
    handshakeTimeout: handshakeTimeout(opt.handshakeTimeout),
    keyLogFile: keyLogFileOf(opt.keyLogFile),
  };
}

module.exports = {
  HANDSHAKE_TIMEOUT,
  clientOptions,
  identityOptions,
  serverOptions,
};
