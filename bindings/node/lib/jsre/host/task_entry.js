"use strict";

// The main module of a task's thread.
const util = require("node:util");
const v8 = require("node:v8");
const { workerData } = require("node:worker_threads");
const { loop } = require("../../core/loop");
const mailbox = require("./mailbox");
const output = require("./task_output");

const FAILED = 1;
const { file, id, parent, arg } = workerData;

output.install();
process.on("uncaughtException", (error) => {
  if (process.listenerCount("uncaughtException") > 1) {
    return; // the program's own
  }
  process.stderr.write(
    `jsre: task ${id} (${file}) ended by an exception: ${util.inspect(error)}\n`,
  );
  process.exit(FAILED);
});
mailbox.adopt(id, parent);
loop().startScript(() => require("./run").start(file, [], v8.deserialize(arg)));
