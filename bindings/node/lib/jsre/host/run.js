"use strict";

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");
const { version } = require("../../../package.json");
const { whyNotCommonJs } = require("./script_kind");

const HELP = `Usage: jsre [option] script.js [argument ...]

Runs a JSRE program: require() finds 'dtls', 'iosched', 'events', 'fs', 'sys',
'socket', 'task' and 'timers' as JSRE has them, and everything else as Node
does. The program is CommonJS. Its arguments are in process.argv from index 2.

  -h, --help     show this help
  -v, --version  show the version
`;

const USAGE = 2;

/**
 * @param {string} name as given
 * @param {string} file
 * @returns {string | undefined} the objection, if it is no JSRE program
 */
function objection(name, file) {
  const why = whyNotCommonJs(file);
  return (
    why &&
    `${name} is an ES module ${why}; a JSRE program is CommonJS (require, not import)`
  );
}

/**
 * start() makes a JSRE task of this thread and runs its script as main module.
 *
 * @param {string} script path
 * @param {string[]} args for process.argv
 * @param {unknown} argument for the global ARGUMENT
 */
function start(script, args, argument) {
  process.argv = [process.execPath, script, ...args];
  require("./modules").install();
  require("./globals").install(argument);
  /** @type {any} */ (Module)._load(script, null, true);
}

/**
 * @param {string} message
 */
function refuse(message) {
  process.stderr.write(`jsre: ${message}\n`);
  process.exitCode = USAGE;
}

/**
 * @param {string} name as given
 * @returns {string | undefined} the script's path
 */
function find(name) {
  const file = path.resolve(name);
  const stats = fs.statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) {
    refuse(`there is no script ${name} (looked for ${file})`);
  } else if (!stats.isFile()) {
    refuse(`${name} is no file; give the path of a script`);
  } else {
    const objected = objection(name, file);
    if (objected === undefined) {
      return file;
    }
    refuse(objected);
  }
  return undefined;
}

/**
 * main() is the command `jsre`.
 *
 * @param {string[]} args
 */
function main(args) {
  const [first, ...rest] = args;
  if (first === "-h" || first === "--help") {
    process.stdout.write(HELP);
  } else if (first === "-v" || first === "--version") {
    process.stdout.write(`${version}\n`);
  } else if (first === undefined) {
    refuse("which script? `jsre script.js` runs one, `jsre --help` tells more");
  } else if (first.startsWith("-")) {
    refuse(`there is no option ${first}; \`jsre --help\` lists them`);
  } else {
    const script = find(first);
    if (script !== undefined) {
      start(script, rest, "");
    }
  }
}

module.exports = { main, objection, start };
