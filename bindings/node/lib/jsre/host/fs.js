"use strict";

const fs = require("node:fs");
const { typeError } = require("../../core/validate");
const { attempt } = require("../errno");

/**
 * readString() reads a file of UTF-8 text.
 *
 * @param {string} path
 * @returns {string | undefined} undefined with errno set if it cannot be read
 * @throws {TypeError} when `path` is no path
 */
function readString(path) {
  if (typeof path !== "string") {
    throw typeError("path", "a string", path);
  }
  return attempt(() => fs.readFileSync(path, "utf8"), undefined);
}

// The rest is the host's, by way of the prototype: some of its members are
// getters that load more than most programs need.
module.exports = Object.assign(Object.create(fs), { readString });
