"use strict";

const Dtls = require("@jsre/dtls");
const { ask, serve, trusting } = require("./talk.cjs");

const server = serve(Dtls);
Dtls.createClient(trusting("ca.pem"), server.sockName(), async (client) => {
  if (!client) {
    throw Dtls.lastError();
  }
  console.log("echo:", await ask(client, "hello"));

  const another = serve(Dtls);
  const address = another.sockName();
  Dtls.createClient(trusting("other-ca.pem"), address, (refused) => {
    console.log("refused:", refused ? "not at all" : Dtls.lastError().code);
    refused?.close();
    another.close();
  });
});
