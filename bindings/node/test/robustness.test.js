"use strict";

// Every method in every state of an object, and whatever callbacks may do.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { getErrno, setErrno } = require("../lib/jsre/errno");
const iosched = require("../lib/jsre/host/iosched");
const { setTimeout } = require("../lib/jsre/host/timers");
const { createAuthority } = require("./support/certificates");
const { inodeOf, udpSocket } = require("./support/kernel");
const {
  PATIENCE_MS,
  connect,
  join,
  must,
  receive,
  serve,
} = require("./support/pair");
const { runNode } = require("./support/program");

const { EBADF, ETIMEDOUT } = os.constants.errno;

const authority = createAuthority();
const identity = authority.leaf("server");
const SHORT_MS = 30;

/** Polls until a condition holds. */
function until(condition) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < deadline, "it did not come");
    iosched.poll(PATIENCE_MS);
  }
}

/** A connection whose handshake cannot be finished, and both its ends. */
function halfWay(t, opt = identity) {
  const server = serve(t, opt);
  const client = must(Dtls.createClient({}, server.sockName(), () => {}));
  t.after(() => client.close());
  return { server, client };
}

/** How an object gets into each of its states. */
const STATES = {
  "a server": (t) => serve(t, identity),
  "a server that is closed": (t) => {
    const server = serve(t, identity);
    server.close();
    return server;
  },
  "a client in its handshake": (t) => halfWay(t).client,
  "a client whose handshake has failed": (t) => {
    const { server, client } = halfWay(t, { ...identity, ca: authority.ca });
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    until(() => client.sockFd === -1);
    return client;
  },
  "a peer before its handshake": (t) => {
    const { server } = halfWay(t);
    const peer = must(server.accept(undefined, PATIENCE_MS));
    t.after(() => peer.close());
    return peer;
  },
  "a peer whose handshake has failed": (t) => {
    const { server } = halfWay(t, { ...identity, ca: authority.ca });
    const peer = must(server.accept(undefined, PATIENCE_MS));
    t.after(() => peer.close());
    assert.ok(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
    return peer;
  },
  "an established client": (t) => connect(t, identity).client,
  "an established peer": (t) => connect(t, identity).peer,
  "a peer that the other side has closed": (t) => {
    const { client, peer } = connect(t, identity);
    client.close();
    assert.ok(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
    return peer;
  },
  "a peer whose server is closed": (t) => {
    const { server, peer } = connect(t, identity);
    server.close();
    return peer;
  },
  "a client that is closed": (t) => {
    const { client } = connect(t, identity);
    client.close();
    return client;
  },
  "a client that is closed in its handshake": (t) => {
    const { client } = halfWay(t);
    client.close();
    return client;
  },
  "a peer that flew away": (t) => {
    const { peer } = connect(t, { ...identity, name: "robust" });
    const { sockFd } = peer;
    peer.flyAway();
    const heir = must(Dtls.createByFd("robust", sockFd, 0));
    t.after(() => heir.close());
    return peer;
  },
};

const isAddress = (value) =>
  value.domain === 2 && value.addr === "127.0.0.1" && value.port > 0;

/** Every method, and what it may return: a value that is right, or one that says it failed. */
const METHODS = {
  accept: {
    call: (dtls) => dtls.accept({}, 0),
    right: (value) => value instanceof Dtls,
    failed: (value) => value === undefined,
  },
  "accept with a callback": {
    call: (dtls) => dtls.accept(undefined, () => {}),
    right: (value) => value === undefined,
    failed: (value) => value === undefined,
  },
  ...Object.fromEntries(
    Object.entries({
      addcert: (dtls) => dtls.addcert({ ...identity, name: "x.example" }),
      bindToDevice: (dtls) => dtls.bindToDevice("lo"),
      "bindToDevice without argument": (dtls) => dtls.bindToDevice(),
      setTTL: (dtls) => dtls.setTTL(64),
      setIPv6Only: (dtls) => dtls.setIPv6Only(true),
      setRecvBufferSize: (dtls) => dtls.setRecvBufferSize(65536),
      setSendBufferSize: (dtls) => dtls.setSendBufferSize(65536),
      renegotiate: (dtls) => dtls.renegotiate?.() ?? true,
    }).map(([name, call]) => [
      name,
      {
        call,
        right: (value) => value === true,
        failed: (value) => value === false,
      },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries({
      "send of a string": (dtls) => dtls.send("x", 0),
      "send of a buffer": (dtls) => dtls.send(Buffer.alloc(3), 1, 1, 0),
      recv: (dtls) => dtls.recv(Buffer.alloc(1), 0, 1, 0),
      pending: (dtls) => dtls.pending(),
      error: (dtls) => -dtls.error(),
      getRecvBufferSize: (dtls) => dtls.getRecvBufferSize(),
      getSendBufferSize: (dtls) => dtls.getSendBufferSize(),
    }).map(([name, call]) => [
      name,
      {
        call,
        right: (value) => Number.isInteger(value) && value >= 0,
        failed: (value) => Number.isInteger(value) && value === -getErrno(),
      },
    ]),
  ),
  sockName: {
    call: (dtls) => dtls.sockName(),
    right: isAddress,
    failed: () => false,
  },
  peerName: {
    call: (dtls) => dtls.peerName(),
    right: isAddress,
    failed: (value) => value === undefined,
  },
  sockFd: {
    call: (dtls) => dtls.sockFd,
    right: (fd) => fd === -1 || udpSocket(inodeOf(fd)) !== undefined,
    failed: () => false,
  },
};

for (const [state, make] of Object.entries(STATES)) {
  test(`${state} answers every call, with a value or an errno`, (t) => {
    const dtls = make(t);
    const isClosed = dtls.sockFd === -1;
    for (const [name, { call, right, failed }] of Object.entries(METHODS)) {
      setErrno(0);
      const value = call(dtls);
      const errno = getErrno();
      const told = `${name} gave ${value}, errno ${errno}`;
      if (errno === 0) {
        assert.ok(right(value), told);
        continue;
      }
      assert.ok(failed(value), told);
      const error = Dtls.lastError();
      assert.equal(error.errno, errno, told);
      assert.equal(os.constants.errno[error.code] ?? 108, errno, told);
      assert.ok(error.message.length > 10, error.message);
      if (isClosed && dtls.renegotiate !== undefined) {
        assert.equal(errno, EBADF, told);
      }
    }
    for (const leave of ["flyAway", "close", "flyAway", "close"]) {
      const { sockFd } = dtls;
      const inode = inodeOf(sockFd);
      assert.equal(dtls[leave](), undefined);
      if (leave === "flyAway" && dtls.sockFd === -1 && inode !== undefined) {
        fs.closeSync(sockFd);
      }
    }
    assert.equal(dtls.sockFd, -1);
  });
}

test("a client that refuses its server still tells whom, and why", (t) => {
  const server = serve(t, identity);
  server.accept(undefined, (peer) => t.after(() => peer.close()));
  const results = [];
  const client = must(
    Dtls.createClient({ rejectUnauthorized: true }, server.sockName(), (dtls) =>
      results.push(dtls),
    ),
  );
  const local = client.sockName();
  until(() => results.length > 0);
  assert.deepEqual(results, [undefined]);
  assert.equal(client.sockFd, -1);
  assert.deepEqual(client.sockName(), local);
  assert.deepEqual(client.peerName(), server.sockName());
  assert.equal(client.authorized, false);
  assert.match(client.authorizationError, /issuer|trusted|CA/);
  assert.equal(client.peerCertificate.trim(), identity.cert.trim());
});

describe("what is closed by a timer", () => {
  const waits = [
    ["recv", "close", ({ peer }) => [peer, () => peer.recv(Buffer.alloc(1))]],
    ["recv", "flyAway", ({ peer }) => [peer, () => peer.recv(Buffer.alloc(1))]],
    ["accept", "close", ({ server }) => [server, () => server.accept()]],
  ];
  for (const [name, how, what] of waits) {
    test(`ends a ${name} that waits for ever, by ${how}`, (t) => {
      const [dtls, wait] = what(connect(t, { ...identity, name: "timed" }));
      setTimeout(() => dtls[how](), 1);
      setErrno(0);
      assert.equal(wait(), name === "recv" ? -EBADF : undefined);
      assert.equal(getErrno(), EBADF);
    });
  }

  test("ends a send that waits for the handshake", (t) => {
    const { client } = halfWay(t);
    setTimeout(() => client.close(), 1);
    assert.equal(client.send("x"), -EBADF);
  });

  test("its server, leaves a blocking client its own timeout", (t) => {
    const server = serve(t, identity);
    setTimeout(() => server.close(), 1);
    const outcome = Dtls.createClient({}, server.sockName(), 100);
    assert.equal(outcome, undefined);
    assert.notEqual(getErrno(), 0);
  });
});

describe("inside the callback of accept", () => {
  /** A server with that many clients on their way. */
  const crowd = (t, count) => {
    const server = serve(t, identity);
    const clients = Array.from({ length: count }, () => {
      const client = must(Dtls.createClient({}, server.sockName(), () => {}));
      t.after(() => client.close());
      return client;
    });
    return { server, clients };
  };

  test("the server may be closed: nobody else is delivered, who was goes on", (t) => {
    const { server, clients } = crowd(t, 3);
    const peers = [];
    server.accept(undefined, (peer) => {
      t.after(() => peer.close());
      peers.push(peer);
      server.close();
    });
    until(() => peers.length > 0);
    iosched.poll(SHORT_MS);
    assert.equal(peers.length, 1);
    const client = clients.find(
      (each) => each.sockName().port === peers[0].peerName().port,
    );
    assert.equal(client.send("hello", PATIENCE_MS), 5);
    assert.equal(receive(peers[0]), "hello");
  });

  test("the new peer may be closed, and the next one served", (t) => {
    const { server } = crowd(t, 3);
    const peers = [];
    server.accept(undefined, (peer) => {
      peers.push(peer);
      peer.close();
    });
    until(() => peers.length === 3);
    assert.deepEqual(
      peers.map((peer) => peer.sockFd),
      [-1, -1, -1],
    );
    join(t, server);
  });

  test("another one may take its place", (t) => {
    const { server } = crowd(t, 3);
    const seen = [];
    const callback = (name, next) => (peer) => {
      t.after(() => peer.close());
      seen.push(name);
      if (next) {
        server.accept(undefined, next);
      }
    };
    server.accept(undefined, callback("first", callback("second")));
    until(() => seen.length === 3);
    assert.deepEqual(seen, ["first", "second", "second"]);
  });

  test("options may be set, names added and messages exchanged", (t) => {
    const { server, clients } = crowd(t, 1);
    const heard = [];
    server.accept(undefined, (peer) => {
      t.after(() => peer.close());
      assert.equal(peer.setTTL(33), true);
      assert.equal(server.setTTL(34), true);
      assert.equal(server.addcert({ ...identity, name: "in.example" }), true);
      // Both ends' handshakes go on in a blocking call.
      assert.equal(peer.send("welcome"), 7);
      assert.equal(receive(clients[0]), "welcome");
      clients[0].send("thanks");
      heard.push(receive(peer));
    });
    until(() => heard.length > 0);
    assert.deepEqual(heard, ["thanks"]);
  });

  test("a blocking client of the same server waits in vain, and is served afterwards", (t) => {
    const { server } = crowd(t, 1);
    const peers = [];
    let inner;
    server.accept(undefined, (peer) => {
      t.after(() => peer.close());
      peers.push(peer);
      if (peers.length === 1) {
        setErrno(0);
        inner = Dtls.createClient({}, server.sockName(), SHORT_MS);
        assert.equal(getErrno(), ETIMEDOUT);
      }
    });
    until(() => peers.length === 2);
    assert.equal(inner, undefined);
    join(t, server);
  });

  test("a peer may be accepted besides", (t) => {
    const { server } = crowd(t, 2);
    const peers = [];
    server.accept(undefined, (peer) => {
      peers.push(peer, must(server.accept(undefined, PATIENCE_MS)));
      peers.forEach((each) => t.after(() => each.close()));
    });
    until(() => peers.length > 0);
    assert.equal(peers.length, 2);
  });
});

describe("inside the callback of createClient", () => {
  test("the client may be closed, and others before theirs", (t) => {
    const server = serve(t, identity);
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    const called = [];
    const clients = [0, 1, 2].map((index) =>
      must(
        Dtls.createClient({}, server.sockName(), (client) => {
          called.push(index);
          assert.equal(client, clients[index]);
          clients.forEach((each) => each.close());
        }),
      ),
    );
    until(() => called.length > 0);
    iosched.poll(SHORT_MS);
    assert.equal(called.length, 1);
  });

  test("another client may be made, blocking", (t) => {
    const server = serve(t, identity);
    const second = serve(t, identity);
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    const outcomes = [];
    const outer = must(
      Dtls.createClient({}, server.sockName(), () => {
        const inner = Dtls.createClient({}, second.sockName(), SHORT_MS);
        outcomes.push(inner, getErrno());
      }),
    );
    t.after(() => outer.close());
    until(() => outcomes.length > 0);
    // Nobody accepts there.
    assert.deepEqual(outcomes, [undefined, ETIMEDOUT]);
  });
});

describe("inside an event of iosched", () => {
  test("the connection may fly away and be taken up", (t) => {
    const { client, peer } = connect(t, { ...identity, name: "event" });
    const said = [];
    const fd = peer.sockFd;
    iosched.add(
      iosched.event(iosched.READ, fd, () => {
        peer.flyAway();
        const heir = must(Dtls.createByFd("event", fd, 0));
        t.after(() => heir.close());
        iosched.add(
          iosched.event(iosched.READ, heir.sockFd, () => {
            said.push(receive(heir));
            return false;
          }),
        );
      }),
    );
    client.send("hello");
    until(() => said.length > 0);
    assert.deepEqual(said, ["hello"]);
    assert.deepEqual(iosched.fds(), [[], [], []]);
  });

  test("another connection's event may be added to a number that was closed just now", (t) => {
    const { server, client, peer } = connect(t, identity);
    const seen = [];
    const fd = peer.sockFd;
    iosched.add(
      iosched.event(iosched.READ, fd, () => {
        peer.close();
        const other = join(t, server);
        const number = other.peer.sockFd;
        iosched.add(
          iosched.event(iosched.READ, number, () => {
            seen.push(number, receive(other.peer));
            return false;
          }),
        );
        other.client.send("other");
      }),
    );
    client.send("first");
    until(() => seen.length > 0);
    assert.equal(seen[1], "other");
  });
});

describe("an exception of a callback reaches the program, and others go on", () => {
  const boom = () => {
    throw new Error("boom");
  };
  const passesOn = () => {
    const poll = () => until(() => false);
    assert.throws(poll, /boom/);
  };

  test("of createClient", (t) => {
    const server = serve(t, identity);
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    const client = must(Dtls.createClient({}, server.sockName(), boom));
    t.after(() => client.close());
    passesOn();
    iosched.poll(0);
    assert.equal(client.send("x"), 1);
  });

  test("of createClient that failed", (t) => {
    const server = serve(t, identity);
    const address = server.sockName();
    server.close();
    must(Dtls.createClient({}, address, boom));
    passesOn();
    iosched.poll(0);
  });

  test("of createByFd", (t) => {
    const { client, peer } = connect(t, { ...identity, name: "boom" });
    const { sockFd } = peer;
    peer.flyAway();
    const taken = must(Dtls.createByFd("boom", sockFd, boom));
    t.after(() => taken.close());
    passesOn();
    client.send("x");
    assert.equal(receive(taken), "x");
  });

  test("of an event, which stays, and of its errback", (t) => {
    const { client, peer } = connect(t, identity);
    const event = iosched.event(iosched.READ, peer.sockFd, boom);
    iosched.add(event);
    client.send("x");
    passesOn();
    assert.equal(iosched.listening(event), true);
    passesOn();
    iosched.remove(event);
    const last = iosched.event(
      iosched.READ,
      peer.sockFd,
      () => false,
      boom,
      undefined,
    );
    iosched.add(last);
    passesOn();
    assert.equal(iosched.listening(last), false);
    assert.deepEqual(iosched.poll(0), [[], [], []]);
    assert.equal(receive(peer), "x");
  });

  test("of onreadable, which stays", (t) => {
    const { client, peer } = connect(t, identity);
    let calls = 0;
    peer.onreadable = () => {
      if (++calls < 3) {
        boom();
      }
      receive(peer);
      peer.onreadable = null;
    };
    client.send("x");
    passesOn();
    passesOn();
    iosched.poll(PATIENCE_MS);
    assert.equal(calls, 3);
  });

  test("of accept, whose peer is not lost on the wire", (t) => {
    const server = serve(t, identity);
    const peers = [];
    server.accept(undefined, (peer) => {
      t.after(() => peer.close());
      peers.push(peer);
      boom();
    });
    const client = must(Dtls.createClient({}, server.sockName(), () => {}));
    t.after(() => client.close());
    passesOn();
    assert.equal(client.send("x", PATIENCE_MS), 1);
    assert.equal(receive(peers[0]), "x");
  });
});

test("objects that a program forgets are collected, and their descriptors closed", async (t) => {
  const env = { ...process.env, CERT: identity.cert, KEY: identity.key };
  const { code, output } = await runNode(
    t,
    `
const fs = require("node:fs");
require("node:v8").setFlagsFromString("--expose-gc");
const gc = require("node:vm").runInNewContext("gc");
const { CERT: cert, KEY: key } = process.env;
const server = Dtls.createServer({ cert, key }, Dtls.sockaddr("127.0.0.1", 0));
const descriptors = () => fs.readdirSync("/proc/self/fd").length;
const establish = () => {
  const client = Dtls.createClient({}, server.sockName(), () => {});
  const peer = server.accept();
  client.send("x");
  if (peer.sockFd < 0 || peer.recv(Buffer.alloc(1)) !== 1) throw new Error("not established");
  return { client, peer };
};
const kept = establish();
const turn = () => new Promise(setImmediate);
(async () => {
  // From now on Node's loop is watched with one descriptor, and its signals, while a call waits in
  // a callback of Node's, with another.
  await turn();
  const later = establish();
  const before = descriptors();
  for (let i = 0; i < 50; i++) establish();
  await turn();
  while (descriptors() > before) { gc(); await turn(); }
  kept.client.send("y");
  console.log(kept.peer.recv(Buffer.alloc(1)));
  for (const dtls of [kept.client, kept.peer, later.client, later.peer, server]) dtls.close();
})();`,
    { env },
  ).exited;
  assert.equal(output, "1\n");
  assert.equal(code, 0);
});
