"use strict";

// All documents of the repository are rendered as GitHub does: tables are tables, links lead
// somewhere, and blocks of code end.

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { describe, test } = require("node:test");
const { anchors, parse } = require("./support/markdown");
const { ROOT, read } = require("./support/pages");

/** @returns {string[]} paths inside the repository, also of documents that are not committed yet */
function documents() {
  const args = ["ls-files", "-co", "--exclude-standard", "-z", "*.md"];
  try {
    return execFileSync("git", args, { cwd: ROOT, encoding: "utf8" })
      .split("\0")
      .filter((file) => file !== "" && fs.existsSync(path.join(ROOT, file)));
  } catch {
    // An archive of the sources has no history; its top level and docs/ are looked at.
    return ["", "docs", "docs/guide"].flatMap((folder) =>
      fs
        .readdirSync(path.join(ROOT, folder))
        .filter((name) => name.endsWith(".md"))
        .map((name) => path.join(folder, name)),
    );
  }
}

/** The cells of a table's line: in a table a bar parts cells also inside of code. */
const cellsOf = (line) =>
  line
    .trim()
    .replace(/^\||(?<!\\)\|$/g, "")
    .split(/(?<!\\)\|/);

/**
 * What is wrong with a document, each with its line.
 *
 * @param {string} source
 * @param {(file: string) => string | undefined} open the text of a linked document; '' for what has
 *   no anchors; undefined if there is none
 * @returns {string[]}
 */
function faults(source, open) {
  const lines = source.split("\n");
  const document = parse(source);
  const found = [];
  const report = (line, what) => found.push(`line ${line}: ${what}`);

  for (const { line, header, rows } of document.tables) {
    for (const at of [line, line + 1, ...rows.map((row) => row.line)]) {
      const { length } = cellsOf(lines[at - 1]);
      if (length !== header.length) {
        report(at, `${length} cells in a table of ${header.length}`);
      }
    }
  }
  for (const { line, text } of document.paragraphs) {
    if (/^\s*\|/m.test(text)) {
      report(line, "a row that belongs to no table");
    }
    if (/^\s*(?:```|~~~)/m.test(text)) {
      report(line, "a block of code that does not begin a paragraph");
    }
  }
  for (const { line, end, mark } of document.fences) {
    if (end === line || lines[end - 1].trim() !== mark) {
      report(line, "a block of code without an end");
    }
  }
  for (const { line, href } of document.links) {
    const [, scheme, file, anchor] = href.match(/^(\w+:)?([^#]*)#?(.*)$/);
    if (scheme !== undefined) {
      continue;
    }
    const target = file === "" ? source : open(decodeURI(file));
    if (target === undefined) {
      report(line, `a link to ${href}, and no such file`);
    } else if (anchor !== "" && !anchors(parse(target).headings).has(anchor)) {
      report(line, `a link to ${href}, and no such heading`);
    }
  }
  return found;
}

describe("documents", () => {
  const all = documents();
  test("are found", () => {
    for (const file of ["README.md", "SECURITY.md", "docs/api.md"]) {
      assert.ok(all.includes(file), file);
    }
  });
  for (const file of all) {
    test(`render: ${file}`, () => {
      const open = (link) => {
        const target = path.join(ROOT, path.dirname(file), link);
        if (!fs.existsSync(target)) {
          return undefined;
        }
        return target.endsWith(".md") ? fs.readFileSync(target, "utf8") : "";
      };
      assert.deepEqual(faults(read(file), open), []);
    });
  }
});

test("the picture of the layers has every layer", () => {
  const picture = read("docs/pictures/layers.svg");
  const build = read("src/CMakeLists.txt");
  const layers = [...build.matchAll(/add_subdirectory\((\w+)\)/g)];
  assert.ok(layers.length > 5);
  for (const [, layer] of layers) {
    assert.match(picture, new RegExp(`class="b">${layer}</text>`), layer);
  }
});

describe("a document's fault is found", () => {
  const open = (file) => (file === "other.md" ? "# A title\n" : undefined);
  const table = "| a | b |\n| --- | --- |\n| 1 | 2 |\n";
  const cases = {
    "a table that an empty line cuts": [
      `${table}\n| 3 | 4 |\n`,
      ["line 5: a row that belongs to no table"],
    ],
    "a row with too many cells": [
      `${table}| 3 | 4 | 5 |\n`,
      ["line 4: 3 cells in a table of 2"],
    ],
    "a bar in code that parts cells": [
      `${table}| \`3|4\` | 5 |\n`,
      ["line 4: 3 cells in a table of 2"],
    ],
    "text that a table swallows": [
      `${table}text\n`,
      ["line 4: 1 cells in a table of 2"],
    ],
    "a block of code without an end": [
      "text\n\n```sh\nls\n",
      ["line 3: a block of code without an end"],
    ],
    "a link to a file that is not there": [
      "[x](none.md)\n",
      ["line 1: a link to none.md, and no such file"],
    ],
    "a link to a heading that is not there": [
      "[x](other.md#no-title) [y](other.md#a-title) [z](#mine)\n\n# Mine\n",
      ["line 1: a link to other.md#no-title, and no such heading"],
    ],
    "a link in a table": [
      `${table}| [x](#none) | \\| |\n`,
      ["line 4: a link to #none, and no such heading"],
    ],
  };
  for (const [name, [source, expected]] of Object.entries(cases)) {
    test(name, () => {
      assert.deepEqual(faults(source, open), expected);
    });
  }
});
