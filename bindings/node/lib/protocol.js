"use strict";

// Options about the protocol that servers and clients have in common. All of them are extensions of
// JSRE's page.

const validate = require("./validate");

/** @typedef {import("../types/native").ProtocolOptions} ProtocolOptions */

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

/**
 * protocolOptions() checks what servers and clients have in common. What is left
 * out has the addon's default.
 *
 * @param {Record<string, unknown>} opt
 * @returns {ProtocolOptions}
 * @throws {TypeError} when an option has the wrong type
 * @throws {Error} EINVAL when one is out of range
 */
function protocolOptions(opt) {
  /** @type {Record<string, unknown>} */
  const checked = { ...versionsOf(opt) };
  return Object.fromEntries(
    Object.entries(checked).filter(([, value]) => value !== undefined),
  );
}

module.exports = { VERSIONS, protocolOptions };
