"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const { runNode } = require("./support/program");
const { writeScript } = require("./support/scripts");
const { LIMIT, passes, runTasks } = require("./support/tasks");

const authority = createAuthority();
const identity = authority.leaf("server");
const env = { ...process.env, CERT: identity.cert, KEY: identity.key };
const TASK = JSON.stringify(require.resolve("../lib/jsre/host/task"));

describe("a new task", () => {
  test("knows who it is, and its argument", LIMIT, (t) =>
    passes(t, {
      "main.js": `
assert.deepEqual([Task.parent(), Task.isMain(), ARGUMENT], [0, true, ""]);
assert.equal(require("task"), Task);
const argument = { list: [1, "two"], bytes: Buffer.from("three") };
const task = new Task("./task.js", argument);
assert.ok(task.id() > 0 && task.id() !== Task.me());
assert.deepEqual(Task.recv(), [task.id(), Task.me(), false, argument]);
Task.create("./task.js");
assert.equal(Task.recv()[3], "");`,
      "task.js": `
assert.equal(require.main, module);
assert.equal(process.argv[1], __filename);
Task.send(Task.parent(), [Task.me(), Task.parent(), Task.isMain(), ARGUMENT]);`,
    }),
  );

  test(
    "is looked for beside the calling script, then in the current directory",
    LIMIT,
    (t) =>
      passes(
        t,
        {
          "main.js": `require("./lib/starter.js")`,
          "lib/starter.js": `
const started = (...args) => (new Task(...args), Task.recv());
assert.equal(started("both.js"), "lib");
assert.equal(started("./here.js"), "here");
assert.equal(started("both.js", "", { directory: process.cwd() }), "cwd");
assert.equal(started(require("path").resolve("here.js")), "here");`,
          "lib/both.js": `Task.send(Task.parent(), "lib")`,
          "cwd/both.js": `Task.send(Task.parent(), "cwd")`,
          "cwd/here.js": `Task.send(Task.parent(), "here")`,
        },
        { cwd: "cwd" },
      ),
  );

  test("is never one of the library's own files", LIMIT, (t) =>
    passes(
      t,
      {
        "main.js": `
const started = (task) => (assert.ok(task, sys.error()), Task.recv());
// Names of files that the library has too.
for (const name of ["client.js", "errors.js", "sys.js"]) {
  assert.equal(started(Task.create("./" + name)), "own");
  assert.equal(started(Task.create(name)), "own");
  assert.equal(started(new Task(name)), "own");
}
assert.equal(["client.js"].map((name) => started(Task.create(name)))[0], "own");
setTimeout(Task.create, 1, "./client.js");
assert.equal(Task.recv(), "own");
assert.equal(started(Task.create("./sub/outer.js")), "inner");
assert.equal(started(Task.create("x.js", "", { directory: "./sub" })), "x");
assert.equal(Task.create("handle.js"), undefined);
process.exit();`,
        "client.js": `Task.send(Task.parent(), "own");`,
        "errors.js": `Task.send(Task.parent(), "own");`,
        "sys.js": `Task.send(Task.parent(), "own");`,
        "sub/outer.js": `Task.create("./client.js"); Task.send(Task.parent(), Task.recv());`,
        "sub/client.js": `Task.send(Task.parent(), "inner");`,
        "sub/x.js": `Task.send(Task.parent(), "x");`,
        "elsewhere/readme": "",
      },
      { cwd: "elsewhere" },
    ),
  );

  test("that is an ES module is refused in a sentence", LIMIT, (t) =>
    passes(t, {
      "main.js": `
require("node:fs").writeFileSync(__dirname + "/module.js", "export const a = 1;");
assert.equal(Task.create("./module.js"), undefined);
assert.equal(sys.errno(), 22);
assert.match(sys.error(), /module\\.js is an ES module .* CommonJS/);
assert.throws(() => new Task("./module.js"), { code: "EINVAL" });`,
    }),
  );

  test("that has no script is told by errno or thrown", LIMIT, (t) =>
    passes(t, {
      "main.js": `
assert.equal(Task.create("./no-such.js"), undefined);
assert.equal(sys.errno(), 2);
assert.match(sys.error(), /no script \\.\\/no-such\\.js .*looked for .*no-such\\.js/);
assert.throws(() => new Task("./no-such.js"), { code: "ENOENT" });
assert.throws(() => new Task(__dirname), { code: "ENOENT" });`,
    }),
  );

  test("may be started by a plain Node program", LIMIT, async (t) => {
    const text = "Task.recv(); Task.send(Task.parent(), ARGUMENT)";
    writeScript(authority.folder, "task.js", text);
    const { code, output } = await runNode(
      t,
      `
const Task = require(${TASK});
Task.on("message", (msg, from) => {
  console.log(msg, from.id === task.id());
  Task.exit(4);
});
const task = new Task("task.js", "argument");
task.send("go");`,
      { cwd: authority.folder },
    ).exited;
    assert.equal(output, "argument true\n");
    assert.equal(code, 4);
  });

  test("prints while its parent waits", LIMIT, async (t) => {
    const program = runTasks(t, {
      "main.js": `new Task("./task.js"); iosched.forever();`,
      "task.js": `console.log("out", ARGUMENT === ""); console.error("err");`,
    });
    await program.sees(/out true\nerr\n/);
  });
});

