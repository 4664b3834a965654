"use strict";
// Node's dgram: a server that counts, echoes, or sends without end to the peer that has spoken.
const dgram = require("node:dgram");
const { openJob } = require("./job.js");

const job = openJob();
const { counters } = job;
const socket = dgram.createSocket("udp4");

function pour(peer) {
  const message = Buffer.alloc(job.size, 7);
  const sendNext = () => {
    counters.sent += 1;
    socket.send(message, peer.port, peer.address, sendNext);
  };
  // As many are under way as keep the socket busy.
  for (let i = 0; i < 64; i += 1) {
    sendNext();
  }
}

let pouring = false;
socket.on("message", (message, peer) => {
  counters.received += 1;
  if (job.task === "echo") {
    socket.send(message, peer.port, peer.address);
  } else if (job.task === "source" && !pouring) {
    pouring = true;
    pour(peer);
  }
});
socket.bind(0, "127.0.0.1", () => {
  counters.port = socket.address().port;
  job.publish();
});
