"use strict";

const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

// V8's messages for source text that is valid in modules only.
const ONLY_IN_MODULES =
  /import statement outside|Unexpected token 'export'|'import\.meta' outside|^await is only valid/;
const WRAPPER = ["exports", "require", "module", "__filename", "__dirname"];

/**
 * @param {string} file
 * @returns {string | undefined} the package.json that makes a module of a `.js` file
 */
function modulePackage(file) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const found = path.join(folder, "package.json");
    if (fs.existsSync(found)) {
      try {
        const { type } = JSON.parse(fs.readFileSync(found, "utf8"));
        return type === "module" ? found : undefined;
      } catch {
        return undefined; // Node reports the broken file
      }
    }
    if (folder === path.dirname(folder)) {
      return undefined;
    }
  }
}

/** @param {string} file */
function hasModuleSyntax(file) {
  const text = fs.readFileSync(file, "utf8").replace(/^#!.*/, "");
  try {
    vm.compileFunction(text, WRAPPER, { filename: file });
    return false;
  } catch (error) {
    return ONLY_IN_MODULES.test(String(/** @type {any} */ (error)?.message));
  }
}

/**
 * whyNotCommonJs() tells an ES module from a JSRE program, before Node either
 * fails to load it or, depending on the version, runs it as a promise job.
 *
 * @param {string} file
 * @returns {string | undefined} why the file is an ES module; undefined if it is none
 */
function whyNotCommonJs(file) {
  const extension = path.extname(file);
  if (extension === ".mjs") {
    return "by its name";
  }
  const found = extension === ".js" ? modulePackage(file) : undefined;
  if (found !== undefined) {
    return `because ${found} says "type": "module"`;
  }
  return hasModuleSyntax(file)
    ? "because it uses import, export or await at its top level"
    : undefined;
}

module.exports = { whyNotCommonJs };
