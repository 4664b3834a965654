"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { loop } = require("../lib/core/loop");
const { ERRNO } = require("../lib/core/errors");
const { getErrno, setErrno } = require("../lib/jsre/errno");
const { createAuthority } = require("./support/certificates");
const {
  PATIENCE_MS,
  connect,
  must,
  receive,
  serve,
} = require("./support/pair");

const identity = createAuthority().leaf("server");

describe("sendMany()", () => {
  test("sends the messages in their order, and returns how many", (t) => {
    const { client, peer } = connect(t, identity);
    const list = Array.from({ length: 100 }, (_, i) => `message ${i}`);
    assert.equal(client.sendMany(list), list.length);
    for (const text of list) {
      assert.equal(receive(peer), text);
    }
  });

  test("takes strings and every kind of buffer", (t) => {
    const { client, peer } = connect(t, identity);
    const bytes = Uint8Array.from([104, 105]);
    const list = [
      "é",
      Buffer.from("buffer"),
      bytes,
      new DataView(bytes.buffer, 1),
      new Uint16Array(bytes.buffer),
    ];
    assert.equal(client.sendMany(list, 0), list.length);
    const got = list.map(() => receive(peer));
    assert.deepEqual(got, ["é", "buffer", "hi", "i", "hi"]);
  });

  test("has nothing to do with an empty list, nor for an empty message", (t) => {
    const { client, peer } = connect(t, identity);
    assert.equal(client.sendMany([]), 0);
    assert.equal(client.sendMany(["", "text", ""]), 3);
    assert.equal(receive(peer), "text");
    assert.equal(peer.recv(Buffer.alloc(9), 0, 9, 0), 0);
  });

  test("stops at a message that cannot be sent, and tells which", (t) => {
    const { client, peer } = connect(t, identity);
    const large = Buffer.alloc(16385);
    setErrno(0);
    assert.equal(client.sendMany(["a", "b", large, "c"], PATIENCE_MS), 2);
    assert.equal(getErrno(), ERRNO.EMSGSIZE);
    const { index, message, peer: address } = Dtls.lastError();
    assert.equal(index, 2);
    assert.equal(
      message,
      "message 2 of the list was not sent: a message must fit into one record: at most 16384 bytes",
    );
    assert.deepEqual(address, client.peerName());
    assert.equal(receive(peer), "a");
    assert.equal(receive(peer), "b");
    assert.equal(peer.recv(Buffer.alloc(9), 0, 9, 0), 0);
  });

  test("returns -errno where the first message cannot be sent", (t) => {
    const { client } = connect(t, identity);
    const large = Buffer.alloc(16385);
    assert.equal(client.sendMany([large, "b"], 0), -ERRNO.EMSGSIZE);
    assert.equal(Dtls.lastError().index, 0);
    client.close();
    assert.equal(client.sendMany(["a"], 0), -ERRNO.EBADF);
    assert.equal(client.sendMany([], 0), -ERRNO.EBADF);
  });

  test("waits for the handshake within its timeout", (t) => {
    const server = serve(t, identity);
    const client = must(Dtls.createClient({}, server.sockName(), () => {}));
    t.after(() => client.close());
    assert.equal(client.sendMany(["a"], 0), -ERRNO.EAGAIN);
    assert.match(Dtls.lastError().message, /^message 0 .*not finished$/);
    assert.equal(client.sendMany(["a"], 1), -ERRNO.ETIMEDOUT);
    const peer = must(server.accept({}, PATIENCE_MS));
    t.after(() => peer.close());
    assert.equal(client.sendMany(["a", "b"], PATIENCE_MS), 2);
    assert.equal(receive(peer), "a");
    assert.equal(receive(peer), "b");
  });

  test("tells that the peer has closed", (t) => {
    const { client, peer } = connect(t, identity);
    client.close();
    const closed = () =>
      (peer.pending() === 0 && peer.recv(Buffer.alloc(1), 0, 1, 0) < 0) ||
      undefined;
    assert.equal(loop().waitUntil(closed, PATIENCE_MS), true);
    assert.equal(peer.sendMany(["a"], 0), -ERRNO.EPIPE);
  });

  for (const [what, list, named] of [
    ["no array", "text", "list"],
    ["an element that is no message", ["a", 5], "list[1]"],
    ["a hole", [, "a"], "list[0]"], // eslint-disable-line no-sparse-arrays
  ]) {
    test(`throws for ${what}, and sends nothing`, (t) => {
      const { client, peer } = connect(t, identity);
      assert.throws(
        () => client.sendMany(list, 0),
        ({ name, message }) =>
          name === "TypeError" && message.includes(`\`${named}\``),
      );
      assert.equal(peer.recv(Buffer.alloc(9), 0, 9, 0), 0);
    });
  }

  test("throws where a callback takes a buffer away while it waits", (t) => {
    const server = serve(t, identity);
    const client = must(Dtls.createClient({}, server.sockName(), () => {}));
    t.after(() => client.close());
    const bytes = new Uint8Array(9);
    const { setTimeout } = require("../lib/jsre/host/timers");
    setTimeout(() => structuredClone(bytes, { transfer: [bytes.buffer] }), 1);
    assert.throws(
      () => client.sendMany(["a", bytes], PATIENCE_MS),
      /`list\[1\]` was transferred or resized/,
    );
  });

  test("belongs to connections: a server has none", (t) => {
    assert.equal(serve(t, identity).sendMany, undefined);
  });
});
