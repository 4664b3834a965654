"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

/** @typedef {import("../../types/native").Native} Native */

const PACKAGE = path.resolve(__dirname, "../..");
const CHECKOUT = path.resolve(PACKAGE, "..", "..");

/** @type {Native | undefined} */
let loaded;

/**
 * candidates() lists where the addon may be, the first choice first: only the file that DTLS_NATIVE
 * names, if it is set; else the builds of the clone that this file stands in, then the package's own.
 *
 * @returns {string[]}
 */
function candidates() {
  if (process.env.DTLS_NATIVE) {
    return [path.resolve(process.env.DTLS_NATIVE)];
  }
  const builds = ["dev", "release"].map((preset) =>
    path.join(CHECKOUT, "build", preset, "dtls_node.node"),
  );
  return [
    ...(fs.existsSync(path.join(CHECKOUT, "CMakePresets.json")) ? builds : []),
    path.join(PACKAGE, "prebuilds", `linux-${process.arch}`, "dtls.node"),
  ];
}

/**
 * libc() names the C library that Node runs on. musl does not tell its version.
 *
 * @returns {string}
 */
function libc() {
  const report = /** @type {any} */ (process.report);
  // Else Node asks the DNS for the names of all connected peers.
  report.excludeNetwork = true;
  const { glibcVersionRuntime } = report.getReport().header;
  return glibcVersionRuntime ? `glibc ${glibcVersionRuntime}` : "musl";
}

/**
 * system() describes the system that the addon must fit.
 *
 * @returns {string}
 */
function system() {
  return `linux ${process.arch}, ${libc()}, Node ${process.versions.node}`;
}

/**
 * buildCommand() returns the command that builds the addon from source. In a clone the repository's
 * address is unknown, and not needed.
 *
 * @returns {string}
 */
function buildCommand() {
  const { repository } = /** @type {any} */ (require("../../package.json"));
  const url = repository?.url.replace(/^git\+/, "");
  return `${url ? `git clone ${url} jsre-dtls && jsre-dtls` : "."}/dev build`;
}

/**
 * @returns {string} the path of the addon
 * @throws {Error} when there is none for this system
 */
function locate() {
  const { platform, arch, versions } = process;
  if (platform !== "linux") {
    throw new Error(
      `@jsre/dtls runs on Linux only, but this is ${platform} ${arch}, Node ${versions.node}`,
    );
  }
  const all = candidates();
  const found = all.find((file) => fs.existsSync(file));
  if (found === undefined) {
    const origin = process.env.DTLS_NATIVE ? " (DTLS_NATIVE)" : "";
    throw new Error(
      `the native part of @jsre/dtls was not found for ${system()}: looked for ${all.join(" and ")}${origin}; ` +
        `run \`${buildCommand()}\` to build it from source, then set DTLS_NATIVE to the path of build/dev/dtls_node.node`,
    );
  }
  return found;
}

/**
 * dlopenFlags() returns the flags for dlopen. Node exports its own OpenSSL symbols, and the addon must
 * not bind to them. Its symbols are hidden and bound when it is linked; RTLD_DEEPBIND, which musl
 * lacks, makes it prefer the libraries that it was linked with, too. Sanitizers refuse that flag,
 * because it would hide their interceptors as well.
 *
 * @returns {number}
 */
function dlopenFlags() {
  const { RTLD_NOW, RTLD_DEEPBIND = 0 } =
    /** @type {Record<string, number>} */ (os.constants.dlopen);
  const sanitized = /lib[at]san/.test(process.env.LD_PRELOAD ?? "");
  return sanitized ? RTLD_NOW : RTLD_NOW | RTLD_DEEPBIND;
}

/**
 * native() returns the addon of this thread and loads it on the first call, so
 * that modules without an addon (events, timers) work without one.
 *
 * @returns {Native}
 * @throws {Error} when there is no addon for this system, or it cannot be loaded
 */
function native() {
  if (loaded === undefined) {
    const file = locate();
    const target = { exports: /** @type {any} */ ({}) };
    try {
      process.dlopen(target, file, dlopenFlags());
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      throw new Error(
        `the native part of @jsre/dtls cannot be loaded on ${system()}: ${message}; ` +
          `run \`${buildCommand()}\` to build it from source, then set DTLS_NATIVE to the path of build/dev/dtls_node.node`,
      );
    }
    loaded = /** @type {Native} */ (target.exports);
  }
  return loaded;
}

module.exports = { native };
