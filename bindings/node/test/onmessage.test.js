"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { loop } = require("../lib/core/loop");
const { MOST_AT_ONCE } = require("../lib/core/inbox");
const { SLAB_BYTES, SlabPool } = require("../lib/core/slab_pool");
const { getErrno } = require("../lib/jsre/errno");
const { createAuthority } = require("./support/certificates");
const { PATIENCE_MS, connect, receive } = require("./support/pair");
const { runNode } = require("./support/program");

const identity = createAuthority().leaf("server");
const ESHUTDOWN = 108;

/** Lets the loop run until a condition holds. */
function until(condition) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(Date.now() < deadline, "it did not happen in time");
    loop().poll(100);
  }
}

/** Has a number of messages received by the addon, and not yet by the program. */
function send(from, to, texts) {
  for (const text of texts) {
    assert.equal(from.send(text, 0), Buffer.byteLength(text));
  }
  const arrived = () => (to.pending() > 0 ? true : undefined);
  assert.equal(loop().waitUntil(arrived, PATIENCE_MS), true);
}

const names = (count) =>
  Array.from({ length: count }, (_, i) => `message ${i}`);

describe("onmessage", () => {
  test("is called with all messages of a turn, in their order", (t) => {
    const { client, peer } = connect(t, identity);
    const sent = names(2 * MOST_AT_ONCE + 1);
    send(client, peer, sent);
    const got = [];
    peer.onmessage = (message, dtls) => {
      assert.equal(dtls, peer);
      assert.ok(Buffer.isBuffer(message));
      got.push(message);
    };
    loop().poll(PATIENCE_MS);
    assert.deepEqual(got.map(String), sent);
  });

  test("is called with messages that came before it was assigned", (t) => {
    const { client, peer } = connect(t, identity);
    send(client, peer, ["early"]);
    const got = [];
    peer.onmessage = (message) => got.push(String(message));
    until(() => got.length === 1);
    assert.deepEqual(got, ["early"]);
  });

  test("takes messages of any size", (t) => {
    const { client, peer } = connect(t, identity);
    const sizes = [1, 16384, 1200, 16384, 16384, 16384, 2];
    const got = [];
    peer.onmessage = (message) => got.push(message);
    for (const [i, size] of sizes.entries()) {
      assert.equal(client.send(Buffer.alloc(size, i), 0), size);
      until(() => got.length === i + 1);
    }
    for (const [i, size] of sizes.entries()) {
      assert.ok(got[i].equals(Buffer.alloc(size, i)), `message ${i}`);
    }
  });

  test("loses no message where it throws", (t) => {
    const { client, peer } = connect(t, identity);
    const sent = names(10);
    send(client, peer, sent);
    const got = [];
    peer.onmessage = (message) => {
      got.push(String(message));
      if (got.length % 3 === 1) {
        throw new Error("mine");
      }
    };
    let thrown = 0;
    while (got.length < sent.length) {
      try {
        loop().poll(PATIENCE_MS);
      } catch (error) {
        assert.equal(error.message, "mine");
        thrown++;
      }
    }
    assert.equal(thrown, 4);
    assert.deepEqual(got, sent);
  });

  test("loses no message where it throws under Node's loop", async (t) => {
    const { code, output } = await runNode(
      t,
      `
      const server = Dtls.createServer(${JSON.stringify(identity)}, Dtls.sockaddr("127.0.0.1"));
      const got = [];
      process.on("uncaughtException", ({ message }) => got.push(message));
      server.accept(null, (peer) => {
        peer.onestablished = () => peer.sendMany(["a", "b", "c", "d"]);
      });
      Dtls.createClient({}, server.sockName(), (client) => {
        client.onmessage = (message) => {
          got.push(String(message));
          if (got.length === 5) {
            console.log(got.join());
            process.exit();
          }
          if (String(message) === "b") throw new Error("thrown");
        };
      });`,
    ).exited;
    assert.equal(output, "a,b,thrown,c,d\n");
    assert.equal(code, 0);
  });

  test("shares the messages with recv() and pending()", (t) => {
    const { client, peer } = connect(t, identity);
    send(client, peer, names(5));
    const got = [];
    const buffer = Buffer.alloc(100);
    peer.onmessage = (message) => {
      got.push(String(message));
      if (got.length === 1) {
        assert.equal(peer.pending(), 9);
        got.push(receive(peer, 0));
        // A part of a message leaves the rest.
        assert.equal(peer.recv(buffer, 1, 7, 0), 7);
        got.push(buffer.toString("utf8", 1, 8));
        assert.equal(peer.pending(), 2);
      }
    };
    until(() => got.length === 6);
    assert.deepEqual(got, [
      ...["message 0", "message 1", "message", " 2", "message 3", "message 4"],
    ]);
    peer.onmessage = null;
    send(client, peer, ["for recv"]);
    assert.equal(receive(peer), "for recv");
  });

  test("may be removed in its own call, and recv() takes the rest", (t) => {
    const { client, peer } = connect(t, identity);
    send(client, peer, names(3));
    const got = [];
    peer.onmessage = (message) => {
      got.push(String(message));
      peer.onmessage = undefined;
    };
    loop().poll(PATIENCE_MS);
    loop().poll(0);
    assert.deepEqual(got, ["message 0"]);
    assert.equal(peer.pending(), 9);
    assert.equal(receive(peer, 0), "message 1");
    // And so does another callback.
    peer.onmessage = (message) => got.push(String(message));
    until(() => got.length === 2);
    assert.deepEqual(got, ["message 0", "message 2"]);
  });

  test("may be replaced in its own call", (t) => {
    const { client, peer } = connect(t, identity);
    send(client, peer, names(3));
    const got = [];
    peer.onmessage = () => {
      peer.onmessage = (message) => got.push(String(message));
    };
    until(() => got.length === 2);
    assert.deepEqual(got, ["message 1", "message 2"]);
  });

  test("may close the connection, and is not called any more", (t) => {
    const { client, peer } = connect(t, identity);
    send(client, peer, names(3));
    const got = [];
    peer.onmessage = (message) => {
      got.push(String(message));
      peer.close();
    };
    loop().poll(PATIENCE_MS);
    loop().poll(0);
    assert.deepEqual(got, ["message 0"]);
    assert.equal(peer.recv(Buffer.alloc(9), 0, 9, 0), -9);
  });

  test("may wait for the next message in recv()", (t) => {
    const { client, peer } = connect(t, identity);
    const got = [];
    peer.onmessage = (message) => {
      got.push(String(message));
      if (got.length === 1) {
        assert.equal(client.send("answer", 0), 6);
        got.push(receive(peer));
      }
    };
    send(client, peer, ["question"]);
    until(() => got.length === 2);
    assert.deepEqual(got, ["question", "answer"]);
  });

  test("leaves the end of the association to onreadable and recv()", (t) => {
    const { client, peer } = connect(t, identity);
    const told = [];
    peer.onmessage = (message) => told.push(String(message));
    peer.onreadable = () => {
      told.push(peer.recv(Buffer.alloc(9), 0, 9, 0));
    };
    assert.equal(client.send("last", 0), 4);
    client.close();
    until(() => told.length === 2);
    loop().poll(0);
    assert.deepEqual(told, ["last", -ESHUTDOWN]);
  });

  test("must be a function", (t) => {
    const { peer } = connect(t, identity);
    assert.throws(() => (peer.onmessage = 5), TypeError);
    assert.equal(peer.onmessage, undefined);
    const callback = () => {};
    peer.onmessage = callback;
    assert.equal(peer.onmessage, callback);
    peer.close();
    peer.onmessage = callback;
    assert.equal(getErrno(), 9);
  });

  test("keeps Node's loop alive until it is removed", async (t) => {
    const { code, output } = await runNode(
      t,
      `
      const server = Dtls.createServer(${JSON.stringify(identity)}, Dtls.sockaddr("127.0.0.1"));
      const client = Dtls.createClient({}, server.sockName(), () => {});
      const peer = server.accept({}, 10000);
      client.send("x", 10000);
      client.onmessage = (message) => {
        console.log(String(message));
        client.onmessage = null;
      };
      setTimeout(() => peer.send("later", 0), 50).unref();`,
    ).exited;
    assert.equal(output, "later\n");
    assert.equal(code, 0);
  });
});

