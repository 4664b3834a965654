"use strict";

const Module = require("node:module");

/** @type {Readonly<Record<string, () => unknown>>} */
const OURS = Object.freeze({
  buffer: () => require("./buffer").module,
  dtls: () => require("../dtls"),
  events: () => require("./events"),
  fs: () => require("./fs"),
  iosched: () => require("./iosched"),
  socket: () => require("./socket"),
  sys: () => require("./sys"),
  task: () => require("./task"),
  timers: () => require("./timers"),
});

/**
 * install() has `require()` find JSRE's modules by their names in this thread.
 * A `node:` prefix still leads to the host's module of that name.
 */
function install() {
  const { _load } = /** @type {any} */ (Module);
  /** @type {any} */ (Module)._load = function (
    /** @type {string} */ request,
    /** @type {unknown[]} */ ...rest
  ) {
    return Object.hasOwn(OURS, request)
      ? OURS[request]()
      : _load.call(this, request, ...rest);
  };
}

module.exports = { install };
