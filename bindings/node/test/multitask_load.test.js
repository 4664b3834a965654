"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");
const { runTasks } = require("./support/tasks");

const CLIENTS = 1000;
const AT_ONCE = 50;
const MESSAGES = 3;
const TASKS = 4;

const authority = createAuthority();
const identity = authority.leaf("server");
const env = { ...process.env, CERT: identity.cert, KEY: identity.key };

const MAIN = `
const Dtls = require("dtls");
const { CERT: cert, KEY: key } = process.env;
const server = Dtls.createServer({ name: "echo", cert, key }, Dtls.sockaddr("127.0.0.1", 0));
const tasks = Array.from({ length: ${TASKS} }, () => new Task("./task.js"));
let next = 0;
server.accept(undefined, (client) => {
  tasks[next++ % tasks.length].send({ sockFd: client.sockFd });
  client.flyAway();
});
console.log("port", server.sockName().port);
iosched.forever();`;

// Every task puts its own number before what it echoes.
const TASK = `
const Dtls = require("dtls");
const echo = (client) => {
  const buffer = new Buffer(100);
  let num;
  while ((num = client.recv(buffer, 0, buffer.length, 0)) > 0) {
    client.send(Task.me() + " " + buffer.toString(num));
  }
  if (num < 0) client.close();
  return num === 0;
};
Task.on("message", ({ sockFd }) => {
  Dtls.createByFd("echo", sockFd, (client) => {
    if (!client) return console.log("lost", Dtls.lastError().message);
    iosched.add(iosched.event(iosched.READ, client.sockFd, echo, undefined, client));
  });
});
iosched.forever();`;

/**
 * One client's whole life; resolves with the number of the task that served it.
 *
 * @param {number} number
 * @param {number} port
 */
function talk(number, port) {
  const options = { rejectUnauthorized: true, ca: authority.ca };
  const address = Dtls.sockaddr("127.0.0.1", port);
  return new Promise((resolve, reject) => {
    Dtls.createClient(options, address, (client) => {
      if (!client) {
        reject(Dtls.lastError());
        return;
      }
      const buffer = Buffer.alloc(100);
      let answers = 0;
      const ask = () => client.send(`client ${number} message ${answers}`);
      client.onreadable = () => {
        const size = client.recv(buffer, 0, buffer.length, 0);
        if (size === 0) {
          return;
        }
        const answer = size > 0 ? buffer.toString("utf8", 0, size) : size;
        const [, task, echo] = /^(\d+) (.*)$/.exec(answer) ?? [];
        if (echo !== `client ${number} message ${answers}`) {
          reject(new Error(`client ${number} got ${answer}`));
        } else if (++answers < MESSAGES) {
          ask();
          return;
        }
        client.close();
        resolve(task);
      };
      ask();
    });
  });
}

test(
  "a thousand clients are served by four tasks, each by one, with the right answers",
  { timeout: 60000 },
  async (t) => {
    const server = runTasks(t, { "main.js": MAIN, "task.js": TASK }, { env });
    const [, port] = await server.sees(/port (\d+)\n/);
    /** @type {Map<string, number>} */
    const served = new Map();
    let next = 0;
    const keepTalking = async () => {
      while (next < CLIENTS) {
        const task = await talk(next++, Number(port));
        served.set(task, (served.get(task) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, keepTalking));
    const counts = [...served.values()];
    assert.deepEqual(counts, Array(TASKS).fill(CLIENTS / TASKS));
    assert.equal(server.output, `port ${port}\n`);
  },
);
