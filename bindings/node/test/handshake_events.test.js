"use strict";

// What servers and connections tell of handshakes.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { inspect } = require("node:util");
const { MessageChannel } = require("node:worker_threads");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");
const { loop } = require("../lib/core/loop");
const {
  PATIENCE_MS,
  connect,
  join,
  must,
  receive,
  serve,
} = require("./support/pair");
const { accepted } = require("./support/peers");
const { runNode } = require("./support/program");

const authority = createAuthority();
const identity = authority.leaf("server");
const key = Buffer.alloc(16, 7);

/** Connects by Node's loop, and gives the client, undefined where that failed. */
const attempt = (t, server, options) =>
  new Promise((resolve) => {
    const client = Dtls.createClient(options, server.sockName(), (dtls) =>
      resolve(dtls),
    );
    t.after(() => client?.close());
  });

const failureOf = (server) =>
  new Promise((resolve) => {
    server.onhandshakefailed = (failure, same) => {
      assert.equal(same, server);
      resolve(failure);
    };
  });

describe("a server's onhandshakefailed", () => {
  test("names address, subject, reason and alert of a client that is not trusted", async (t) => {
    const server = serve(t, { ...identity, ca: authority.ca });
    void accepted(t, server);
    const failed = failureOf(server);
    const intruder = createAuthority().leaf("intruder");
    assert.equal(await attempt(t, server, intruder), undefined);
    const failure = await failed;
    assert.match(failure.subject, /CN=/);
    assert.equal(failure.peer.addr, "127.0.0.1");
    assert.equal(typeof failure.alert, "number");
    assert.match(failure.message, /is not trusted/);
    assert.equal(failure.pskIdentity, undefined);
  });

  for (const [shown, name] of [
    ["nobody", "nobody"],
    [Buffer.from([0xff, 0x00, 0xfe]), "bytes that are not UTF-8"],
  ]) {
    test(`names the pre-shared key that it does not know: ${name}`, async (t) => {
      const server = serve(t, { psk: { identity: "known", key } });
      void accepted(t, server);
      const failed = failureOf(server);
      const psk = { identity: shown, key };
      assert.equal(await attempt(t, server, { psk }), undefined);
      assert.deepEqual((await failed).pskIdentity, shown);
    });
  }

  test("takes a function or nothing", (t) => {
    const server = serve(t, identity);
    assert.throws(() => (server.onhandshakefailed = 5), TypeError);
    server.onhandshakefailed = () => {};
    server.onhandshakefailed = null;
    assert.equal(server.onhandshakefailed, undefined);
    server.close();
    server.onhandshakefailed = () => {};
  });
});

describe("a connection's onestablished", () => {
  test("is called once when the handshake has finished, on both sides", async (t) => {
    const server = serve(t, identity);
    const told = new Promise((resolve) =>
      server.accept(null, (peer) => {
        t.after(() => peer.close());
        peer.onestablished = (same) => {
          assert.equal(same, peer);
          resolve(peer.protocol);
        };
      }),
    );
    const client = must(Dtls.createClient({}, server.sockName(), () => {}));
    t.after(() => client.close());
    let count = 0;
    const here = new Promise((resolve) => {
      client.onestablished = () => resolve(++count);
    });
    assert.equal(await told, "DTLSv1.3");
    await here;
    client.send("x");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(count, 1);
  });

  test("is called also where that was before", async (t) => {
    const { client, server } = connect(t, identity);
    server.accept(null, () => {}); // keeps Node's loop alive
    await new Promise((resolve) => (client.onestablished = resolve));
    assert.equal(client.onestablished, undefined);
  });
});

