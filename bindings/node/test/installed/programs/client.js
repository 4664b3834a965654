"use strict";

/* global ARGUMENT */
const Dtls = require("dtls");
const Task = require("task");
const fs = require("fs");

const client = Dtls.createClient(
  {
    rejectUnauthorized: true,
    ca: fs.readString("./ca.pem"),
    server: "localhost",
  },
  ARGUMENT,
  120000,
);
const buffer = Buffer.alloc(100);
client.send("hello");
const length = client.recv(buffer, 0, buffer.length, 120000);
Task.send(Task.parent(), buffer.toString(length));
client.close();