describe("messages", () => {
  test("arrive one by one, in their order, with the sender's id", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const task = new Task("./task.js");
const sent = ["text", "", 0, null, { a: [1, { b: new Map([[1, 2]]) }] }, Buffer.from("bytes")];
for (const each of sent) assert.equal(task.send(each), true);
for (const each of sent) {
  const from = {};
  assert.deepEqual(Task.recv(from), each);
  assert.deepEqual(from, { id: task.id() });
}
task.send("end");`,
      "task.js": `
for (let msg; msg !== "end"; Task.send(Task.parent(), msg)) msg = Task.recv();`,
    }),
  );

  test("go to any task of the program, oneself too", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const one = new Task("./task.js"), other = new Task("./task.js");
one.send(other.id());
other.send(one.id());
assert.deepEqual([Task.recv(), Task.recv()].sort(), [one.id(), other.id()]);
assert.equal(Task.send(Task.me(), "myself"), true);
assert.equal(Task.recv(), "myself");`,
      "task.js": `
const from = {};
const sibling = Task.recv(from);
assert.equal(from.id, Task.parent());
Task.send(sibling, "hello");
assert.equal(Task.recv(from), "hello");
Task.send(Task.parent(), from.id);`,
    }),
  );

  test("that cannot be copied are refused by name", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const wrong = (call, name) => assert.throws(call, { name: "TypeError", message: name });
wrong(() => Task.send(Task.me(), () => {}), /\`msg\`.*could not be cloned/);
wrong(() => Task.send(Task.me()), /\`msg\`/);
wrong(() => Task.send("1", "x"), /\`id\`/);
wrong(() => new Task("./main.js", { f() {} }), /\`arg\`/);
wrong(() => new Task(1), /\`file\`/);
wrong(() => new Task("./main.js", "", "."), /\`opt\`/);
wrong(() => Task.recv("from"), /\`from\`/);
wrong(() => Task.recv({}, "5"), /\`timeout\`/);
wrong(() => Task.on("exit", () => {}), /\`event\`/);
wrong(() => Task.on("message"), /\`listener\`/);
wrong(() => Task.nextTick(), /\`callback\`/);
wrong(() => Task.exit("1"), /\`value\`/);
assert.equal(Task.recv(undefined, 0), undefined);`,
    }),
  );

  test("fail to nobody, and to a mailbox that is full", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const MiB = 1024 * 1024;
for (const id of [0, 999, -1, 1.5]) {
  assert.equal(Task.send(id, "x"), false);
  assert.equal(sys.errno(), 3);
}
assert.equal(Task.send(Task.me(), Buffer.alloc(65 * MiB)), false);
assert.equal(sys.errno(), 90);
let sent = 0;
while (Task.send(Task.me(), Buffer.alloc(8 * MiB))) sent++;
assert.equal(sent, 7);
assert.equal(sys.errno(), 105);
Task.recv();
assert.equal(Task.send(Task.me(), Buffer.alloc(8 * MiB)), true);`,
    }),
  );

  test("are waited for no longer than the timeout", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const from = {};
const start = performance.now();
assert.equal(Task.recv(from, 20), undefined);
assert.ok(performance.now() - start >= 19);
assert.equal(sys.errno(), 110);
assert.equal(Task.recv(null, -1), undefined);
assert.equal(sys.errno(), 22);
assert.deepEqual(from, {});`,
    }),
  );
});

