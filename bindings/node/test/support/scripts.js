"use strict";

const fs = require("node:fs");
const path = require("node:path");

const EXAMPLES = path.resolve(__dirname, "../../../../examples/js");
const PAGE_PORT = /\b2049\b/g;

/**
 * A folder as the examples expect it: cert.pem (with key), cert.key and ca.pem.
 *
 * @param {ReturnType<import("./certificates").createAuthority>} authority
 */
function prepareFolder(authority) {
  const { cert, key } = authority.leaf("example");
  const write = (name, text) =>
    fs.writeFileSync(path.join(authority.folder, name), text);
  write("cert.pem", cert + key);
  write("cert.key", key);
  return authority.folder;
}

/**
 * A copy of an example with another port.
 *
 * @param {string} folder
 * @param {string} name
 * @param {number} port
 * @returns {string} its path
 */
function copyExample(folder, name, port) {
  const text = fs.readFileSync(path.join(EXAMPLES, name), "utf8");
  const file = path.join(folder, name);
  fs.writeFileSync(file, text.replace(PAGE_PORT, String(port)));
  return file;
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {string} text
 * @returns {string} the path of the script
 */
function writeScript(folder, name, text) {
  const file = path.join(folder, name);
  fs.writeFileSync(file, text);
  return file;
}

module.exports = { EXAMPLES, copyExample, prepareFolder, writeScript };
