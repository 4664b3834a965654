"use strict";

// Node's own modules while a program waits in one of ours.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const { runNode } = require("./support/program");
const { LIMIT, passes, runTasks } = require("./support/tasks");

const identity = createAuthority().leaf("server");
const env = { ...process.env, CERT: identity.cert, KEY: identity.key };

/** `leave()` ends the wait that comes after it. */
const DTLS = `
const Dtls = require("dtls");
const { CERT: cert, KEY: key } = process.env;
const server = Dtls.createServer({ cert, key }, Dtls.sockaddr("127.0.0.1", 0));
const peer = () => (Dtls.createClient({}, server.sockName(), () => {}), server.accept());
let left = false;
const leave = () => { left = true; };
`;

/** Each ends when `left` is true. */
const WAITS = {
  "sys.sleep": `while (!left) sys.sleep(10);`,
  "iosched.poll": `while (!left) iosched.poll();`,
  "iosched.poll with an end": `while (!left) iosched.poll(1e4);`,
  "iosched.select": `const { sockFd } = server; while (!left) iosched.select([[sockFd], [], []]);`,
  "iosched.forever": `iosched.forever(() => left);`,
  accept: `while (!left) server.accept({}, 10);`,
  recv: `const client = peer(); while (!left) client.recv(new Buffer(1), 0, 1, 10);`,
  "recv that does not block": `const client = peer(); while (!left) client.recv(new Buffer(1), 0, 1, 0);`,
  "Task.recv": `while (!left) Task.recv({}, 10);`,
};

/** Calls `leave` when all of it is done. */
const WORK = `
const net = require("net");
const http = require("http");
const work = [
  new Promise((done) => require("fs").readFile(__filename, "utf8", (error, text) => {
    assert.match(text, /readFile/);
    done();
  })),
  require("fs").promises.stat(__filename),
  new Promise((done) => require("dns").lookup("127.0.0.1", done)),
  new Promise((done) => require("child_process").exec("echo child", (error, text) => {
    assert.equal(text, "child\\n");
    done();
  })),
  new Promise((done) => {
    const server = http.createServer((request, response) => response.end("hello"));
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      http.get({ host: "127.0.0.1", port, agent: false }, (response) => {
        response.setEncoding("utf8").on("data", (text) => assert.equal(text, "hello"));
        response.on("end", () => server.close(done));
      });
    });
  }),
  new Promise((done) => require("node:timers").setTimeout(done, 5)),
  new Promise((done) => require("node:timers").setImmediate(done)),
];
Promise.all(work).then(leave);
`;

/** A child of the test that says "ready" and gets a signal then. */
async function signalled(t, text, signal = "SIGTERM") {
  const program = runTasks(t, { "main.js": DTLS + text }, { env });
  await program.sees(/ready/);
  program.child.kill(signal);
  return program.exited;
}

describe("Node's own modules complete their work while a program waits in", () => {
  for (const [where, wait] of Object.entries(WAITS)) {
    const sources = `${DTLS}${WORK}${wait}\nprocess.exit();`;
    test(`${where}, in the main script`, LIMIT, (t) =>
      passes(t, { "main.js": sources }, { env }),
    );
    test(`${where}, in a task`, LIMIT, (t) =>
      passes(
        t,
        {
          "main.js": `const task = new Task("./task.js"); while (task.isAlive()) sys.sleep(5);
process.exit(Task.recv({}, 0) === "done" ? 0 : 1);`,
          "task.js": `${DTLS}${WORK}${wait}\nTask.send(Task.parent(), "done"); process.exit();`,
        },
        { env },
      ),
    );
  }

  test("an event's callback that waits itself", LIMIT, (t) =>
    passes(
      t,
      {
        "main.js": `${DTLS}
server.accept(undefined, () => { ${WORK} while (!left) sys.sleep(10); process.exit(); });
Dtls.createClient({}, server.sockName(), () => {});
iosched.forever();`,
      },
      { env },
    ),
  );

  test("the top level of a plain Node program", LIMIT, async (t) => {
    const { output } = await runNode(
      t,
      `
const server = Dtls.createServer(
  { cert: process.env.CERT, key: process.env.KEY },
  Dtls.sockaddr("127.0.0.1", 0),
);
let done = false;
require("fs").stat("/", () => (done = true));
while (!done) server.accept({}, 10);
console.log("done");
server.close();`,
      { env },
    ).exited;
    assert.equal(output, "done\n");
  });
});

