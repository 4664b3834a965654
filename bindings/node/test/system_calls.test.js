"use strict";

// How many system calls a call of the module makes, as strace sees them.

const assert = require("node:assert/strict");
const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");

const identity = createAuthority().leaf("server");
const PATIENCE_MS = 60000;

const TRACED = [
  ...["%net", "read", "write", "poll", "ppoll", "timerfd_settime"],
  ...["epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl"],
].join(",");

/** Why system calls cannot be counted here. */
const reason = (() => {
  const { error, status } = spawnSync("strace", ["-o", "/dev/null", "true"]);
  return error || status !== 0
    ? "strace is not installed, or ptrace(2) is forbidden here"
    : undefined;
})();

/**
 * Runs a program in a process of its own. It calls measure(name, count, action).
 *
 * @param {import("node:test").TestContext} t
 * @param {string} source
 * @returns {Map<string, Record<string, number>>} the calls of the main thread in each measure(), by name
 */
function trace(t, source) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dtls-strace-"));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const program = path.join(folder, "program.js");
  const log = path.join(folder, "log");
  fs.writeFileSync(
    program,
    `
    const fs = require("node:fs");
    const Dtls = require(${JSON.stringify(require.resolve(".."))});
    const identity = ${JSON.stringify(identity)};
    const buffer = Buffer.alloc(2048);
    function check(value) { if (!value) throw Dtls.lastError() ?? new Error("failed"); return value; }
    function measure(name, count, action) {
      action(); // compiled, and what is late has come
      fs.writeSync(1, "begin " + name);
      for (let i = 0; i < count; i++) action();
      fs.writeSync(1, "end");
    }
    const server = check(Dtls.createServer(identity, Dtls.sockaddr("127.0.0.1")));
    const client = check(Dtls.createClient({}, server.sockName(), () => {}));
    const peer = check(server.accept({}, ${PATIENCE_MS}));
    check(client.send("?", ${PATIENCE_MS}) === 1);
    check(peer.recv(buffer, 0, 10, ${PATIENCE_MS}) === 1);
    check(peer.send("!", ${PATIENCE_MS}) === 1);
    check(client.recv(buffer, 0, 10, ${PATIENCE_MS}) === 1);
    ${source}
    process.exit();`,
  );
  const { status, stderr } = spawnSync(
    "strace",
    [
      "-f",
      "-qq",
      "-e",
      `trace=${TRACED}`,
      "-o",
      log,
      process.execPath,
      program,
    ],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  const measured = new Map();
  let main;
  let current;
  for (const line of fs.readFileSync(log, "utf8").split("\n")) {
    const [, thread, call, rest] = line.match(/^(\d+) +(\w+)\((.*)/) ?? [];
    main ??= thread;
    const begin = rest?.match(/^1, "begin ([^"]*)"/);
    if (begin) {
      current = {};
      measured.set(begin[1], current);
    } else if (rest?.startsWith('1, "end"')) {
      current = undefined;
    } else if (current && thread === main) {
      current[call] = (current[call] ?? 0) + 1;
    }
  }
  return measured;
}

/**
 * Node's own loop gets a turn every 10 ms, which begins with poll(2): however slow the machine is,
 * its calls are told from ours.
 */
function assertAtMost(calls, most) {
  const shown = JSON.stringify(calls);
  const all = Object.values(calls).reduce((sum, each) => sum + each, 0);
  assert.ok(all <= most + 4 * (calls.poll ?? 0), shown);
}

describe(
  "the system calls of recv() with the timeout 0",
  { skip: reason },
  () => {
    test("are one where it finds nothing, and none in a turn of the loop", (t) => {
      const COUNT = 500;
      const measured = trace(
        t,
        `
      const empty = (dtls) => () => check(dtls.recv(buffer, 0, 10, 0) === 0);
      measure("client", ${COUNT}, empty(client));
      measure("shared socket", ${COUNT}, empty(peer));
      check(peer.sockFd >= 0);
      measure("own socket", ${COUNT}, empty(peer));
      const iosched = require(${JSON.stringify(require.resolve("../lib/jsre/host/iosched"))});
      const connections = [client, peer];
      let told = 0;
      client.onreadable = () => {
        check(client.recv(buffer, 0, 10, 0) === 1);
        fs.writeSync(1, "begin turn");
        for (const each of connections) empty(each)();
        fs.writeSync(1, "end");
        told++;
      };
      check(peer.send("x", 0) === 1);
      while (told === 0) iosched.poll(${PATIENCE_MS});
      `,
      );
      for (const name of ["client", "shared socket", "own socket"]) {
        assertAtMost(measured.get(name), COUNT);
      }
      assert.deepEqual(measured.get("turn"), {});
    });

    test("are none where a message waits", (t) => {
      const measured = trace(
        t,
        `
      for (let i = 0; i < 21; i++) check(client.send("x", 0) === 1);
      while (peer.pending() === 0);
      measure("full", 20, () => check(peer.recv(buffer, 0, 10, 0) === 1));
      `,
      );
      assertAtMost(measured.get("full"), 1);
    });
  },
);
