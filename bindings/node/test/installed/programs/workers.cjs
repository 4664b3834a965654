"use strict";

const { Worker, isMainThread } = require("node:worker_threads");

if (isMainThread) {
  for (let i = 0; i < 3; i++) {
    new Worker(__filename);
  }
} else {
  const Dtls = require("@jsre/dtls");
  const { ask, serve, trusting } = require("./talk.cjs");
  const server = serve(Dtls);
  Dtls.createClient(trusting("ca.pem"), server.sockName(), async (client) => {
    console.log("echo:", await ask(client, "hello"));
  });
}
