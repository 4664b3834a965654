"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

/** @typedef {import("../types/native").Native} Native */

const ROOT = path.resolve(__dirname, "..", "..", "..");
const CANDIDATES = ["dev", "release"].map((preset) =>
  path.join(ROOT, "build", preset, "dtls_node.node"),
);

/** @type {Native | undefined} */
let loaded;

/**
 * The path of the addon: what DTLS_NATIVE names, else the first build present.
 *
 * @returns {string}
 */
function locate() {
  const named = process.env.DTLS_NATIVE;
  const found = named
    ? fs.existsSync(named) && path.resolve(named)
    : CANDIDATES.find((file) => fs.existsSync(file));
  if (found) {
    return found;
  }
  const looked = named ? `${named} (from DTLS_NATIVE)` : CANDIDATES.join(", ");
  throw new Error(
    `the native part of @jsre/dtls is not built: looked for ${looked}; ` +
      "run `./dev build` in the repository, or set DTLS_NATIVE to the path of dtls_node.node",
  );
}

/**
 * Node exports its own OpenSSL symbols, and the addon must not bind to them:
 * RTLD_DEEPBIND makes it prefer the libraries it was linked with. Sanitizers
 * refuse that flag, because it would hide their interceptors as well.
 *
 * @returns {number} flags for dlopen
 */
function dlopenFlags() {
  const { RTLD_NOW, RTLD_DEEPBIND = 0 } =
    /** @type {Record<string, number>} */ (os.constants.dlopen);
  const sanitized = /lib[at]san/.test(process.env.LD_PRELOAD ?? "");
  return sanitized ? RTLD_NOW : RTLD_NOW | RTLD_DEEPBIND;
}

/**
 * native() returns the addon of this thread and loads it on the first call, so
 * that what needs no addon (addresses, events, timers) works without one.
 *
 * @returns {Native}
 * @throws {Error} when the addon is not built or cannot be loaded
 */
function native() {
  if (loaded === undefined) {
    const file = locate();
    const target = { exports: /** @type {any} */ ({}) };
    process.dlopen(target, file, dlopenFlags());
    loaded = /** @type {Native} */ (target.exports);
  }
  return loaded;
}

module.exports = { native };
