"use strict";

// The documentation's programs are run, and its reference is held to the code.
//
// What is to be done with a block of a page stands on the line before it:
//   <!-- test: file NAME -->     it is put into the page's folder under this name
//   <!-- test: run -->           commands, run in that folder; none may fail
//   <!-- test: start NAME -->    a command, run beside the following until the page's end
//   <!-- test: jsre -->          a program, run by jsre; `node`: by Node
//   <!-- test: output -->        all that the run, jsre or node block before has printed
//   <!-- test: output NAME -->   the same of what was started; it may come a little later
// JavaScript without a mark is only compiled. The ports 2049 and 2050 stand for free ones.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { describe, test } = require("node:test");
const vm = require("node:vm");
const Dtls = require("..");
const { Connection } = require("../lib/jsre/dtls/connection");
const { Negotiated } = require("../lib/jsre/dtls/negotiated");
const { Server } = require("../lib/jsre/dtls/server");
const { createAuthority } = require("./support/certificates");
const { ROOT, blocks, pages, read } = require("./support/pages");
const { freePort } = require("./support/ports");
const { JSRE, Program } = require("./support/program");
const { prepareFolder } = require("./support/scripts");

const PACKAGE = path.join(ROOT, "bindings/node");
const PAGE_PORTS = /\b20(?:49|50)\b/g;
const LIMIT = { timeout: 60000 };

/** A page's folder, where `jsre` and `@jsre/dtls` are found. */
class Page {
  /** @type {Map<string, Program>} */
  #started = new Map();
  #output = "";

  constructor(t, folder, ports) {
    this.t = t;
    this.folder = folder;
    this.ports = ports;
    const bin = path.join(folder, ".bin");
    const scope = path.join(folder, "node_modules/@jsre");
    fs.mkdirSync(bin);
    fs.mkdirSync(scope, { recursive: true });
    fs.symlinkSync(PACKAGE, path.join(scope, "dtls"));
    fs.symlinkSync(JSRE, path.join(bin, "jsre"));
    fs.symlinkSync(process.execPath, path.join(bin, "node"));
    this.env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  }

  /** @param {import("./support/pages").Block} block */
  async take({ mark, text }) {
    const [what, name] = mark.split(" ");
    const content = text
      .replace(PAGE_PORTS, (port) => this.ports[port])
      // npx does not pass on the signal that ends what was started; test/installed runs it.
      .replaceAll("npx jsre", "jsre");
    switch (what) {
      case "file":
        fs.writeFileSync(path.join(this.folder, name), content);
        break;
      case "run":
        await this.#run("sh", ["-ec", content]);
        break;
      case "start":
        this.#started.set(name, this.#program("sh", ["-c", `exec ${content}`]));
        await this.#started.get(name).sees(/\n/);
        break;
      case "jsre":
      case "node":
        fs.writeFileSync(path.join(this.folder, "block.js"), content);
        await this.#run(what, ["block.js"]);
        break;
      case "output":
        await this.#compare(content, this.#started.get(name));
        break;
      default:
        assert.fail(`there is no mark "${mark}"`);
    }
  }

  #program(command, args) {
    const options = { cwd: this.folder, env: this.env };
    return new Program(this.t, command, args, options);
  }

  async #run(command, args) {
    const { code, output } = await this.#program(command, args).exited;
    assert.equal(code, 0, output);
    this.#output = output;
  }

  async #compare(expected, started) {
    if (started === undefined) {
      assert.equal(this.#output, expected);
    } else if (!started.output.startsWith(expected)) {
      const lines = expected.split("\n").length - 1;
      await started.sees(new RegExp(`^(.*\n){${lines}}`));
      assert.equal(started.output.slice(0, expected.length), expected);
    }
  }
}

for (const page of pages()) {
  describe(page, () => {
    const all = blocks(page);
    for (const { language, line, mark, text } of all) {
      // A module is compiled where it runs.
      if (language === "js" && !mark.endsWith(".mjs")) {
        test(`the program in line ${line} compiles`, () => {
          new vm.Script(`(function () {${text}\n})`, { filename: page });
        });
      }
    }

    const marked = all.filter(({ mark }) => mark !== "");
    if (marked.length > 0) {
      test("what it shows happens", LIMIT, async (t) => {
        // A newcomer's folder is empty; in the reference the certificates are there.
        const folder =
          page.endsWith("README.md") || page.includes("/guide/")
            ? fs.mkdtempSync(path.join(os.tmpdir(), "dtls-docs-"))
            : prepareFolder(createAuthority());
        t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
        const ports = { 2049: await freePort(), 2050: await freePort() };
        const reader = new Page(t, folder, ports);
        for (const block of marked) {
          await t.test(`${block.mark} (line ${block.line})`, LIMIT, () =>
            reader.take(block),
          );
        }
      });
    }
  });
}

describe("docs/api.md", () => {
  const reference = read("docs/api.md");
  const types = read("bindings/node/types/index.d.ts");
  const has = (name) =>
    assert.match(reference, new RegExp(`\`[^\`\n]*\\b${name}\\b[^\`\n]*\``));

  /** The names in an interface of the declarations. */
  const membersOf = (name) => {
    const body = types.match(new RegExp(`interface ${name} [^]*?\n  \\}`))?.[0];
    return [...body.matchAll(/^ {4}(\w+)\??:/gm)].map((match) => match[1]);
  };

  const own = (object, besides) =>
    Object.getOwnPropertyNames(object).filter(
      (name) => !besides.includes(name),
    );
  const groups = {
    module: own(Dtls, ["length", "name", "prototype"]),
    object: [Dtls, Server, Negotiated, Connection].flatMap(({ prototype }) =>
      own(prototype, ["constructor"]),
    ),
  };
  for (const [group, names] of Object.entries(groups)) {
    test(`names every member of a Dtls ${group}`, () => {
      assert.ok(names.length > 10);
      names.forEach(has);
    });
  }
  for (const name of [
    "ServerOptions",
    "ClientOptions",
    "IdentityOptions",
    "Limits",
    "SockAddr",
    "DtlsError",
  ]) {
    test(`names every member of ${name}`, () => {
      const members = membersOf(name);
      assert.ok(members.length > 0);
      members.forEach(has);
    });
  }
});

test("the README's C++ program is that of the examples", () => {
  const program = blocks("README.md").find(
    ({ language }) => language === "cpp",
  );
  assert.equal(program?.text, read("examples/cpp/client.cpp"));
});
