"use strict";

const { lastError } = require("../errno");
const { createByFd, createClient } = require("./client");
const { Dtls } = require("./dtls");
const { createServer } = require("./server");
const { constants, sockaddr, sockaddr6 } = require("./sockaddr");

// A program may ask `object instanceof Dtls`, so the module is the class.
module.exports = Object.assign(Dtls, constants, {
  createServer,
  createClient,
  createByFd,
  sockaddr,
  sockaddr6,
  lastError,
});
