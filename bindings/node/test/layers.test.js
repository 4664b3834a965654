"use strict";

// Which folders of lib/ a file may require: core stands alone, so that further shapes of the module
// can stand beside jsre.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { describe, test } = require("node:test");

const LIB = path.join(__dirname, "../lib");

/** What the files of a folder, or a file, may require besides Node's modules: the first that fits. */
const MAY_SEE = Object.entries({
  "core/": ["core/", "../package.json"],
  "jsre/errno.js": [],
  "jsre/dtls/": ["core/", "jsre/errno.js", "jsre/dtls/"],
  "jsre/host/": ["core/", "jsre/", "../package.json"],
});

/** @returns {string[]} paths inside lib/ */
function files(folder = "") {
  return fs
    .readdirSync(path.join(LIB, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const name = path.posix.join(folder, entry.name);
      return entry.isDirectory() ? files(name) : [name];
    });
}

const REQUIRE = /(?:\brequire(?:\.resolve)?\(|\bfrom |\bimport )"(\.[^"]*)"/g;

/**
 * @param {string} file path inside lib/
 * @param {string} source
 * @returns {string[]} paths inside lib/ of the files that it requires
 */
function requiredBy(file, source) {
  const own = path.join(LIB, file);
  return [...source.matchAll(REQUIRE)].map(([, request]) => {
    const found = require.resolve(path.join(path.dirname(own), request));
    return path.posix.relative(LIB, found);
  });
}

/** @returns {string[]} what a file requires and may not */
function violations(file, source) {
  const [, allowed] = MAY_SEE.find(([place]) => file.startsWith(place)) ?? [];
  assert.ok(allowed, `${file} stands in none of the folders of lib/`);
  return requiredBy(file, source).filter(
    (each) => !allowed.some((place) => each.startsWith(place)),
  );
}

describe("lib/", () => {
  for (const file of files()) {
    test(`${file} requires what its layer may see`, () => {
      const source = fs.readFileSync(path.join(LIB, file), "utf8");
      assert.deepEqual(violations(file, source), []);
    });
  }

  test("has requires in every layer", () => {
    for (const [place] of MAY_SEE.filter(([, seen]) => seen.length > 0)) {
      const all = files().filter((file) => file.startsWith(place));
      const required = all.flatMap((file) =>
        requiredBy(file, fs.readFileSync(path.join(LIB, file), "utf8")),
      );
      assert.ok(required.length > 10, place);
    }
  });
});

describe("a file that requires another layer is noticed", () => {
  for (const [file, source, seen] of [
    ["core/a.js", 'require("../jsre/errno")', "jsre/errno.js"],
    ["core/a.js", 'x = require.resolve("../jsre/dtls")', "jsre/dtls/index.js"],
    [
      "core/a.mjs",
      'import a from "../jsre/dtls/index.js"',
      "jsre/dtls/index.js",
    ],
    ["jsre/errno.js", 'require("../core/loop")', "core/loop.js"],
    ["jsre/dtls/a.js", 'require("../host/sys")', "jsre/host/sys.js"],
  ]) {
    test(`${file}: ${source}`, () => {
      assert.deepEqual(violations(file, source), [seen]);
    });
  }
});
