"use strict";
// Our module in a Node program: a server that counts, echoes, or sends without end to the peer that
// has spoken.
const { createServer, lastError, sockaddr } = require("../../bindings/node");
const { openJob } = require("./job.js");

const job = openJob();
const { counters } = job;
const server = createServer(
  {
    cert: job.read("cert"),
    key: job.read("key"),
    minVersion: job.version,
    maxVersion: job.version,
  },
  sockaddr("127.0.0.1", 0),
);
if (!server) {
  throw lastError();
}

const buffer = Buffer.alloc(16384);

function pour(peer) {
  const message = Buffer.alloc(job.size, 7);
  const sendSome = () => {
    for (let i = 0; i < 64; i += 1) {
      if (peer.send(message, 0, message.length, 0) < 0) {
        break;
      }
      counters.sent += 1;
    }
    setImmediate(sendSome);
  };
  sendSome();
}

function take(peer, length) {
  counters.received += 1;
  if (job.task === "echo") {
    peer.send(buffer, 0, length, 0);
  } else if (job.task === "source" && !peer.pouring) {
    peer.pouring = true;
    pour(peer);
  }
}

server.accept(undefined, (peer) => {
  peer.onestablished = () => {
    counters.established += 1;
  };
  peer.onreadable = () => {
    let length;
    while ((length = peer.recv(buffer, 0, buffer.length, 0)) > 0) {
      take(peer, length);
    }
    if (length < 0) {
      peer.close(); // the association has ended
    }
  };
});
counters.port = server.sockName().port;
job.publish();
