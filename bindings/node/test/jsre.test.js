"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { describe, test } = require("node:test");
const { version } = require("../package.json");
const { createAuthority } = require("./support/certificates");
const { runJsre } = require("./support/program");
const { prepareFolder, writeScript } = require("./support/scripts");

const folder = prepareFolder(createAuthority());
let scripts = 0;

/** Runs source text by jsre and gives its outcome. */
function run(t, text, ...args) {
  const file = writeScript(folder, `script${++scripts}.js`, text);
  return runJsre(t, file, args, { cwd: folder }).exited;
}

/** Runs source text that asserts for itself. */
async function passes(t, text) {
  const { code, output } = await run(
    t,
    `const assert = require("node:assert/strict");\n${text}`,
  );
  assert.equal(output, "");
  assert.equal(code, 0);
}

/** Source of a server, and a function that connects to it. */
const SERVER = `
const Dtls = require("dtls"), fs = require("fs"), iosched = require("iosched");
const option = { cert: fs.readString("./cert.pem") };
const server = Dtls.createServer(option, Dtls.sockaddr("127.0.0.1", 0));
const connect = (then) => Dtls.createClient({}, server.sockName(), then);
`;

describe("the command jsre", () => {
  test("tells its version and how it is used", async (t) => {
    const told = await runJsre(t, "--version").exited;
    assert.equal(told.output, `${version}\n`);
    const help = await runJsre(t, "--help").exited;
    assert.match(help.output, /^Usage: jsre .*script\.js/);
    assert.equal(help.code, 0);
  });

  test("says what is wrong with a missing script or option", async (t) => {
    for (const [args, says] of [
      [["no-such.js"], /there is no script no-such\.js/],
      [["/"], /is no file/],
      [["--what"], /no option --what/],
    ]) {
      const { code, output } = await runJsre(t, ...args).exited;
      assert.equal(code, 2);
      assert.match(output, says);
    }
  });

  for (const [what, name, text] of [
    ["an import", "import.js", `import fs from "fs";`],
    ["an export", "export.js", `#!/usr/bin/env jsre\nexport const a = 1;`],
    ["an await at the top level", "await.js", `await 1;`],
    ["the name of a module", "named.mjs", `1;`],
  ]) {
    test(`refuses an ES module, told by ${what}`, async (t) => {
      const file = writeScript(folder, name, text);
      const { code, output } = await runJsre(t, file).exited;
      assert.equal(code, 2);
      assert.match(output, /^jsre: .* is an ES module .* CommonJS .*\n$/);
    });
  }

  test("refuses an ES module, told by its package", async (t) => {
    const inside = path.join(folder, "package");
    fs.mkdirSync(inside);
    writeScript(inside, "package.json", `{ "type": "module" }`);
    const file = writeScript(inside, "main.js", `1;`);
    const { code, output } = await runJsre(t, file).exited;
    assert.equal(code, 2);
    assert.match(output, /is an ES module because .*package\.json says/);
    const common = writeScript(inside, "main.cjs", `console.log("ran");`);
    assert.equal((await runJsre(t, common).exited).output, "ran\n");
  });

  test("leaves other mistakes of syntax to Node", async (t) => {
    const file = writeScript(folder, "mistake.js", `let let = 1;`);
    const { code, output } = await runJsre(t, file).exited;
    assert.equal(code, 1);
    assert.match(output, /SyntaxError/);
  });

  test("hands arguments over and runs the script as the main module", async (t) => {
    const { output } = await run(
      t,
      "console.log(process.argv.slice(2).join(), require.main === module)",
      "a",
      "--help",
    );
    assert.equal(output, "a,--help true\n");
  });

  test("shows an exception and fails", async (t) => {
    const { code, output } = await run(t, "throw new Error('boom')");
    assert.equal(code, 1);
    assert.match(output, /boom/);
  });

  test("ends when nothing is left to do", async (t) => {
    const { code } = await run(t, `require("dtls")`);
    assert.equal(code, 0);
  });
});

describe("a JSRE program", () => {
  test("has JSRE's modules, and the host's under node:", (t) =>
    passes(
      t,
      `
for (const name of ["dtls", "iosched", "events", "fs", "sys", "socket"]) {
  assert.ok(require(name));
}
assert.equal(require("fs").readString(__filename).includes("readString"), true);
assert.equal(typeof require("fs").statSync, "function");
assert.equal("readString" in require("node:fs"), false);
assert.equal(require("socket").AF_INET6, 10);
assert.equal(require("dtls").sockaddr().domain, require("socket").AF_INET);`,
    ));

  test("has JSRE's globals", (t) =>
    passes(
      t,
      `
assert.equal(EventEmitter, require("events"));
assert.equal(sys, require("sys"));
for (const name of ["unbreakable", "synchronize", "Timer", "setTimeout"]) {
  assert.equal(typeof globalThis[name], "function", name);
}`,
    ));

  test("has Buffers that decode their first bytes, made by new without a warning", (t) =>
    passes(
      t,
      `
const buffer = new Buffer("grüße", "utf8");
assert.equal(buffer.toString(4), "grü");
assert.equal(buffer.toString(), "grüße");
assert.equal(buffer.toString("hex", 0, 1), "67");
assert.deepEqual([...new Buffer(3)], [0, 0, 0]);
assert.deepEqual([...new Buffer([1, 2])], [1, 2]);
assert.ok(buffer instanceof Buffer && Buffer.isBuffer(buffer));
assert.ok(Buffer.from("x") instanceof require("buffer").Buffer);
assert.equal(Buffer.concat([new Buffer("a"), new Buffer("b")]).toString(1), "a");`,
    ));

  test("reads why a file cannot be read from errno", (t) =>
    passes(
      t,
      `
const fs = require("fs");
assert.equal(fs.readString("./no-such"), undefined);
assert.equal(sys.errno(), 2);
assert.equal(sys.error(2), "No such file or directory");
assert.match(sys.error(), /^No such file or directory: .*no-such/);
sys.clearErrno();
assert.equal(sys.errno(), 0);
sys.setErrno(9);
assert.equal(sys.error(), "Bad file descriptor");
assert.throws(() => fs.readString(5), TypeError);`,
    ));
});

