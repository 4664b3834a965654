"use strict";

const { constants, sockaddr, sockaddr6 } = require("./address");
const { createByFd, createClient } = require("./client");
const { Dtls } = require("./dtls");
const { lastError } = require("./errors");
const { createServer } = require("./server");

// A program may ask `object instanceof Dtls`, so the module is the class.
module.exports = Object.assign(Dtls, constants, {
  createServer,
  createClient,
  createByFd,
  sockaddr,
  sockaddr6,
  lastError,
});
