"use strict";
// Connects to the server at --server and reads --calls times where nothing is to be read.
const { createClient, sockaddr } = require("../../bindings/node");
const { openJob } = require("./job.js");

const job = openJob();
const { counters } = job;
const peer = sockaddr("127.0.0.1", Number(job.named.server));
createClient({}, peer, (client) => {
  const buffer = Buffer.alloc(16384);
  for (let i = 0; i < Number(job.named.calls); i += 1) {
    if (client.recv(buffer, 0, buffer.length, 0) !== 0) {
      throw new Error("recv has found something");
    }
  }
  client.close();
  counters.ready = 1;
  job.publish();
  process.exit(0);
});
