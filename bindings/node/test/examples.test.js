"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const { test } = require("node:test");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");
const { freePort } = require("./support/ports");
const { Program, runJsre } = require("./support/program");
const { EXAMPLES, copyExample, prepareFolder } = require("./support/scripts");

const authority = createAuthority();
const folder = prepareFolder(authority);

/** Starts an example and returns how to start its counterpart. */
async function start(t, name) {
  const port = await freePort();
  const run = (example) =>
    runJsre(t, copyExample(folder, example, port), [], { cwd: folder });
  const server = run(name);
  // The page's servers say nothing when they are ready. A client that meets
  // nobody is refused, and tries again.
  for (let client; !client; client?.close()) {
    assert.ok(!server.ended, server.output);
    client = Dtls.createClient({}, Dtls.sockaddr("127.0.0.1", port), 5000);
  }
  return { server, run };
}

test("the page's server prints what the page's client says", async (t) => {
  const { server, run } = await start(t, "async-server.js");
  await server.sees(/Client lost: \{ domain: 2/);
  server.output = "";
  run("async-client.js");
  await server.sees(
    /New client: \{ domain: 2, addr: '127\.0\.0\.1', port: \d+ \}\nClient: 127\.0\.0\.1 Say: Hello I am client \^_\^\nClient: 127\.0\.0\.1 Say: Goodbye!\nClient lost: \{/,
  );
});

test("the page's server serves one client after the other", async (t) => {
  const { server, run } = await start(t, "async-server.js");
  run("async-client.js");
  run("async-client.js");
  await server.sees(/(Goodbye!(.|\n)*){2}/);
});

test("the synchronous client gets its answer from the synchronous server", async (t) => {
  const { run } = await start(t, "sync-server.js");
  const client = run("sync-client.js");
  const { code, output } = await client.exited;
  assert.equal(output, "Server says: Hello Packet!\n");
  assert.equal(code, 0);
});

test("the synchronous client says why it cannot connect", async (t) => {
  const file = copyExample(folder, "sync-client.js", await freePort());
  const client = runJsre(t, file, [], { cwd: folder });
  const { code, output } = await client.exited;
  assert.match(output, /^connect error: Connection refused/);
  assert.equal(code, 1);
});

test("the plain Node program gets its echo and ends by itself", async (t) => {
  const program = new Program(
    t,
    process.execPath,
    [path.join(EXAMPLES, "node-echo.js")],
    { cwd: folder },
  );
  const { code, output } = await program.exited;
  assert.equal(output, "Echo: Hello from Node\n");
  assert.equal(code, 0);
});
