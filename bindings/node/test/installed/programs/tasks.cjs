"use strict";

// The server is a task, the client blocks in the main thread.

const Dtls = require("@jsre/dtls");
const iosched = require("@jsre/dtls/iosched");
const Task = require("@jsre/dtls/task");
const { trusting } = require("./talk.cjs");

const task = new Task("./task.cjs", { greeting: "hello" });
const address = Task.recv();
const client = Dtls.createClient(trusting("ca.pem"), address, 120000);
if (!client) {
  throw Dtls.lastError();
}
client.send("any");
const buffer = Buffer.alloc(100);
const wait = { quit: false };
iosched.once(
  iosched.event(iosched.READ, client.sockFd, () => {
    const length = client.recv(buffer, 0, buffer.length, 0);
    console.log("echo:", buffer.toString("utf8", 0, length));
    wait.quit = true;
  }),
);
iosched.forever(wait);
client.close();
task.cancel();