describe("while a task waits", () => {
  test("sleep delivers timers, ticks and promise jobs", (t) =>
    passes(
      t,
      `
const seen = [];
setTimeout(() => {
  seen.push("timeout");
  Promise.resolve().then(() => seen.push("job"));
  process.nextTick(() => seen.push("tick"));
}, 20);
setImmediate(() => seen.push("immediate"));
const interval = setInterval(() => seen.length > 4 && clearInterval(interval), 5);
new Timer().start(30, () => seen.push("Timer"));
assert.equal(sys.sleep(80), 0);
assert.deepEqual(seen, ["immediate", "timeout", "tick", "job", "Timer"]);
assert.equal(interval.hasRef(), true);
clearInterval(interval);`,
    ));

  test("timers stand for numbers too, and can be refreshed", (t) =>
    passes(
      t,
      `
let calls = 0;
const timer = setTimeout(() => calls++, 10);
clearTimeout(+timer);
sys.sleep(30);
assert.equal(calls, 0);
timer.refresh();
sys.sleep(30);
assert.equal(calls, 1);
require("util").promisify(setTimeout)(5, "x").then((value) => (calls = value));
sys.sleep(30);
assert.equal(calls, "x");`,
    ));

  test("unbreakable holds deliveries back until it is done", (t) =>
    passes(
      t,
      `
let calls = 0;
setTimeout(() => calls++, 5);
Promise.resolve().then(() => calls++);
unbreakable(() => {
  sys.sleep(30);
  assert.equal(calls, 0);
});
sys.sleep(1);
assert.equal(calls, 2);`,
    ));

  test("a poll without end returns when a timer was called", (t) =>
    passes(
      t,
      `
let done = false;
setTimeout(() => (done = true), 20);
while (!done) assert.deepEqual(require("iosched").poll(), [[], [], []]);`,
    ));

  test("a poll with an end keeps to it, timers or not", (t) =>
    passes(
      t,
      `
const interval = setInterval(() => {}, 10);
const start = performance.now();
assert.deepEqual(require("iosched").poll(100), [[], [], []]);
assert.ok(performance.now() - start >= 99);
clearInterval(interval);`,
    ));

  test("forever leaves by a function or by quit", (t) =>
    passes(
      t,
      `
const iosched = require("iosched");
let ticks = 0;
const interval = setInterval(() => ticks++, 5);
iosched.forever(() => ticks > 2);
const check = {};
setTimeout(() => (check.quit = true), 10);
iosched.forever(check);
iosched.forever({ quit: true }, 5);
Promise.resolve().then(() => (ticks = -1));
iosched.forever(() => ticks < 0);
clearInterval(interval);`,
    ));

  test("timers go on after the script has ended", async (t) => {
    const { code, output } = await run(
      t,
      `
let n = 0;
const interval = setInterval(() => {
  console.log(++n);
  if (n === 3) clearInterval(interval);
}, 5);
setImmediate(() => console.log("immediate"));
setTimeout(() => console.log("never"), 60000).unref();`,
    );
    assert.equal(output, "immediate\n1\n2\n3\n");
    assert.equal(code, 0);
  });

  test("callbacks go on after the script has ended", async (t) => {
    const { output } = await run(
      t,
      `${SERVER}
server.accept(undefined, (peer) => {
  const event = iosched.event(iosched.READ, peer.sockFd, (peer) => {
    const buffer = new Buffer(10);
    const n = peer.recv(buffer, 0, 10, 0);
    if (n > 0) console.log(buffer.toString(n));
    if (n < 0) { peer.close(); server.close(); }
  }, peer);
  iosched.add(event);
});
connect((client) => { client.send("hello"); client.close(); });`,
    );
    assert.equal(output, "hello\n");
  });
});

describe("exceptions of callbacks", () => {
  test("pass through poll, and the loop goes on", (t) =>
    passes(
      t,
      `${SERVER}
let peers = 0;
server.accept(undefined, () => {
  if (++peers === 1) throw new Error("boom");
});
const clients = [connect(() => {}), connect(() => {})];
assert.throws(() => { while (true) iosched.poll(5000); }, /boom/);
while (peers < 2) iosched.poll(5000);
clients.forEach((client) => client.close());
server.close();`,
    ));

  test("pass through a blocking call, and leave the other timers", (t) =>
    passes(
      t,
      `
let calls = 0;
setTimeout(() => { throw new Error("boom"); }, 5);
setTimeout(() => calls++, 5);
assert.throws(() => sys.sleep(1000), /boom/);
sys.sleep(10);
assert.equal(calls, 1);`,
    ));

  test("pass from a timer through recv", (t) =>
    passes(
      t,
      `${SERVER}
const client = connect(() => {});
const peer = server.accept();
setTimeout(() => { throw new Error("boom"); }, 20);
assert.throws(() => peer.recv(new Buffer(10)), /boom/);
assert.equal(peer.recv(new Buffer(10), 0, 10, 5), 0);
setTimeout(() => peer.close(), 10);
assert.equal(peer.recv(new Buffer(10)), -9);
client.close();
server.close();`,
    ));
});
