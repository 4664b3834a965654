"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { ERRNO } = require("../lib/core/errors");
const { loop } = require("../lib/core/loop");
const { createAuthority } = require("./support/certificates");
const {
  PATIENCE_MS,
  connect,
  join,
  must,
  receive,
  serve,
} = require("./support/pair");
const { Relay } = require("./support/relay");

const identity = createAuthority().leaf("server");

describe("abort()", () => {
  for (const [how, expected] of [
    ["abort", 0],
    ["close", 1],
  ]) {
    test(`sends nothing: ${how}() sends ${expected} datagrams`, async (t) => {
      const server = serve(t, identity);
      const relay = new Relay(t, server.sockName());
      const { addr, port } = await relay.address();
      const client = must(
        Dtls.createClient({}, Dtls.sockaddr(addr, port), () => {}),
      );
      t.after(() => client.close());
      const peer = must(server.accept({}, PATIENCE_MS));
      t.after(() => peer.close());
      assert.equal(client.send("?", PATIENCE_MS), 1);
      assert.equal(receive(peer), "?");
      assert.equal(peer.send("!", PATIENCE_MS), 1);
      assert.equal(receive(client), "!");
      // Acknowledgements of the handshake may be on their way.
      let before;
      do {
        before = (await relay.datagrams()).length;
        loop().poll(100);
      } while ((await relay.datagrams()).length > before);
      client[how]();
      assert.equal((await relay.datagrams()).length - before, expected);
    });
  }

  test("leaves the peer's association as it is", (t) => {
    const { client, peer } = connect(t, identity);
    client.abort();
    assert.equal(peer.recv(Buffer.alloc(9), 0, 9, 50), 0);
    assert.equal(peer.send("unheard", 0), 7);
  });

  test("closes the object: calls fail with EBADF from then on", (t) => {
    const { client } = connect(t, identity);
    const address = client.peerName();
    client.abort();
    client.abort();
    client.close();
    assert.equal(client.send("x", 0), -ERRNO.EBADF);
    assert.equal(client.sendMany(["x"], 0), -ERRNO.EBADF);
    assert.equal(client.recv(Buffer.alloc(9), 0, 9, 0), -ERRNO.EBADF);
    assert.equal(client.sockFd, -1);
    assert.deepEqual(client.peerName(), address);
    assert.match(client.protocol, /^DTLSv1/);
  });

  test("ends the callbacks, also in one of them", (t) => {
    const { client, peer } = connect(t, identity);
    for (const text of ["a", "b", "c"]) {
      assert.equal(client.send(text, 0), 1);
    }
    const arrived = () => peer.pending() > 0 || undefined;
    assert.equal(loop().waitUntil(arrived, PATIENCE_MS), true);
    const got = [];
    peer.onmessage = (message) => {
      got.push(String(message));
      peer.abort();
    };
    peer.onreadable = () => got.push("end");
    loop().poll(PATIENCE_MS);
    loop().poll(0);
    assert.deepEqual(got, ["a"]);
  });

  test("leaves its server able to accept others", (t) => {
    const { server, peer } = connect(t, identity);
    peer.abort();
    const again = join(t, server);
    assert.equal(again.peer.send("again", 0), 5);
    assert.equal(receive(again.client), "again");
  });
});
