"use strict";

// A program for JSRE: require() finds JSRE's modules, and all calls block.

/* global sys */
const Dtls = require("dtls");
const Task = require("task");
const fs = require("fs");

const identity = {
  cert: fs.readString("./cert.pem"),
  key: fs.readString("./cert.key"),
};
const server = Dtls.createServer(identity, Dtls.sockaddr("127.0.0.1", 0));
new Task("./client.js", server.sockName());
const peer = server.accept(undefined, 120000);
if (!peer) {
  throw new Error(sys.error());
}
const buffer = Buffer.alloc(100);
peer.send(buffer, 0, peer.recv(buffer, 0, buffer.length, 120000));
console.log("echo:", Task.recv(undefined, 120000));
peer.close();
server.close();
