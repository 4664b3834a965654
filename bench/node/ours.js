"use strict";
// Our module in a Node program: a server that counts, echoes, or sends without end to the peer that
// has spoken. Messages come by onmessage, or (--style recv) by onreadable and recv.
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

function pour(peer) {
  const list = new Array(64).fill(Buffer.alloc(job.size, 7));
  const sendSome = () => {
    counters.sent += Math.max(0, peer.sendMany(list, 0));
    setImmediate(sendSome);
  };
  sendSome();
}

let pouring = false;
function take(peer, message, offset, length) {
  counters.received += 1;
  if (job.task === "echo") {
    peer.send(message, offset, length, 0);
  } else if (job.task === "source" && !pouring) {
    pouring = true;
    pour(peer);
  }
}

/** The end of the association, after the messages before it. */
function endOf(length, peer) {
  if (length < 0) {
    peer.close();
  }
}

const buffer = Buffer.alloc(16384);
const styles = {
  onmessage(peer) {
    peer.onmessage = (message) => take(peer, message, 0, message.length);
    peer.onreadable = () => endOf(peer.recv(buffer, 0, buffer.length, 0), peer);
  },
  recv(peer) {
    peer.onreadable = () => {
      let length;
      while ((length = peer.recv(buffer, 0, buffer.length, 0)) > 0) {
        take(peer, buffer, 0, length);
      }
      endOf(length, peer);
    };
  },
};

server.accept(undefined, (peer) => {
  peer.onestablished = () => {
    counters.established += 1;
  };
  styles[job.named.style](peer);
});
counters.port = server.sockName().port;
job.publish();