describe("the memory of messages", () => {
  /** Puts a message of one byte into a pool. */
  const add = (pool, byte) => {
    const { slab, offset } = pool.room();
    slab[offset] = byte;
    return pool.message(offset + 1);
  };

  test("is shared, and each message is its own part of it", () => {
    const pool = new SlabPool();
    const messages = [1, 2, 3].map((byte) => add(pool, byte));
    assert.deepEqual(messages.map(String), ["\x01", "\x02", "\x03"]);
    assert.equal(messages[0].buffer, messages[2].buffer);
    assert.equal(messages[0].buffer.byteLength, SLAB_BYTES);
  });

  test("of messages that a program keeps is bounded", () => {
    const MOST = 4;
    const pool = new SlabPool(MOST);
    const kept = [];
    for (let i = 0; i < 10; i++) {
      kept.push(add(pool, i));
      // The rest of the slab is used, and not kept.
      const { slab } = pool.room();
      pool.message(slab.length);
    }
    const shared = kept.filter(({ buffer }) => buffer.byteLength > 1);
    assert.equal(shared.length, MOST);
    assert.deepEqual(
      kept.map(([byte]) => byte),
      [...kept.keys()],
    );
  });

  test("is shared again when the program has let go of it", async (t) => {
    const { output } = await runNode(
      t,
      `
      const { SLAB_BYTES, SlabPool } = require(${JSON.stringify(require.resolve("../lib/core/slab_pool"))});
      require("node:v8").setFlagsFromString("--expose-gc");
      const gc = require("node:vm").runInNewContext("gc");
      const pool = new SlabPool(2);
      const use = () => {
        const { slab, offset } = pool.room();
        const first = pool.message(offset + 1);
        pool.message(slab.length);
        return first;
      };
      let kept = [use(), use(), use()];
      console.log(kept.map(({ buffer }) => buffer.byteLength === SLAB_BYTES).join());
      kept = undefined;
      (function collect() {
        gc();
        if (use().buffer.byteLength === SLAB_BYTES) {
          console.log("shared");
          process.exit();
        }
        setImmediate(collect);
      })();`,
    ).exited;
    assert.equal(output, "true,true,false\nshared\n");
  });
});

test("a server's connections have onmessage, too, and a server has none", (t) => {
  const { server, peer } = connect(t, identity);
  assert.ok("onmessage" in peer && !("onmessage" in server));
  assert.ok(peer instanceof Dtls);
});
