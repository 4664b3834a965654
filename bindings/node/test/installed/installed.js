"use strict";

// Installs the tarball of the npm package into an empty folder and uses it there, under one version of
// Node and with no compiler, no other program of this clone, and no network:
//   DTLS_TARBALL   the tarball
//   DTLS_NODE      the command `node` to use
//   DTLS_NPM       the folder of the package npm to install it with
// `./dev test` runs it with the oldest and the newest Node, `./dev nightly` with all, and for arm64.

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { before, describe, test } = require("node:test");
const { createAuthority } = require("../support/certificates");

const { DTLS_TARBALL, DTLS_NODE, DTLS_NPM } = process.env;
/** For a process under an emulated processor. */
const LIMIT = { timeout: 900000 };
const GREETING = "echo: hello\n";

/** A folder to be emptied of what the test leaves. */
function folder() {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), "dtls-installed-"));
  process.on("exit", () => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

/** The only folder in PATH: Node, npm, and the shell that npm starts programs with. */
function commands() {
  const bin = folder();
  const link = (target, name) => fs.symlinkSync(target, path.join(bin, name));
  link(path.resolve(DTLS_NODE), "node");
  link(path.resolve(DTLS_NPM, "bin/npm-cli.js"), "npm");
  link(path.resolve(DTLS_NPM, "bin/npx-cli.js"), "npx");
  link("/bin/sh", "sh");
  return bin;
}

const PATH = commands();
const home = folder();
const project = folder();

/** Runs a command in the project; it must succeed. @returns {string} what it has printed */
function run(command, ...args) {
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    cwd: project,
    encoding: "utf8",
    env: {
      PATH,
      HOME: home,
      npm_config_cache: path.join(home, "cache"),
      npm_config_offline: "true",
      npm_config_update_notifier: "false",
    },
    ...LIMIT,
  });
  const what = [command, ...args].join(" ");
  assert.equal(error, undefined, what);
  assert.equal(status, 0, `${what}: ${signal}\n${stdout}${stderr}`);
  return stdout;
}

const node = (...args) => run(path.join(PATH, "node"), ...args);
const version = node("-p", "process.version + ' ' + process.arch").trim();

describe(`the installed package, Node ${version}`, () => {
  const packed = path.join(project, "node_modules/@jsre/dtls");

  before(() => {
    const authority = createAuthority();
    const { cert, key } = authority.leaf("server");
    for (const [name, text] of [
      ["cert.pem", cert],
      ["cert.key", key],
      ["ca.pem", authority.ca],
      ["other-ca.pem", createAuthority("Another CA").ca],
    ]) {
      fs.writeFileSync(path.join(project, name), text);
    }
    const programs = path.join(__dirname, "programs");
    for (const name of fs.readdirSync(programs)) {
      fs.copyFileSync(path.join(programs, name), path.join(project, name));
    }
    run(
      path.join(PATH, "npm"),
      ...["install", "--ignore-scripts", "--no-audit", "--no-fund"],
      path.resolve(DTLS_TARBALL),
    );
  });

  test("is what the tarball has, and nothing beside it", () => {
    const modules = fs.readdirSync(path.join(project, "node_modules"));
    assert.deepEqual(
      modules.filter((name) => !name.startsWith(".")),
      ["@jsre"],
    );
    assert.ok(fs.existsSync(path.join(packed, "lib/jsre/dtls/index.js")));
  });

  test("is required, and a client verifies its server", () => {
    assert.equal(node("requires.cjs"), `${GREETING}refused: EACCES\n`);
  });

  test("is imported by name, with promises", () => {
    assert.equal(node("imports.mjs"), `${GREETING}refused: EACCES\n`);
  });

  test("serves worker threads", () => {
    assert.equal(node("workers.cjs"), GREETING.repeat(3));
  });

  test("has iosched and Task for Node's programs", () => {
    assert.equal(node("tasks.cjs"), GREETING);
    assert.equal(node("tasks.mjs"), "task: 2\n");
  });

  test("brings jsre, whose programs have JSRE's modules", () => {
    assert.equal(run(path.join(PATH, "npx"), "jsre", "program.js"), GREETING);
  });

  test("names what it looked for where it has no addon", () => {
    const message = node("no-addon.cjs");
    const [, processor, libc] = message.match(
      /^the native part of @jsre\/dtls was not found for linux (\S+), (.*), Node [\d.]+: looked for (\S+); run `.*\/dev build` to build it from source/,
    );
    assert.equal(processor, "riscv64");
    assert.match(libc, /^(?:glibc \d+\.\d+|musl)$/);
    assert.ok(
      message.includes(path.join(packed, "prebuilds/linux-riscv64/dtls.node")),
    );
  });

  test("can be imported on another system, where the first call throws", () => {
    assert.match(
      node("other-system.cjs"),
      /^5684\n@jsre\/dtls runs on Linux only, but this is darwin \w+, Node [\d.]+\n$/,
    );
  });
});
