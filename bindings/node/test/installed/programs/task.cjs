"use strict";

// Sends its argument's greeting to each client that says something.

/* global ARGUMENT */
const Dtls = require("@jsre/dtls");
const Task = require("@jsre/dtls/task");
const { serve } = require("./talk.cjs");

const server = serve(Dtls);
Task.send(Task.parent(), server.sockName());
server.accept(undefined, (peer) => {
  peer.onreadable = () => {
    if (peer.recv(Buffer.alloc(100), 0, 100, 0) > 0) {
      peer.send(ARGUMENT.greeting);
    }
  };
});
