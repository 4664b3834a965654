"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { runJsre } = require("./program");
const { writeScript } = require("./scripts");

/** For `test()`: a message that does not arrive must not hold up the others. */
const LIMIT = Object.freeze({ timeout: 20000 });

const PRELUDE = `
const assert = require("node:assert/strict");
const iosched = require("iosched");
`;

// What Node says where coverage is counted and a thread ends in the middle of something.
const COUNTER_NOISE = process.env.NODE_V8_COVERAGE
  ? /^Failed to stringify coverage profile result\n/gm
  : /$^/;

/**
 * Runs the main script of a JSRE program.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} sources texts by path; main.js is run
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options] cwd: inside the program's folder
 */
function runTasks(t, sources, { cwd = ".", env } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "jsre-task-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(sources)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeScript(folder, name, PRELUDE + text);
  }
  fs.mkdirSync(path.join(folder, cwd), { recursive: true });
  const options = { cwd: path.join(folder, cwd), env };
  return runJsre(t, path.join(folder, "main.js"), [], options);
}

/**
 * Runs a program of tasks that assert for themselves and print nothing.
 *
 * @param {import("node:test").TestContext} t
 * @param {Record<string, string>} sources
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 */
async function passes(t, sources, options) {
  const { code, output } = await runTasks(t, sources, options).exited;
  assert.equal(output.replace(COUNTER_NOISE, ""), "");
  assert.equal(code, 0);
}

module.exports = { LIMIT, passes, runTasks };
