"use strict";

const fs = require("node:fs");
const path = require("node:path");

const ROOT = path.resolve(__dirname, "../../../..");
const FENCE = /(?:^<!-- test: (.+) -->\n)?^```(\w*)\n([\s\S]*?)^```$/gm;

/**
 * @typedef {object} Block
 * @property {string} mark what stands in `<!-- test: … -->` on the line before; '' without
 * @property {string} language
 * @property {string} text
 * @property {number} line
 */

/** @param {string} page path inside the repository */
const read = (page) => fs.readFileSync(path.join(ROOT, page), "utf8");

/**
 * The fenced blocks of a page of documentation.
 *
 * @param {string} page path inside the repository
 * @returns {Block[]}
 */
function blocks(page) {
  const source = read(page);
  return [...source.matchAll(FENCE)].map((match) => ({
    mark: match[1] ?? "",
    language: match[2],
    text: match[3],
    line: source.slice(0, match.index).split("\n").length,
  }));
}

/** @returns {string[]} the pages of documentation, as paths inside the repository */
function pages() {
  const inside = (folder) =>
    fs
      .readdirSync(path.join(ROOT, folder), { withFileTypes: true })
      .flatMap((entry) =>
        entry.isDirectory()
          ? inside(`${folder}/${entry.name}`)
          : `${folder}/${entry.name}`,
      );
  return ["README.md", "bindings/node/README.md", ...inside("docs")].filter(
    (page) => page.endsWith(".md"),
  );
}

module.exports = { ROOT, blocks, pages, read };
