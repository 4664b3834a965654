"use strict";

// A server that sends back what it gets, and a client that verifies it, in one thread.

const fs = require("node:fs");
const path = require("node:path");

const read = (name) => fs.readFileSync(path.join(__dirname, name));

/** Starts a server; it ends with the first of its connections. */
function serve(Dtls) {
  const identity = { cert: read("cert.pem"), key: read("cert.key") };
  const server = Dtls.createServer(
    identity,
    Dtls.sockaddr(Dtls.INADDR_LOOPBACK, 0),
  );
  if (!server) {
    throw Dtls.lastError();
  }
  server.accept(undefined, (peer) => {
    peer.onreadable = () => {
      const buffer = Buffer.alloc(100);
      const length = peer.recv(buffer, 0, buffer.length, 0);
      if (length > 0) {
        peer.send(buffer, 0, length);
      } else if (length < 0) {
        peer.close();
        server.close();
      }
    };
  });
  return server;
}

/** The options of a client that trusts the authority in a file. */
const trusting = (file) => ({
  rejectUnauthorized: true,
  ca: read(file),
  server: "localhost",
});

/** Sends a message and resolves with the answer. */
const ask = (client, message) =>
  new Promise((resolve) => {
    client.onreadable = () => {
      const buffer = Buffer.alloc(100);
      const length = client.recv(buffer, 0, buffer.length, 0);
      client.close();
      resolve(buffer.toString("utf8", 0, length));
    };
    client.send(message);
  });

module.exports = { ask, serve, trusting };
