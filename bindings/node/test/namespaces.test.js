"use strict";

// What only several network interfaces can show, in namespaces of the test's own.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const { Namespaces, noNamespaces } = require("./support/namespaces");

const authority = createAuthority();
const identity = authority.leaf("server");
const env = { CERT: identity.cert, KEY: identity.key };

const PORT = 5684;
const MESSAGES = 20;
// Nothing tells that a datagram will not come; the first one is answered within a millisecond.
const SILENCE_MS = 300;

const SERVER = `
var said = [];
var { CERT: cert, KEY: key } = process.env;
var listen = (addr) => {
  var server = Dtls.createServer({ cert, key }, { addr, port: ${PORT} });
  server.accept(undefined, (peer, remote) => {
    globalThis.peer = peer;
    globalThis.remote = remote;
    peer.onreadable = () => {
      var buffer = Buffer.alloc(100);
      var n = peer.recv(buffer, 0, 100, 0);
      if (n > 0) said.push(buffer.toString("utf8", 0, n));
      if (n > 0) peer.send("heard " + said.length);
    };
  });
  return globalThis.server = server;
};
`;

const CLIENT = `
var connect = (addr) => {
  globalThis.client = Dtls.createClient({}, { addr, port: ${PORT} }, ${SILENCE_MS});
  return client ? "connected" : Dtls.lastError().code;
};
var hear = (timeout) => {
  var buffer = Buffer.alloc(100);
  return buffer.toString("utf8", 0, Math.max(0, client.recv(buffer, 0, 100, timeout)));
};
var ask = (n) => {
  for (var i = 0; i < n; i++) client.send("x");
  return hear(${SILENCE_MS});
};
`;

/** A server there and a client here. */
async function start(t, address) {
  const namespaces = new Namespaces(t);
  const server = namespaces.remote(t, "there", env);
  const client = namespaces.remote(t, "here");
  await server.run(SERVER);
  await server.run(`listen(${JSON.stringify(address)}).sockName()`);
  await client.run(CLIENT);
  return { namespaces, server, client };
}

describe("with two interfaces", { skip: noNamespaces() }, () => {
  test("a server that is bound to one is heard by that one only", async (t) => {
    const { server, client } = await start(t, "0.0.0.0");
    const connects = async (address) =>
      client.run(`connect(${JSON.stringify(address)})`);
    const [byFirst, bySecond] = ["10.77.0.2", "10.77.1.2"];

    assert.equal(await connects(bySecond), "connected");
    assert.equal(await server.run(`server.bindToDevice("l0")`), true);
    assert.equal(await connects(bySecond), "ECONNREFUSED");
    assert.equal(await connects(byFirst), "connected");
    assert.equal(await server.run(`server.bindToDevice("l1")`), true);
    assert.equal(await connects(byFirst), "ECONNREFUSED");
    assert.equal(await connects(bySecond), "connected");
    assert.equal(await server.run(`server.bindToDevice()`), true);
    assert.equal(await connects(byFirst), "connected");
    assert.equal(await connects(bySecond), "connected");
  });

  test("a client sends by the one that it is bound to, and by its route again", async (t) => {
    const { namespaces, server, client } = await start(t, "0.0.0.0");
    await server.run(`server.bindToDevice("l0")`);
    assert.equal(await client.run(`connect("10.77.0.2")`), "connected");
    const sent = () =>
      ["l0", "l1"].map((link) => namespaces.packets("here", link).sent);
    const sentBy = async (source) => {
      const before = sent();
      const answer = await client.run(source);
      return [answer, ...sent().map((count, i) => count - before[i])];
    };

    const [first, l0, l1] = await sentBy(`ask(${MESSAGES})`);
    assert.equal(first, "heard 1");
    assert.ok(l0 >= MESSAGES && l1 < MESSAGES, `${l0} by l0, ${l1} by l1`);
    // Hear the answers out.
    await client.run(`while (hear(0) !== "heard ${MESSAGES}") hear(1)`);

    assert.equal(await client.run(`client.bindToDevice("l1")`), true);
    const [silence, other0, other1] = await sentBy(`ask(${MESSAGES})`);
    assert.equal(silence, "");
    assert.ok(other0 < MESSAGES && other1 > 0, `${other0} by l0`);
    assert.equal(await server.run(`said.length`), MESSAGES);

    assert.equal(await client.run(`client.bindToDevice()`), true);
    assert.equal(await client.run(`ask(1)`), `heard ${MESSAGES + 1}`);
  });

  test("a connection's own socket is bound as its server, and sends by another when told", async (t) => {
    const { namespaces, server, client } = await start(t, "0.0.0.0");
    await server.run(`server.bindToDevice("l0")`);
    assert.equal(await client.run(`connect("10.77.0.2")`), "connected");
    assert.equal(await client.run(`ask(1)`), "heard 1");
    const sent = () =>
      ["l0", "l1"].map((link) => namespaces.packets("there", link).sent);
    const talk = `for (let i = 0; i < ${MESSAGES}; i++) peer.send("talk")`;
    const sentBy = async (device) => {
      await server.run(device);
      const before = sent();
      await server.run(talk);
      return sent().map((count, i) => count - before[i]);
    };
    const [own0, own1] = await sentBy(`peer.sockFd`);
    assert.ok(own0 >= MESSAGES && own1 < MESSAGES, `${own0}, ${own1}`);
    const [other0, other1] = await sentBy(`peer.bindToDevice("l1")`);
    assert.ok(other0 < MESSAGES && other1 > 0, `${other0}, ${other1}`);
  });

  test(
    "a connection that is bound to one hears nothing by the other",
    { todo: "what the server's socket receives is given to it all the same" },
    async (t) => {
      const { server, client } = await start(t, "0.0.0.0");
      assert.equal(await client.run(`connect("10.77.0.2")`), "connected");
      assert.equal(await client.run(`ask(1)`), "heard 1");
      await server.run(`peer.bindToDevice("l1")`);
      await client.run(`ask(1)`);
      assert.equal(await server.run(`said.length`), 1);
    },
  );

  test("a link-local address is told with its interface", async (t) => {
    const { server, client } = await start(t, "fe80::2%l1");
    assert.equal(await client.run(`connect("fe80::2%l0")`), "ECONNREFUSED");
    assert.equal(await client.run(`connect("fe80::2%l1")`), "connected");
    assert.equal(await client.run(`ask(1)`), "heard 1");
    const index = await client.run(`client.peerName().scope`);
    assert.ok(index > 0);
    assert.deepEqual(
      await server.run(`remote`),
      await server.run(`peer.peerName()`),
    );
    assert.match(await server.run(`remote.addr`), /^fe80::1(%l1)?$/);
    assert.equal(
      await server.run(`remote.scope === server.sockName().scope`),
      true,
    );
    // By number as by name.
    const again = `Dtls.createClient({}, Dtls.sockaddr6("fe80::2", ${PORT}, ${index}), 5000)`;
    assert.deepEqual(
      await client.run(`${again}.peerName()`),
      await client.run(`client.peerName()`),
    );
    assert.equal(await client.run(`client.close(); client.sockFd`), -1);
    assert.equal(await client.run(`client.peerName().scope`), index);
  });
});
