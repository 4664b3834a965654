"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const { spawnSync } = require("node:child_process");
const { test } = require("node:test");
const { Worker } = require("node:worker_threads");
const { native } = require("../lib/core/native");
const { createAuthority } = require("./support/certificates");
const { runNode } = require("./support/program");

test("an addon that is not built is told, and how to build it", async (t) => {
  const env = { ...process.env, DTLS_NATIVE: "/no/such/dtls_node.node" };
  const { code, output } = await runNode(
    t,
    `Dtls.createServer({ cert: "x" }, Dtls.sockaddr());`,
    { env },
  ).exited;
  assert.notEqual(code, 0);
  assert.match(output, /\/no\/such\/dtls_node\.node.*DTLS_NATIVE/);
  assert.match(output, /\.\/dev build/);
});

test("an addon that cannot be loaded is told, with the linker's reason", async (t) => {
  const env = { ...process.env, DTLS_NATIVE: __filename };
  const { code, output } = await runNode(
    t,
    `Dtls.createServer({ cert: "x" }, Dtls.sockaddr());`,
    { env },
  ).exited;
  assert.notEqual(code, 0);
  assert.match(
    output,
    /cannot be loaded on linux \w+, (?:glibc [\d.]+|musl), Node [\d.]+: .*native\.test\.js.*header.*\.\/dev build/,
  );
});

test("the addon runs an OpenSSL of its own, not Node's", () => {
  const { file, version } = native().openssl();
  assert.notEqual(file, process.execPath);
  assert.match(version, /^OpenSSL 3/);
});

test("several threads may use it at the same time", async () => {
  const { cert, key } = createAuthority().leaf("server");
  const source = `
const { parentPort, workerData } = require("node:worker_threads");
const Dtls = require(workerData.path);
const server = Dtls.createServer(workerData, Dtls.sockaddr("127.0.0.1", 0));
const client = Dtls.createClient({}, server.sockName(), () => {});
const peer = server.accept();
client.send("hello");
const buffer = Buffer.alloc(10);
parentPort.postMessage(buffer.toString("utf8", 0, peer.recv(buffer)));
for (const dtls of [client, peer, server]) dtls.close();`;
  const run = () =>
    new Promise((resolve, reject) => {
      const path = require.resolve("..");
      const worker = new Worker(source, {
        eval: true,
        workerData: { path, cert, key },
      });
      let said;
      worker.on("message", (message) => (said = message));
      worker.on("error", reject);
      worker.on("exit", () => resolve(said));
    });
  assert.deepEqual(await Promise.all([run(), run(), run()]), [
    "hello",
    "hello",
    "hello",
  ]);
});

test("a process that is out of descriptors gets an error, not an end", () => {
  const script = `
    const fs = require("node:fs");
    const files = [];
    try { for (;;) files.push(fs.openSync("/dev/null")); } catch {}
    for (let i = 0; i < 4; i++) fs.closeSync(files.pop());
    try { require("./lib/core/native").native(); } catch (error) { console.log("caught", error.message); }`;
  const { stdout, status } = spawnSync(
    "sh",
    ["-c", `ulimit -n 64 && exec "$0" -e "$1"`, process.execPath, script],
    { cwd: path.join(__dirname, ".."), encoding: "utf8" },
  );
  assert.match(stdout, /caught .*(open|descriptor)/i);
  assert.equal(status, 0);
});