describe("a signal", () => {
  for (const [where, wait] of Object.entries(WAITS)) {
    test(
      `reaches the listener of a program that waits in ${where}`,
      LIMIT,
      async (t) => {
        const { code, output } = await signalled(
          t,
          `process.on("SIGTERM", (...args) => { console.log(...args); leave(); });
console.log("ready");
${wait}
process.exit(5);`,
        );
        assert.equal(output, "ready\nSIGTERM 15\n");
        assert.equal(code, 5);
      },
    );
  }

  test("ends a program that waits and does not listen", LIMIT, async (t) => {
    const { signal } = await signalled(
      t,
      `console.log("ready"); iosched.forever();`,
    );
    assert.equal(signal, "SIGTERM");
  });

  test(
    "reaches a program that waits in a callback of Node's loop",
    LIMIT,
    async (t) => {
      const { code, output } = await signalled(
        t,
        `process.on("SIGTERM", () => { console.log("TERM"); leave(); });
require("fs").stat("/", () => {
  console.log("ready");
  while (!left) iosched.poll();
  console.log("left");
  require("node:timers").setTimeout(() => process.exit(5), 20);
});`,
      );
      assert.equal(output, "ready\nTERM\nleft\n");
      assert.equal(code, 5);
    },
  );

  test(
    "reaches a program that waits in a callback which a wait has called",
    LIMIT,
    async (t) => {
      const { code, output } = await signalled(
        t,
        `process.on("SIGTERM", () => { console.log("TERM"); leave(); });
require("fs").stat("/", () => {
  console.log("ready");
  while (!left) iosched.poll();
  console.log("left");
});
iosched.forever(() => left);
iosched.poll(20);
process.exit(5);`,
      );
      assert.equal(output, "ready\nTERM\nleft\n");
      assert.equal(code, 5);
    },
  );

  test(
    "is delivered once for each time, whichever loop delivers it",
    LIMIT,
    (t) =>
      passes(t, {
        "main.js": `
let calls = 0;
let waiting = false;
process.on("SIGUSR2", () => {
  calls++;
  if (!waiting) {
    waiting = true;
    sys.sleep(20); // the signal that is being delivered is not delivered again
    waiting = false;
  }
});
const kill = () => process.kill(process.pid, "SIGUSR2");
kill();
sys.sleep(50);
assert.equal(calls, 1);
setTimeout(() => {
  kill(); kill();
  sys.sleep(20);
  assert.equal(calls, 3);
  kill();
  setTimeout(() => {
    assert.equal(calls, 4);
    kill();
    setTimeout(() => {
      assert.equal(calls, 5);
      process.exit();
    }, 50);
  }, 50);
}, 1);`,
      }),
  );

  test(
    "that comes before the wait, in a callback that computes, is delivered",
    LIMIT,
    (t) =>
      passes(t, {
        "main.js": `
const seen = [];
for (const name of ["SIGUSR2", "SIGHUP"]) process.on(name, (...args) => seen.push(args.join()));
setTimeout(() => {
  process.kill(process.pid, "SIGHUP");
  process.kill(process.pid, "SIGUSR2");
  sys.sleep(10);
  assert.deepEqual(seen.sort(), ["SIGHUP,1", "SIGUSR2,12"]);
  process.removeAllListeners("SIGHUP");
  process.once("SIGHUP", () => seen.push("again"));
  process.kill(process.pid, "SIGHUP");
  sys.sleep(10);
  assert.equal(seen.pop(), "again");
  process.exit();
}, 1);`,
      }),
  );

  test("is held back by unbreakable, as Node's other work is", LIMIT, (t) =>
    passes(t, {
      "main.js": `
const seen = [];
process.on("SIGUSR2", () => seen.push("signal"));
unbreakable(() => {
  process.kill(process.pid, "SIGUSR2");
  require("fs").stat("/", () => seen.push("stat"));
  sys.sleep(50);
  assert.deepEqual(seen, []);
});
while (seen.length < 2) sys.sleep(5);
process.exit();`,
    }),
  );
});

