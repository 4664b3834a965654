"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const { Program, runJsre } = require("./support/program");
const { writeScript } = require("./support/scripts");

const authority = createAuthority();
const identity = authority.leaf("server");
const env = { ...process.env, CERT: identity.cert, KEY: identity.key };

const INTERVAL_MS = 2000;
const LIMIT_MS = 50;

/** Prints the milliseconds of CPU time that `body` takes in the interval. */
const measured = (requireDtls, body) => `
const Dtls = ${requireDtls};
const server = Dtls.createServer(
  { cert: process.env.CERT, key: process.env.KEY },
  Dtls.sockaddr("127.0.0.1", 0),
);
server.accept(undefined, () => {});
const before = process.cpuUsage();
const report = () => {
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1000);
};
${body}`;

async function cpuOf(program) {
  const { code, output } = await program.exited;
  assert.equal(code, 0, output);
  return Number(output);
}

describe("an idle server uses no CPU", () => {
  const jsre = {
    "in a poll": `require("iosched").poll(${INTERVAL_MS}); report(); process.exit();`,
    "in sleep": `sys.sleep(${INTERVAL_MS}); report(); process.exit();`,
    "in accept": `server.accept(undefined, ${INTERVAL_MS}); report(); process.exit();`,
    "in a poll with a timer": `
let ticks = 0;
setInterval(() => ++ticks, 200);
require("iosched").poll(${INTERVAL_MS}); report(); process.exit();`,
    "after the script's end": `setTimeout(() => { report(); process.exit(); }, ${INTERVAL_MS});`,
  };
  for (const [index, [name, body]] of Object.entries(jsre).entries()) {
    test(name, async (t) => {
      const text = measured(`require("dtls")`, body);
      const file = writeScript(authority.folder, `idle${index}.js`, text);
      const used = await cpuOf(runJsre(t, file, [], { env }));
      assert.ok(used < LIMIT_MS, `${used} ms of CPU`);
    });
  }

  test("in a plain Node program", async (t) => {
    const text = measured(
      `require(${JSON.stringify(require.resolve(".."))})`,
      jsre["after the script's end"],
    );
    const node = new Program(t, process.execPath, ["-e", text], { env });
    const used = await cpuOf(node);
    assert.ok(used < LIMIT_MS, `${used} ms of CPU`);
  });
});
