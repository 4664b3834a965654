"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const { LIMIT, passes, runTasks } = require("./support/tasks");

const identity = createAuthority().leaf("server");
const env = { ...process.env, CERT: identity.cert, KEY: identity.key };

/** Sends "went" once it is told to go. */
const ANSWER = `Task.recv(); Task.send(Task.parent(), "went");`;

describe("a message is delivered to a listener", () => {
  const waits = {
    "in sys.sleep": `while (!got) sys.sleep(1e6);`,
    "in iosched.poll": `while (!got) iosched.poll();`,
    "in iosched.poll with an end": `iosched.poll(1e6);`,
    "in iosched.select": `while (!got) assert.deepEqual(iosched.select([[0], [], []]), [[], [], []]);`,
    "in iosched.forever": `iosched.forever(() => got !== undefined);`,
    "in accept": `server.accept({}, 1e6);`,
    "in recv of a connection": `peer().recv(new Buffer(1));`,
    "by Node's loop": ``,
  };
  // Waits that end only by what they wait for are left by an exception.
  const left = /1e6|recv/;
  for (const [where, wait] of Object.entries(waits)) {
    test(where, LIMIT, (t) =>
      passes(
        t,
        {
          "main.js": `
const Dtls = require("dtls");
const { CERT: cert, KEY: key } = process.env;
const server = Dtls.createServer({ cert, key }, Dtls.sockaddr("127.0.0.1", 0));
const peer = () => (Dtls.createClient({}, server.sockName(), () => {}), server.accept());
let got;
const task = new Task("./task.js");
Task.on("message", function once(msg, from) {
  got = msg;
  assert.deepEqual(from, { id: task.id() });
  Task.off("message", once);
  ${left.test(wait) ? `throw new Error("left");` : ""}
});
setTimeout(() => task.send("go"), 1);
process.on("exit", () => assert.equal(got, "went"));
try {
  ${wait}
} catch (error) {
  assert.equal(error.message, "left");
}`,
          "task.js": ANSWER,
        },
        { env },
      ),
    );
  }
});

describe("while a task waits", () => {
  test("a poll without end returns when a message was delivered", LIMIT, (t) =>
    passes(t, {
      "main.js": `
let got;
Task.on("message", (msg) => (got = msg));
new Task("./task.js").send("go");
while (!got) assert.deepEqual(iosched.poll(), [[], [], []]);
Task.exit();`,
      "task.js": ANSWER,
    }),
  );

  test("unbreakable holds messages back, not those it receives", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const task = new Task("./task.js");
const listened = [];
Task.on("message", (msg) => listened.push(msg));
unbreakable(() => {
  task.send("first");
  assert.equal(Task.recv(), "first");
  task.send("second");
  iosched.select([[Task.fd()], [], []]);
  sys.sleep(1);
  assert.deepEqual(listened, []);
});
sys.sleep(0);
assert.deepEqual(listened, ["second"]);
Task.exit();`,
      "task.js": `Task.on("message", (msg, from) => Task.send(from.id, msg));`,
    }),
  );

  test("recv comes before listeners", LIMIT, (t) =>
    passes(t, {
      "main.js": `
Task.on("message", () => assert.fail("listened"));
const task = new Task("./task.js");
setTimeout(() => { task.send("go"); iosched.poll(20); }, 1);
assert.equal(Task.recv(), "went");
Task.exit();`,
      "task.js": ANSWER,
    }),
  );

  test("the descriptor is readable while a message waits", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const task = new Task("./task.js");
const got = [];
const event = iosched.event(iosched.READ, Task.fd(), () => {
  got.push(Task.recv());
  return got.length < 2;
});
iosched.add(event);
assert.deepEqual(iosched.poll(0), [[], [], []]);
task.send("go");
task.send("go");
while (iosched.listening(event)) assert.deepEqual(iosched.poll(), [[Task.fd()], [], []]);
assert.deepEqual(got, ["went", "went"]);
assert.deepEqual(iosched.select([[Task.fd()], [], []], 0), [[], [], []]);`,
      "task.js": ANSWER + ANSWER,
    }),
  );

  test("a flood of messages leaves room for timers", LIMIT, (t) =>
    passes(t, {
      "main.js": `
let count = 0;
Task.on("message", (msg) => {
  // With the first message: on a busy machine the timer may be due before it.
  if (count++ === 0) setTimeout(() => Task.exit(count > 0 ? 0 : 1), 20);
  Task.send(Task.me(), msg);
});
Task.send(Task.me(), "again");
iosched.forever();`,
    }),
  );

  test("an exception of a listener loses no other message", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const got = [];
Task.on("message", (msg) => {
  got.push(msg);
  if (msg === 1) throw new Error("boom");
});
for (const each of [1, 2, 3]) Task.send(Task.me(), each);
assert.throws(() => sys.sleep(1e6), /boom/);
sys.sleep(0);
assert.deepEqual(got, [1, 2, 3]);
Task.exit();`,
    }),
  );

  test("nextTick comes first", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const seen = [];
Task.on("message", (msg) => seen.push(msg));
Task.send(Task.me(), "message");
Task.nextTick((...args) => seen.push(...args), "tick", 1);
sys.sleep(0);
assert.deepEqual(seen, ["tick", 1, "message"]);
Task.exit();`,
    }),
  );
});

describe("a task that waits uses no CPU", () => {
  const INTERVAL_MS = 1000;
  const LIMIT_MS = 50;
  const waits = {
    "for a message": `Task.recv(null, ${INTERVAL_MS});`,
    "with a message that nobody takes": `Task.send(Task.me(), 1); iosched.poll(${INTERVAL_MS});`,
    "with a message that is held back": `
Task.on("message", () => {});
unbreakable(() => { Task.send(Task.me(), 1); iosched.poll(${INTERVAL_MS}); });`,
    "with a message that recv waits for": `
Task.on("message", () => {});
setTimeout(() => { Task.send(Task.me(), 1); iosched.poll(${INTERVAL_MS}); }, 1);
Task.recv();`,
    "in Node's loop, with a message that nobody takes": `
Task.send(Task.me(), 1);
process.removeAllListeners("exit");
setTimeout(report, ${INTERVAL_MS});`,
  };
  for (const [how, text] of Object.entries(waits)) {
    test(how, LIMIT, async (t) => {
      const { code, output } = await runTasks(t, {
        "main.js": `
Task.me();
require("dtls");
sys.sleep(1);
const before = process.cpuUsage();
const report = () => {
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1000);
};
process.on("exit", report);
${text}
if (process.listenerCount("exit") > 0) Task.exit();`,
      }).exited;
      assert.equal(code, 0, output);
      assert.ok(Number(output) < LIMIT_MS, `${output} ms of CPU`);
    });
  }
});

describe("a cancelled task", () => {
  test(
    "ends at its next wait although calls that do not wait came first",
    LIMIT,
    (t) =>
      passes(
        t,
        {
          "main.js": `
const task = new Task("./task.js");
assert.equal(Task.recv(), "up");
task.cancel();
while (task.isAlive()) sys.sleep(1);`,
          "task.js": `
const Dtls = require("dtls");
const { CERT: cert, KEY: key } = process.env;
const server = Dtls.createServer({ cert, key }, Dtls.sockaddr("127.0.0.1", 0));
Task.send(Task.parent(), "up");
while (!Task.testCancel());
server.accept();`,
        },
        { env },
      ),
  );
});
