"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { fileURLToPath } = require("node:url");
const { ERRNO, failure } = require("../errors");

const DEPTH = 10;

/**
 * @returns {string | undefined} the folder of the script that called into this one
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
    if (path.isAbsolute(file) && path.dirname(file) !== __dirname) {
      return path.dirname(file);
    }
  }
  return undefined;
}

/** @param {string} file */
const isFile = (file) =>
  fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;

/**
 * findScript() returns the path of a new task's script. It is looked for in
 * `directory`; without one, in the folder of the script that starts the task,
 * then in the current directory.
 *
 * @param {string} name
 * @param {string} [directory]
 * @returns {string}
 * @throws {Error} ENOENT
 */
function findScript(name, directory) {
  const folders =
    directory === undefined ? [callingFolder() ?? ".", "."] : [directory];
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