describe("the end of a task", () => {
  test("comes when its script has ended and nothing is left", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const task = new Task("./task.js");
while (task.isAlive()) sys.sleep(1);
assert.equal(task.send("x"), false);
assert.equal(sys.errno(), 3);
assert.equal(task.cancel(), -3);`,
      "task.js": `setTimeout(() => {}, 5);`,
    }),
  );

  test("does not come while it listens", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const task = new Task("./task.js");
for (const each of [1, 2, 3]) {
  task.send(each);
  assert.equal(Task.recv(), each);
}
while (task.isAlive()) sys.sleep(1);`,
      "task.js": `
Task.on("message", function answer(msg, from) {
  Task.send(from.id, msg);
  if (msg === 3) Task.off("message", answer);
});`,
    }),
  );

  test("comes at once by exit", LIMIT, async (t) => {
    const { code, output } = await runTasks(t, {
      "main.js": `
const task = new Task("./task.js");
while (task.isAlive()) sys.sleep(1);
Task.exit(7);
console.log("never");`,
      "task.js": `
setInterval(() => {}, 1000);
Task.on("message", () => {});
process.on("exit", (code) => console.log("exit", code));
Task.exit(5);
console.log("never");`,
    }).exited;
    assert.equal(output, "exit 5\n");
    assert.equal(code, 7);
  });

  test("comes to all when the main task ends", LIMIT, async (t) => {
    const waits = {
      recv: `up(); Task.recv();`,
      forever: `up(); iosched.forever();`,
      unbreakable: `up(); unbreakable(() => sys.sleep(1e6));`,
      stubborn: `up(); for (;;) { try { iosched.poll(); } catch {} }`,
      computing: `up(); for (;;);`,
      listening: `Task.on("message", () => {}); up();`,
      nested: `new Task("./recv.js", ARGUMENT); Task.recv();`,
    };
    const sources = Object.entries(waits).map(([name, text]) => [
      `${name}.js`,
      `const up = () => Task.send(ARGUMENT, "up");\n${text}`,
    ]);
    const { code, output } = await runTasks(t, {
      "main.js": `
const names = ${JSON.stringify(Object.keys(waits))};
names.map((name) => new Task(\`./\${name}.js\`, Task.me())).map(() => Task.recv());
process.exit(3);`,
      ...Object.fromEntries(sources),
    }).exited;
    assert.equal(output, "");
    assert.equal(code, 3);
  });

  test("comes to those it has started", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const task = new Task("./task.js", "parent");
const child = Task.recv();
assert.equal(Task.send(child, "x"), true);
task.cancel();
while (Task.send(child, "x")) sys.sleep(1);`,
      "task.js": `
if (ARGUMENT === "parent") Task.send(Task.parent(), new Task(__filename).id());
iosched.forever();`,
    }),
  );

  const failures = {
    "of its script": `throw new Error("boom");`,
    "of a listener": `Task.on("message", () => { throw new Error("boom"); });`,
    "of a timer while it waits": `setTimeout(() => { throw new Error("boom"); }, 1); Task.recv(); Task.recv();`,
    "of a promise": `Promise.reject(new Error("boom")); sys.sleep(1e6);`,
  };
  for (const [whose, text] of Object.entries(failures)) {
    test(
      `by an exception ${whose} is told, and others live on`,
      LIMIT,
      async (t) => {
        const { code, output } = await runTasks(t, {
          "main.js": `
const task = new Task("./task.js");
task.send("x");
while (task.isAlive()) sys.sleep(1);
console.log("alive");`,
          "task.js": text,
        }).exited;
        assert.match(output, /^jsre: task 2 \(.*task\.js\) .*Error: boom\n/);
        assert.match(output, /\nalive\n$/);
        assert.equal(code, 0);
      },
    );
  }

  test("leaves no descriptor behind", LIMIT, (t) =>
    passes(
      t,
      {
        "main.js": `
const descriptors = () => require("fs").readdirSync("/proc/self/fd").length;
const run = () => {
  const task = new Task("./task.js");
  Task.recv();
  task.cancel();
  while (task.isAlive()) sys.sleep(1);
};
run();
const before = descriptors();
for (let i = 0; i < 10; i++) run();
// A thread closes those of its own loop a little after those of its task.
while (descriptors() > before) sys.sleep(1);`,
        "task.js": `
const Dtls = require("dtls");
const { CERT: cert, KEY: key } = process.env;
const server = Dtls.createServer({ cert, key }, Dtls.sockaddr("127.0.0.1", 0));
const client = Dtls.createClient({}, server.sockName(), () => {});
const peer = server.accept();
assert.ok(peer.sockFd > 0);
assert.equal(client.send("x"), 1);
Task.send(Task.parent(), "up");
iosched.forever();`,
      },
      { env },
    ),
  );
});

describe("cancel", () => {
  const waits = {
    "in recv": `up(); Task.recv();`,
    "in poll": `up(); iosched.poll();`,
    "in sleep": `up(); sys.sleep(1e6);`,
    "in Node's loop": `up(); setInterval(() => {}, 1e6);`,
  };
  for (const [where, text] of Object.entries(waits)) {
    test(`ends a task that waits ${where}`, LIMIT, (t) =>
      passes(t, {
        "main.js": `
const task = new Task("./task.js");
Task.recv();
assert.equal(task.cancel(), 0);
while (task.isAlive()) sys.sleep(1);`,
        "task.js": `const up = () => Task.send(Task.parent(), "up");\n${text}`,
      }),
    );
  }

  test(
    "waits for the end of unbreakable, and delivers nothing more",
    LIMIT,
    (t) =>
      passes(t, {
        "main.js": `
const task = new Task("./task.js");
assert.equal(Task.recv(), "held");
task.cancel();
task.send("go");
assert.equal(Task.recv(), "cancelled");
while (task.isAlive()) sys.sleep(1);
assert.equal(Task.recv(null, 0), undefined);`,
        "task.js": `
setTimeout(() => unbreakable(() => {
  Task.send(Task.parent(), "held");
  Task.recv();
  sys.sleep(1);
  Task.send(Task.parent(), Task.testCancel() && "cancelled");
}), 1);
Task.on("message", (msg) => Task.send(Task.parent(), msg));`,
      }),
  );

  test("is asked for by a task that computes", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const task = new Task("./task.js");
assert.equal(Task.recv(), false);
task.cancel();
assert.equal(Task.recv(), "cleaned up");
assert.equal(Task.testCancel(), false);`,
      "task.js": `
Task.send(Task.parent(), Task.testCancel());
while (!Task.testCancel());
Task.send(Task.parent(), "cleaned up");`,
    }),
  );
});
