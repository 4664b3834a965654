"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");
const { PATIENCE_MS, must } = require("./support/pair");
const { freePort } = require("./support/ports");
const { runJsre } = require("./support/program");
const { copyExample, prepareFolder } = require("./support/scripts");
const { LIMIT } = require("./support/tasks");

const authority = createAuthority();
const folder = prepareFolder(authority);
fs.mkdirSync(path.join(folder, "multitask"));

/** Starts the page's main.js, and gives a function that connects to it. */
async function start(t, task) {
  const port = await freePort();
  const main = copyExample(folder, "multitask/main.js", port);
  fs.renameSync(
    copyExample(folder, `multitask/${task}`, port),
    path.join(folder, "multitask", "task.js"),
  );
  const server = runJsre(t, main, [], { cwd: folder });
  const connect = () => {
    const client = Dtls.createClient(
      { rejectUnauthorized: true, ca: authority.ca },
      Dtls.sockaddr("127.0.0.1", port),
      PATIENCE_MS,
    );
    t.after(() => client?.close());
    return client;
  };
  // A client that meets nobody is refused, and tries again.
  let first;
  while (!(first = connect())) {
    assert.ok(!server.ended, server.output);
  }
  return { server, connect, first };
}

for (const task of ["task.js", "task-async.js"]) {
  describe(`the page's multi-task server with ${task}`, () => {
    test("prints what clients of both tasks say", LIMIT, async (t) => {
      const { server, connect, first } = await start(t, task);
      const clients = [first, must(connect()), must(connect())];
      await server.sees(/(New client: \{ domain: 2(.|\n)*){3}/);
      for (const [index, client] of clients.entries()) {
        client.send(`Hello from ${index}`, PATIENCE_MS);
        await server.sees(
          new RegExp(`Client: 127\\.0\\.0\\.1 Say: Hello from ${index}\n`),
        );
      }
      for (const client of clients) {
        client.close();
      }
      await server.sees(/(Client lost: \{ domain: 2(.|\n)*){3}/);
    });
  });
}
