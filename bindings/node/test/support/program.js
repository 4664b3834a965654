"use strict";

const { spawn, spawnSync } = require("node:child_process");
const path = require("node:path");

const JSRE = path.resolve(__dirname, "..", "..", "bin", "jsre");
const LIMIT_MS = 20000;

/**
 * A child process whose output is waited for. It is killed when the test ends.
 */
class Program {
  /**
   * @param {import("node:test").TestContext} t
   * @param {string} command
   * @param {string[]} args
   * @param {import("node:child_process").SpawnOptions} [options]
   */
  constructor(t, command, args, options) {
    this.command = [command, ...args].join(" ");
    this.output = "";
    this.child = spawn(command, args, { stdio: "pipe", ...options });
    this.waiting = new Set();
    const collect = (chunk) => {
      this.output += chunk;
      this.#wake();
    };
    this.child.stdout.setEncoding("utf8").on("data", collect);
    this.child.stderr.setEncoding("utf8").on("data", collect);
    // A peer that is gone already is a matter for the test's assertions.
    this.child.stdin.on("error", () => {});
    this.exited = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code, signal) => {
        this.ended = true;
        this.#wake();
        resolve({ code, signal, output: this.output });
      });
    });
    t.after(async () => {
      this.child.kill("SIGKILL");
      await this.exited;
    });
  }

  /**
   * Resolves with the match once the output contains it.
   *
   * @param {RegExp} pattern
   * @returns {Promise<RegExpMatchArray>}
   */
  sees(pattern) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish(undefined), LIMIT_MS);
      const finish = (match) => {
        clearTimeout(timer);
        this.waiting.delete(check);
        match
          ? resolve(match)
          : reject(
              new Error(`${this.command}: no ${pattern} in:\n${this.output}`),
            );
      };
      const check = () => {
        const match = this.output.match(pattern);
        if (match || this.ended) {
          finish(match);
        }
      };
      this.waiting.add(check);
      check();
    });
  }

  /** @param {string} text */
  write(text) {
    this.child.stdin.write(text);
  }

  #wake() {
    for (const check of [...this.waiting]) {
      check();
    }
  }
}

/**
 * Runs a file by jsre.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} file
 * @param {string[]} [args]
 * @param {import("node:child_process").SpawnOptions} [options]
 */
function runJsre(t, file, args = [], options = {}) {
  return new Program(t, process.execPath, [JSRE, file, ...args], options);
}

/**
 * Runs source text by Node, with `DTLS` as the path of the package.
 *
 * @param {import("node:test").TestContext} t
 * @param {string} source
 * @param {import("node:child_process").SpawnOptions} [options]
 */
function runNode(t, source, options = {}) {
  const prelude = `const Dtls = require(${JSON.stringify(path.resolve(__dirname, "..", ".."))});\n`;
  return new Program(t, process.execPath, ["-e", prelude + source], options);
}

/**
 * Why a test that needs a command is to be skipped; false when it is there.
 *
 * @param {string} command
 * @returns {string | false}
 */
function missing(command) {
  return spawnSync(command, ["--version"]).error
    ? `${command} is not installed`
    : false;
}

module.exports = { JSRE, Program, missing, runJsre, runNode };