describe("callbacks of Node's own modules", () => {
  test(
    "are followed by their ticks and promise jobs, before setImmediate",
    LIMIT,
    (t) =>
      passes(t, {
        "main.js": `
const { setImmediate } = require("node:timers");
const seen = [];
require("fs").stat("/", () => {
  setImmediate(() => seen.push("immediate"));
  Promise.resolve().then(() => seen.push("job"));
  process.nextTick(() => seen.push("tick"));
});
while (seen.length < 3) iosched.poll();
assert.deepEqual(seen, ["tick", "job", "immediate"]);`,
      }),
  );

  for (const where of ["the main script", "a task"]) {
    test(
      `have their exceptions told as uncaught ones, in ${where}`,
      LIMIT,
      (t) => {
        const program = `
const seen = [];
process.on("uncaughtException", (error) => seen.push(error.message));
require("fs").stat("/", () => { throw new Error("callback"); });
require("fs").promises.stat("/").then(() => { throw new Error("job"); });
require("node:timers").setTimeout(() => { throw new Error("timer"); }, 5);
while (seen.length < 3) sys.sleep(5);
assert.deepEqual(seen.sort(), ["callback", "job", "timer"]);`;
        return passes(t, {
          "main.js":
            where === "a task"
              ? `Task.create("./task.js"); assert.equal(Task.recv(), "done"); process.exit();`
              : program,
          "task.js": `${program} Task.send(Task.parent(), "done");`,
        });
      },
    );
  }

  test(
    "end a program by an exception that nobody catches",
    LIMIT,
    async (t) => {
      const { code, output } = await runTasks(t, {
        "main.js": `require("fs").stat("/", () => { throw new Error("boom"); });
sys.sleep(1e6);`,
      }).exited;
      assert.equal(code, 1);
      assert.match(output, /Error: boom/);
    },
  );

  test("may end the task that waits", LIMIT, (t) =>
    passes(t, {
      "main.js": `const task = new Task("./task.js"); while (task.isAlive()) sys.sleep(5);`,
      "task.js": `require("fs").stat("/", () => Task.exit()); sys.sleep(1e6);`,
    }),
  );

  test("do not deliver events in a blocking call", LIMIT, (t) =>
    passes(
      t,
      {
        "main.js": `${DTLS}
let accepted = 0;
const client = peer();
server.accept(undefined, () => accepted++);
Dtls.createClient({}, server.sockName(), () => {});
require("fs").stat("/", leave);
for (let i = 0; i < 20 || !left; i++) client.recv(new Buffer(1), 0, 1, 5);
assert.equal(accepted, 0);
while (accepted === 0) iosched.poll();
process.exit();`,
      },
      { env },
    ),
  );
});

describe("a task's script", () => {
  test(
    "begins although a preloaded module keeps Node's loop busy",
    LIMIT,
    async (t) => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "jsre-preload-"));
      t.after(() => fs.rmSync(folder, { recursive: true }));
      const file = path.join(folder, "busy.js");
      fs.writeFileSync(file, `setInterval(() => {}, 1000);`);
      await passes(
        t,
        {
          "main.js": `new Task("./task.js"); assert.equal(Task.recv(), "up"); process.exit();`,
          "task.js": `Task.send(Task.parent(), "up");`,
        },
        { env: { ...process.env, NODE_OPTIONS: `--require ${file}` } },
      );
    },
  );

  test("lives on after an exception that it takes for itself", LIMIT, (t) =>
    passes(t, {
      "main.js": `new Task("./task.js");
assert.deepEqual([Task.recv(), Task.recv()], ["boom", "alive"]);
process.exit();`,
      "task.js": `
process.on("uncaughtException", (error) => Task.send(Task.parent(), error.message));
setTimeout(() => Task.send(Task.parent(), "alive"), 5);
throw new Error("boom");`,
    }),
  );
});

describe("a wait with nothing to do does not spin", () => {
  const INTERVAL_MS = 1000;
  const MOST_CPU_MS = 50;
  // Retransmissions of a client that nobody accepts are among them.
  const MOST_CALLS = 50;
  const idle = {
    "at the top level": `iosched.poll(${INTERVAL_MS}); report();`,
    "with modules of Node's in use": `
process.on("SIGTERM", () => {});
require("net").createServer().listen(0, () => { iosched; });
sys.sleep(50);
begin();
iosched.poll(${INTERVAL_MS});
report();`,
    "in a blocking call, with an event ready": `
server.accept(undefined, () => {});
Dtls.createClient({}, server.sockName(), () => {});
sys.sleep(50);
begin();
sys.sleep(${INTERVAL_MS});
report();`,
    "in a callback of Node's loop, with work of Node's ready": `
process.on("SIGTERM", () => {});
setTimeout(() => {
  require("fs").stat("/", () => {});
  begin();
  sys.sleep(${INTERVAL_MS});
  report();
}, 1);`,
  };
  for (const [how, text] of Object.entries(idle)) {
    for (const where of ["main script", "task"]) {
      test(`${how}, in a ${where}`, LIMIT, async (t) => {
        const program = `${DTLS}
const addon = require(${JSON.stringify(require.resolve("../lib/core/native"))}).native();
let calls;
let before;
for (const name of ["turnNode", "awaitSignals", "wait"]) {
  const original = addon[name];
  addon[name] = (...args) => { calls++; return original(...args); };
}
const begin = () => { calls = 0; before = process.cpuUsage(); };
const report = () => {
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ calls, cpu: (user + system) / 1000 }));
  process.exit();
};
sys.sleep(50);
begin();
${text}`;
        const sources =
          where === "task"
            ? {
                "main.js": `new Task("./task.js"); Task.recv(); process.exit();`,
                "task.js": program.replace(
                  "process.exit()",
                  `Task.send(Task.parent(), "done")`,
                ),
              }
            : { "main.js": program };
        const { output } = await runTasks(t, sources, { env }).exited;
        const { calls, cpu } = JSON.parse(output);
        assert.ok(calls <= MOST_CALLS, `${calls} waits`);
        assert.ok(cpu < MOST_CPU_MS, `${cpu} ms of CPU`);
      });
    }
  }
});
