"use strict";

// What only several network interfaces can show, in namespaces of the test's own.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const {
  Namespaces,
  NarrowPath,
  noNamespaces,
} = require("./support/namespaces");
const { PATIENCE_MS } = require("./support/pair");

const authority = createAuthority();
const identity = authority.leaf("server");
const env = { CERT: identity.cert, KEY: identity.key };

const PORT = 5684;
const MESSAGES = 20;
// Nothing tells that an answer will not come; one that does takes less than a millisecond.
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
  globalThis.client = Dtls.createClient({}, { addr, port: ${PORT} }, ${PATIENCE_MS});
  return client ? "connected" : Dtls.lastError().code;
};
var hear = (timeout) => {
  var buffer = Buffer.alloc(100);
  return buffer.toString("utf8", 0, Math.max(0, client.recv(buffer, 0, 100, timeout)));
};
var ask = (n, timeout = ${PATIENCE_MS}) => {
  for (var i = 0; i < n; i++) client.send("x");
  return hear(timeout);
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
    const [silence, other0, other1] = await sentBy(
      `ask(${MESSAGES}, ${SILENCE_MS})`,
    );
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

  test("a connection that is bound to one hears nothing by the other", async (t) => {
    const { server, client } = await start(t, "0.0.0.0");
    assert.equal(await client.run(`connect("10.77.0.2")`), "connected");
    assert.equal(await client.run(`ask(1)`), "heard 1");
    await server.run(`peer.bindToDevice("l1")`);
    await client.run(`ask(1, ${SILENCE_MS})`);
    assert.equal(await server.run(`said.length`), 1);
  });

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

describe(
  "over a path that is narrow in its middle",
  { skip: noNamespaces() },
  () => {
    const SIZES = [1000, 1100, 1200, 1300, 1400];

    /** A client here that is connected to a server there. */
    async function connectOver(t, mtu, address, options = {}) {
      const path = new NarrowPath(t, mtu);
      const server = path.remote(t, "there", env);
      const client = path.remote(t, "here");
      const anywhere = JSON.stringify(address.includes(":") ? "::" : "0.0.0.0");
      await server.run(`
      var sizes = [];
      var { CERT: cert, KEY: key } = process.env;
      var server = Dtls.createServer(
        { cert, key, ...${JSON.stringify(options)} }, { addr: ${anywhere}, port: ${PORT} });
      server.accept(undefined, (peer) => {
        globalThis.peer = peer;
        peer.onreadable = () => {
          var n = peer.recv(Buffer.alloc(20000), 0, 20000, 0);
          if (n > 0) sizes.push(n);
          if (n > 0) peer.send("x".repeat(n));
        };
      });`);
      await client.run(`
      var connect = (opt) => globalThis.client = Dtls.createClient(
        opt, { addr: ${JSON.stringify(address)}, port: ${PORT} }, ${PATIENCE_MS});
      var echo = (size, timeout) => {
        client.send("x".repeat(size));
        return client.recv(Buffer.alloc(20000), 0, 20000, timeout);
      };`);
      const began = performance.now();
      const connected = `connect(${JSON.stringify(options)}) ? "connected" : Dtls.lastError().message`;
      assert.equal(await client.run(connected), "connected");
      return { server, client, took: performance.now() - began };
    }

    // A datagram with DF that one of the links cannot carry is lost every time.
    test("messages of every size arrive, both ways, where ICMP is filtered", async (t) => {
      const { client, server } = await connectOver(t, 576, NarrowPath.there4);
      for (const size of [...SIZES, 5000]) {
        assert.equal(await client.run(`echo(${size}, ${PATIENCE_MS})`), size);
      }
      assert.deepEqual(await server.run("sizes"), [...SIZES, 5000]);
    });

    test("messages of every size arrive from a connection's own socket", async (t) => {
      const { client, server } = await connectOver(t, 576, NarrowPath.there4);
      assert.ok((await server.run("peer.sockFd")) >= 0);
      for (const size of SIZES) {
        assert.equal(await client.run(`echo(${size}, ${PATIENCE_MS})`), size);
      }
    });

    // Nobody on the way cuts a datagram of IPv6: ICMPv6 tells this host to.
    test("messages of every size arrive by IPv6 once ICMPv6 has told of the path", async (t) => {
      const { client } = await connectOver(t, 1280, NarrowPath.there6);
      for (const size of SIZES) {
        let got = 0;
        for (let tries = 0; tries < 5 && got <= 0; tries++) {
          got = await client.run(`echo(${size}, ${SILENCE_MS})`);
        }
        assert.equal(got, size);
      }
    });
  },
);
