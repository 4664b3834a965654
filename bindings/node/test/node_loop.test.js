"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const { runNode } = require("./support/program");

const authority = createAuthority();
const identity = authority.leaf("server");
const env = {
  ...process.env,
  CERT: identity.cert,
  KEY: identity.key,
  CA: authority.ca,
};

const SERVER = `
const server = Dtls.createServer(
  { cert: process.env.CERT, key: process.env.KEY },
  Dtls.sockaddr("127.0.0.1", 0),
);
const trusting = { ca: process.env.CA, rejectUnauthorized: true, server: "localhost" };
const read = (dtls) => {
  const buffer = Buffer.alloc(100);
  const n = dtls.recv(buffer, 0, 100, 0);
  return n > 0 ? buffer.toString("utf8", 0, n) : n;
};
`;

/** Runs source text in plain Node and gives its outcome. */
const run = (t, text) => runNode(t, SERVER + text, { env }).exited;

describe("in a plain Node program", () => {
  test("onreadable is called with data and at the end, and the program ends", async (t) => {
    const { code, output } = await run(
      t,
      `
server.accept(undefined, (peer) => {
  peer.onreadable = (dtls) => {
    const text = read(dtls);
    console.log(dtls === peer, text > "" ? text : text < 0);
    if (text < 0) { peer.close(); server.close(); }
  };
});
Dtls.createClient(trusting, server.sockName(), (client) => {
  client.send("one");
  client.send("two");
  client.close();
});`,
    );
    assert.equal(output, "true one\ntrue two\ntrue true\n");
    assert.equal(code, 0);
  });

  test("the end is told once to a program that does not close", async (t) => {
    const { output } = await run(
      t,
      `
let calls = 0;
server.accept(undefined, (peer) => {
  peer.onreadable = () => calls++;
  setTimeout(() => { console.log(calls); server.close(); }, 200);
});
Dtls.createClient(trusting, server.sockName(), (client) => client.close());`,
    );
    assert.equal(output, "1\n");
  });

  test("an onreadable that is taken away is not called any more", async (t) => {
    const { output } = await run(
      t,
      `
server.accept(undefined, (peer) => {
  peer.onreadable = () => {
    console.log("called");
    peer.onreadable = null;
    setTimeout(() => { peer.close(); server.close(); }, 50);
  };
});
Dtls.createClient(trusting, server.sockName(), (client) => client.send("x"));`,
    );
    assert.equal(output, "called\n");
  });

  test("many clients are served at the same time", async (t) => {
    const { output } = await run(
      t,
      `
let left = 20;
server.accept(undefined, (peer) => {
  peer.onreadable = () => {
    const text = read(peer);
    typeof text === "string" ? peer.send("echo " + text) : peer.close();
  };
});
for (let i = 0; i < left; i++) {
  Dtls.createClient(trusting, server.sockName(), (client) => {
    client.send(String(i));
    client.onreadable = () => {
      if (read(client) === "echo " + i && --left === 0) {
        console.log("all");
        server.close();
      }
      client.close();
    };
  });
}`,
    );
    assert.equal(output, "all\n");
  });

  test("ticks and promise jobs run between two callbacks", async (t) => {
    const { output } = await run(
      t,
      `
const log = [];
server.accept(undefined, (peer) => {
  log.push("peer");
  Promise.resolve().then(() => log.push("job"));
  process.nextTick(() => log.push("tick"));
  if (log.length > 2) { console.log(log.join()); process.exit(); }
});
for (let i = 0; i < 2; i++) Dtls.createClient({}, server.sockName(), () => {});
// Both wait when Node's loop gets to turn.
require(process.env.LOOP).loop().waitUntil(() => undefined, 100);`.replace(
        "process.env.LOOP",
        JSON.stringify(require.resolve("../lib/core/loop")),
      ),
    );
    assert.equal(output, "peer,tick,job,peer\n");
  });

  test("an exception is an uncaughtException, and others are still served", async (t) => {
    const { output } = await run(
      t,
      `
let peers = 0;
process.on("uncaughtException", (error) => console.log(error.message));
server.accept(undefined, () => {
  if (++peers === 1) throw new Error("boom");
  console.log("second");
  process.exit();
});
for (let i = 0; i < 2; i++) Dtls.createClient({}, server.sockName(), () => {});`,
    );
    assert.equal(output, "boom\nsecond\n");
  });

  test("iosched events are delivered too", async (t) => {
    const { output } = await run(
      t,
      `
const iosched = require(${JSON.stringify(require.resolve("../lib/jsre/host/iosched"))});
server.accept(undefined, (peer) => {
  iosched.add(iosched.event(iosched.READ, peer.sockFd, () => {
    console.log(read(peer));
    peer.close();
    server.close();
  }));
});
Dtls.createClient(trusting, server.sockName(), (client) => {
  client.send("hello");
  client.close();
});`,
    );
    assert.equal(output, "hello\n");
  });

  test("the connection is refused where nobody listens, by a callback", async (t) => {
    const { code, output } = await run(
      t,
      `
const address = server.sockName();
server.close();
Dtls.createClient({}, address, (client) => {
  console.log(client, Dtls.lastError().code);
});`,
    );
    assert.equal(output, "undefined ECONNREFUSED\n");
    assert.equal(code, 0);
  });

  test("a module of the ECMAScript kind can import it", async (t) => {
    const { output } = await run(
      t,
      `
import(${JSON.stringify(require.resolve(".."))}).then(({ default: same }) => {
  console.log(same === Dtls);
});`,
    );
    assert.equal(output, "true\n");
  });
});
