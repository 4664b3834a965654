"use strict";

// Options about the protocol that servers and clients have in common. All of them are extensions of
// JSRE's page.

const validate = require("./validate");

/** @typedef {import("../../types/native").ProtocolOptions} ProtocolOptions */

/** As Node's tls writes them; the addon knows them by their place. */
const VERSIONS = Object.freeze(["DTLSv1.2", "DTLSv1.3"]);

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {number | undefined}
 */
function versionOf(name, value) {
  if (value === undefined) {
    return undefined;
  }
  const index = VERSIONS.indexOf(validate.string(name, value));
  if (index < 0) {
    throw validate.invalid(
      `\`${name}\` must be 'DTLSv1.2' or 'DTLSv1.3': '${value}'`,
    );
  }
  return index;
}

/**
 * @param {Record<string, unknown>} opt
 * @returns {{ minVersion: number | undefined, maxVersion: number | undefined }}
 */
function versionsOf(opt) {
  const minVersion = versionOf("opt.minVersion", opt.minVersion);
  const maxVersion = versionOf("opt.maxVersion", opt.maxVersion);
  if (maxVersion !== undefined && maxVersion < (minVersion ?? 0)) {
    throw validate.invalid(
      "`opt.minVersion` must not be newer than `opt.maxVersion`",
    );
  }
  return { minVersion, maxVersion };
}

/** In the order of preference that they are given in; the numbers are IANA's. */
const SRTP_PROFILES = Object.freeze({
  SRTP_AES128_CM_SHA1_80: 1,
  SRTP_AES128_CM_SHA1_32: 2,
  SRTP_AEAD_AES_128_GCM: 7,
  SRTP_AEAD_AES_256_GCM: 8,
});

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {string[] | undefined}
 */
function stringsOf(name, value) {
  if (value === undefined) {
    return undefined;
  }
  if (!Array.isArray(value)) {
    throw validate.typeError(name, "an array of strings", value);
  }
  return validate
    .elements(name, value)
    .map((each, i) => validate.string(`${name}[${i}]`, each));
}

const MAX_ALPN_NAME = 255;
const MAX_ALPN_LIST = 512;

/**
 * @param {unknown} value
 * @returns {string[] | undefined}
 */
function alpnOf(value) {
  const names = stringsOf("opt.alpn", value);
  const sizes = names?.map((name) => Buffer.byteLength(name)) ?? [];
  if (sizes.some((size) => size === 0 || size > MAX_ALPN_NAME)) {
    throw validate.invalid(
      `a protocol in \`opt.alpn\` must have 1 to ${MAX_ALPN_NAME} bytes`,
    );
  }
  if (sizes.reduce((sum, size) => sum + 1 + size, 0) > MAX_ALPN_LIST) {
    throw validate.invalid(
      `the protocols of \`opt.alpn\`, and a byte for each, must have at most ${MAX_ALPN_LIST} bytes`,
    );
  }
  return names;
}

/**
 * @param {unknown} value
 * @returns {number[] | undefined}
 */
function srtpOf(value) {
  return stringsOf("opt.srtp", value)?.map((name) => {
    if (!Object.hasOwn(SRTP_PROFILES, name)) {
      throw validate.invalid(
        `\`opt.srtp\` must have profiles of ${Object.keys(SRTP_PROFILES).join(", ")}: '${name}'`,
      );
    }
    return SRTP_PROFILES[/** @type {keyof typeof SRTP_PROFILES} */ (name)];
  });
}

/** RFC 8446 §4.2.9; the addon knows them by their place. */
const PSK_KEY_EXCHANGES = Object.freeze(["psk_dhe_ke", "either", "psk_ke"]);

/**
 * @param {unknown} value
 * @returns {number | undefined}
 */
function pskKeyExchangeOf(value) {
  if (value === undefined) {
    return undefined;
  }
  const index = PSK_KEY_EXCHANGES.indexOf(
    validate.string("opt.pskKeyExchange", value),
  );
  if (index < 0) {
    throw validate.invalid(
      `\`opt.pskKeyExchange\` must be 'psk_dhe_ke', 'either' or 'psk_ke': '${value}'`,
    );
  }
  return index;
}

const RECORD_SIZE = Object.freeze({ min: 64, max: 16384 });
/** Bytes of UDP payload. */
const MTU = Object.freeze({ min: 64, max: 65507 });
const FIRST_RETRANSMISSION = Object.freeze({ min: 1, max: 60000 });

/**
 * @param {string} name
 * @param {unknown} value
 * @param {{ min: number, max: number }} range
 * @returns {number | undefined}
 */
function optionalInteger(name, value, { min, max }) {
  return value === undefined
    ? undefined
    : validate.integer(name, value, min, max);
}

/**
 * protocolOptions() checks the options that servers and clients have in common. An option that
 * is left out has the addon's default.
 *
 * @param {Record<string, unknown>} opt
 * @returns {ProtocolOptions}
 * @throws {TypeError} when an option has the wrong type
 * @throws {Error} EINVAL when one is out of range
 */
function protocolOptions(opt) {
  /** @type {Record<string, unknown>} */
  const checked = {
    ...versionsOf(opt),
    alpn: alpnOf(opt.alpn),
    ccm:
      opt.ccm === undefined ? undefined : validate.boolean("opt.ccm", opt.ccm),
    srtp: srtpOf(opt.srtp),
    tickets:
      opt.tickets === undefined
        ? undefined
        : validate.boolean("opt.tickets", opt.tickets),
    pskKeyExchange: pskKeyExchangeOf(opt.pskKeyExchange),
    recordSizeLimit: optionalInteger(
      "opt.recordSizeLimit",
      opt.recordSizeLimit,
      RECORD_SIZE,
    ),
    mtu: optionalInteger("opt.mtu", opt.mtu, MTU),
    firstRetransmission: optionalInteger(
      "opt.firstRetransmission",
      opt.firstRetransmission,
      FIRST_RETRANSMISSION,
    ),
  };
  return Object.fromEntries(
    Object.entries(checked).filter(([, value]) => value !== undefined),
  );
}

module.exports = { SRTP_PROFILES, VERSIONS, protocolOptions };
