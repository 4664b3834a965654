"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { fileURLToPath } = require("node:url");
const { ERRNO, failure } = require("../../core/errors");

// Everything of this module's own: `path.sep` excludes a folder whose name only begins like it.
const OURS = path.resolve(__dirname, "../..") + path.sep;
const DEPTH = 100;

/**
 * @returns {string} the folder of the script that called into this module; the main script's
 *   where none did, as with a timer that calls Task.create() itself
 */
function callingFolder() {
  const { prepareStackTrace, stackTraceLimit } = Error;
  /** @type {NodeJS.CallSite[]} */
  let frames;
  try {
    Error.stackTraceLimit = DEPTH;
    Error.prepareStackTrace = (_, sites) => sites;
    frames = /** @type {any} */ (new Error()).stack;
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  }
  for (const frame of frames) {
    const name = frame.getFileName() ?? "";
    const file = name.startsWith("file:") ? fileURLToPath(name) : name;
    if (path.isAbsolute(file) && !file.startsWith(OURS)) {
      return path.dirname(file);
    }
  }
  return path.dirname(path.resolve(process.argv[1] ?? "."));
}

/** @param {string} file */
const isFile = (file) =>
  fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;

/**
 * findScript() returns the path of a new task's script. It is looked for in
 * the folder of the script that starts the task, then in the current directory;
 * or in `directory` alone, which is relative to the folder of that script.
 *
 * @param {string} name
 * @param {string} [directory]
 * @returns {string}
 * @throws {Error} ENOENT
 */
function findScript(name, directory) {
  const own = callingFolder();
  const folders =
    directory === undefined
      ? [own, process.cwd()]
      : [path.resolve(own, directory)];
  const files = folders.map((folder) => path.resolve(folder, name));
  const found = files.find(isFile);
  if (found === undefined) {
    const looked = [...new Set(files)].join(", ");
    throw failure(
      ERRNO.ENOENT,
      `there is no script ${name} for a task (looked for ${looked})`,
    );
  }
  return found;
}

module.exports = { findScript };
