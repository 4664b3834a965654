"use strict";

const path = require("node:path");
const { Program } = require("./program");

const PACKAGE = JSON.stringify(path.resolve(__dirname, "..", ".."));

/** Evaluates what comes in, line by line, and answers each with its value. */
const SOURCE = `
globalThis.Dtls = require(${PACKAGE});
globalThis.require = require;
let rest = "";
process.stdin.setEncoding("utf8").on("data", (chunk) => {
  const lines = (rest + chunk).split("\\n");
  rest = lines.pop();
  for (const line of lines) {
    const [number, source] = JSON.parse(line);
    let answer;
    try {
      answer = { value: (0, eval)(source) };
    } catch (error) {
      answer = { error: String(error.stack) };
    }
    process.stdout.write("\\nanswer " + number + " " + JSON.stringify(answer) + "\\n");
  }
}).on("end", () => process.exit());
`;

/**
 * Another process with the package as `Dtls`, driven by Node's loop, which
 * does what it is told.
 */
class Remote {
  #asked = 0;

  /**
   * @param {import("node:test").TestContext} t
   * @param {{ through?: string[], env?: NodeJS.ProcessEnv,
   *   stdio?: import("node:child_process").StdioOptions }} [options] through: a command that
   *   starts it, such as `ip netns exec name`
   */
  constructor(t, { through = [], env, stdio = "pipe" } = {}) {
    const [command, ...args] = [...through, process.execPath, "-e", SOURCE];
    this.program = new Program(t, command, args, {
      env: { ...process.env, ...env },
      stdio,
    });
  }

  /**
   * Resolves with the value of an expression over there.
   *
   * @param {string} source a script; its names live on
   * @returns {Promise<any>}
   */
  async run(source) {
    const number = ++this.#asked;
    this.program.write(`${JSON.stringify([number, source])}\n`);
    const answer = new RegExp(`^answer ${number} (.*)\n`, "m");
    const [, json] = await this.program.sees(answer);
    const { value, error } = JSON.parse(json);
    if (error) {
      throw new Error(`over there: ${error}`);
    }
    return value;
  }
}

module.exports = { Remote };