describe("callbacks about handshakes that wait together", () => {
  /** Both ends, established, with a ticket; their callbacks have not been called yet. */
  const held = (t) => {
    const server = serve(t, identity);
    const client = must(
      Dtls.createClient({ tickets: true }, server.sockName(), () => {}),
    );
    t.after(() => client.close());
    const peer = loop().hold(() => {
      const taken = must(server.accept({}, PATIENCE_MS));
      // Assigned before the handshake has finished, as programs do.
      client.onestablished = taken.onestablished = client.onsession = () => {};
      assert.equal(client.send("?", PATIENCE_MS), 1);
      assert.equal(receive(taken), "?");
      taken.send("!");
      assert.equal(receive(client), "!");
      return taken;
    });
    t.after(() => peer.close());
    return { server, client, peer };
  };
  const fails = () => {
    throw new Error("mine");
  };
  /** Delivers all that is due, as waits of a program do; gives what callbacks have thrown. */
  const deliver = () => {
    const thrown = [];
    for (let i = 0; i < 10; i++) {
      try {
        loop().poll(0);
      } catch (error) {
        thrown.push(error.message);
      }
    }
    return thrown;
  };

  test("a failed handshake is told where the call for another one throws", (t) => {
    const server = serve(t, { psk: { identity: "known", key } });
    const told = new Set();
    server.onhandshakefailed = ({ peer }) => {
      told.add(peer.port);
      fails();
    };
    const clients = Array.from({ length: 4 }, () =>
      must(
        Dtls.createClient(
          { psk: { identity: "unknown", key } },
          server.sockName(),
          () => {},
        ),
      ),
    );
    t.after(() => clients.forEach((client) => client.close()));
    loop().hold(() => {
      for (const client of clients) {
        const peer = must(server.accept({}, PATIENCE_MS));
        t.after(() => peer.close());
        assert.ok(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
        assert.ok(client.send("x", PATIENCE_MS) < 0);
      }
    });
    assert.deepEqual(deliver(), ["mine", "mine", "mine", "mine"]);
    assert.equal(told.size, 4);
  });

  test("Node's loop calls the others where one throws", async (t) => {
    const program = runNode(
      t,
      `
      const { loop } = require(${JSON.stringify(require.resolve("../lib/core/loop"))});
      const key = Buffer.alloc(16, 7);
      setInterval(() => {}, 2 ** 30); // keeps Node's loop alive
      const told = [];
      process.on("uncaughtException", ({ message }) => {
        told.push(message);
        if (told.length === 3) {
          console.log(told.sort().join());
          process.exit();
        }
      });
      const servers = [1, 2, 3].map((n) => {
        const psk = { identity: "known", key };
        const server = Dtls.createServer({ psk }, Dtls.sockaddr("127.0.0.1"));
        server.onhandshakefailed = () => { throw new Error("server " + n); };
        return server;
      });
      setImmediate(() => loop().hold(() => {
        for (const server of servers) {
          const psk = { identity: "unknown", key };
          const client = Dtls.createClient({ psk }, server.sockName(), () => {});
          const peer = server.accept({}, 5000);
          peer.recv(Buffer.alloc(1), 0, 1, 5000);
          for (const dtls of [client, peer]) dtls.close(); // no event of theirs wakes Node's loop
        }
      }));
      `,
    );
    await program.sees(/^server 1,server 2,server 3$/m);
  });

  test("a ticket is told where onestablished throws", (t) => {
    const { client } = held(t);
    const sessions = [];
    client.onestablished = fails;
    client.onsession = (session) => sessions.push(session);
    assert.deepEqual(deliver(), ["mine"]);
    assert.equal(sessions.length, 1);
  });

  for (const end of ["close", "flyAway"]) {
    test(`a connection is told nothing after ${end}()`, (t) => {
      const { client, peer } = held(t);
      client.onestablished = client.onsession = peer.onestablished = fails;
      client[end]();
      peer[end]();
      assert.deepEqual(deliver(), []);
    });

    test(`a connection is told nothing after ${end}() in another's callback`, (t) => {
      const { client, peer } = held(t);
      let calls = 0;
      // The first of them that is called ends both.
      client.onestablished = peer.onestablished = () => {
        calls++;
        client[end]();
        peer[end]();
      };
      client.onsession = fails;
      assert.deepEqual(deliver(), []);
      assert.equal(calls, 1);
    });
  }
});

describe("identities of pre-shared keys", () => {
  const first = Buffer.from([0x64, 0xfe]);
  const second = Buffer.from([0x64, 0xff]);
  const other = Buffer.alloc(16, 8);

  test("that are not UTF-8 are kept as bytes", (t) => {
    const server = serve(t, {
      psk: [
        { identity: first, key },
        { identity: second, key: other },
      ],
    });
    for (const psk of [
      { identity: first, key },
      { identity: second, key: other },
    ]) {
      const { client, peer } = join(t, server, { psk });
      assert.deepEqual(client.pskIdentity, psk.identity);
      assert.deepEqual(peer.pskIdentity, psk.identity);
    }
  });

  test("that are not UTF-8 come to callbacks as Buffers, others as strings", async (t) => {
    const asked = [];
    const server = serve(t, {
      pskCallback: (name) => {
        asked.push(name);
        return key;
      },
    });
    void accepted(t, server);
    for (const shown of [first, "dévice", Buffer.from("text")]) {
      const psk = { identity: shown, key };
      must(await attempt(t, server, { psk }));
    }
    assert.deepEqual(asked, [first, "dévice", "text"]);
  });

  test("have 1 to 256 bytes", () => {
    for (const shown of [Buffer.alloc(0), Buffer.alloc(257), ""]) {
      const psk = { identity: shown, key };
      const nowhere = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, 1);
      assert.equal(Dtls.createClient({ psk }, nowhere, 0), undefined);
      assert.equal(Dtls.lastError().code, "EINVAL");
    }
  });
});

describe("an object that is shown or copied", () => {
  test("shows state, peer and protocol, and no secret", (t) => {
    const { server, client, peer } = connect(
      t,
      { psk: { identity: "a", key } },
      { psk: { identity: "a", key } },
    );
    for (const dtls of [client, peer]) {
      assert.match(inspect(dtls), /state: 'established'/);
      assert.match(inspect(dtls), /protocol: 'DTLSv1\.3'/);
      assert.match(inspect(dtls), /peer: '127\.0\.0\.1:\d+'/);
      assert.doesNotMatch(inspect(dtls), /07 07|0707/);
    }
    assert.match(inspect(server), /^Server {.*listening.*127\.0\.0\.1/s);
    for (const dtls of [client, peer, server]) {
      dtls.close();
      assert.match(inspect(dtls), /state: 'closed'/);
      assert.match(JSON.stringify({ dtls }), /closed/);
    }
  });

  test("cannot be sent to another thread, and says what to do", (t) => {
    const { server, client } = connect(t, identity);
    const { port1, port2 } = new MessageChannel();
    t.after(() => port1.close());
    for (const dtls of [server, client]) {
      const sentence = /belongs to the one that made it.*createByFd/s;
      assert.throws(() => structuredClone(dtls), sentence);
      assert.throws(() => port2.postMessage({ dtls }), sentence);
    }
  });

  test("can have its properties listed and spread", (t) => {
    const { server, client } = connect(t, identity);
    client.label = server.label = "mine";
    for (const dtls of [server, client]) {
      assert.equal({ ...dtls }.label, "mine");
      assert.equal(Object.assign({}, dtls).label, "mine");
      assert.equal(new Map(Object.entries(dtls)).get("label"), "mine");
    }
  });
});
