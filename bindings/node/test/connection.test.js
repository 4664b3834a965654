"use strict";

const assert = require("node:assert/strict");
const os = require("node:os");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { getErrno, setErrno } = require("../lib/jsre/errno");
const { createAuthority } = require("./support/certificates");
const { PATIENCE_MS, connect, receive, serve } = require("./support/pair");

const { EAGAIN, EBADF, EINVAL, EMSGSIZE, ENOTCONN, ETIMEDOUT } =
  os.constants.errno;

const authority = createAuthority();
const identity = authority.leaf("server");
const trusting = {
  ca: authority.ca,
  rejectUnauthorized: true,
  server: "localhost",
};

const elapsed = (action) => {
  const start = performance.now();
  action();
  return performance.now() - start;
};

describe("send and recv", () => {
  test("carry messages both ways, with their borders kept", (t) => {
    const { client, peer } = connect(t, identity, trusting);
    assert.equal(client.send("one"), 3);
    assert.equal(client.send(Buffer.from("two")), 3);
    assert.equal(receive(peer), "one");
    assert.equal(receive(peer), "two");
    assert.equal(peer.send("grüße"), 7);
    assert.equal(receive(client), "grüße");
  });

  test("take a part of a buffer", (t) => {
    const { client, peer } = connect(t, identity, trusting);
    assert.equal(client.send(Buffer.from("abcdef"), 2, 3), 3);
    assert.equal(client.send(new Uint16Array([0x4142]), 1), 1);
    const buffer = Buffer.alloc(8, ".");
    assert.equal(peer.recv(buffer, 4), 3);
    assert.equal(buffer.toString(), "....cde.");
    assert.equal(receive(peer), "A");
  });

  test("continue a message that is longer than the buffer", (t) => {
    const { client, peer } = connect(t, identity, trusting);
    client.send("0123456789");
    const buffer = Buffer.alloc(4);
    assert.equal(peer.recv(buffer), 4);
    assert.equal(peer.pending(), 6);
    assert.equal(receive(peer), "456789");
    assert.equal(peer.pending(), 0);
  });

  test("refuse more than one record holds", (t) => {
    const { client, peer } = connect(t, identity, trusting);
    assert.equal(client.send(Buffer.alloc(16385)), -EMSGSIZE);
    assert.match(Dtls.lastError().message, /16384/);
    assert.equal(client.send(Buffer.alloc(16384, 1)), 16384);
    assert.equal(peer.recv(Buffer.alloc(20000)), 16384);
  });

  test("name the argument of the wrong type", (t) => {
    const { client } = connect(t, identity, trusting);
    assert.throws(() => client.send(5), {
      name: "TypeError",
      message: /buffer/,
    });
    assert.throws(() => client.send(5), {
      message:
        "argument `buffer` must be a string or a Buffer, but is number (5)",
    });
    assert.throws(() => client.send("x", NaN), {
      message: "argument `timeout` must be a number, but is NaN",
    });
    assert.throws(() => client.send(Buffer.alloc(1), "0"), /offset/);
    assert.throws(() => client.send("x", "1"), /timeout/);
    assert.throws(() => client.recv("x"), /buffer/);
    assert.throws(() => client.recv(Buffer.alloc(1), 0, 1, "x"), /timeout/);
    assert.throws(() => (client.onreadable = 5), /onreadable/);
  });

  test("say who waits for whom where client and server share a task", (t) => {
    const server = serve(t, identity, Dtls.sockaddr("0.0.0.0", 0));
    const { port } = server.sockName();
    const address = Dtls.sockaddr("127.0.0.1", port);
    const hint =
      /not finished.*: the server runs in the same task, .* callback/;
    // Nobody accepts here, and nobody has said that somebody would.
    assert.equal(Dtls.createClient({}, address, 50), undefined);
    assert.doesNotMatch(Dtls.lastError().message, /same task/);
    server.accept(undefined, () => {});
    assert.equal(Dtls.createClient({}, address, 50), undefined);
    assert.equal(Dtls.lastError().errno, ETIMEDOUT);
    assert.match(Dtls.lastError().message, hint);
    const client = Dtls.createClient({}, address, () => {});
    t.after(() => client.close());
    assert.equal(client.send("x", 50), -ETIMEDOUT);
    assert.match(Dtls.lastError().message, hint);
    const short = { handshakeTimeout: 2000 };
    assert.equal(Dtls.createClient(short, address), undefined);
    assert.match(
      Dtls.lastError().message,
      /: the server runs in the same task/,
    );
    server.close();
    assert.equal(Dtls.createClient({}, address, 50), undefined);
    assert.doesNotMatch(Dtls.lastError().message, /same task/);
  });

  test("fail with EINVAL for a range outside of the buffer", (t) => {
    const { client } = connect(t, identity, trusting);
    assert.equal(client.send(Buffer.alloc(4), 2, 3), -EINVAL);
    assert.equal(client.send(Buffer.alloc(4), 5), -EINVAL);
    assert.equal(client.recv(Buffer.alloc(4), -1), -EINVAL);
    assert.equal(client.recv(Buffer.alloc(4), 2, 3), -EINVAL);
    assert.match(
      Dtls.lastError().message,
      /`offset` \(2\) \+ `length` \(3\) go beyond the 4 bytes/,
    );
    assert.equal(client.recv(Buffer.alloc(0)), -EINVAL);
    assert.equal(client.recv(Buffer.alloc(1), 0, 1, -5), -EINVAL);
  });

  test("tell the end of the association by a negative number", (t) => {
    const { client, peer } = connect(t, identity, trusting);
    client.send("last words");
    client.close();
    assert.equal(receive(peer), "last words");
    setErrno(0);
    const end = peer.recv(Buffer.alloc(10), 0, 10, PATIENCE_MS);
    assert.ok(end < 0, String(end));
    assert.equal(getErrno(), -end);
  });
});

describe("a buffer that a callback takes away while a call waits", () => {
  const sentence = { name: "TypeError", message: /transferred or resized/ };
  /** Where ArrayBuffers cannot be resized, before Node 20, they can be transferred. */
  const ways = {
    transferred: () => {
      const bytes = new Uint8Array(100).fill(7);
      const { buffer } = bytes;
      return [bytes, () => structuredClone(buffer, { transfer: [buffer] })];
    },
    ...(ArrayBuffer.prototype.resize && {
      resized: () => {
        const buffer = new ArrayBuffer(100, { maxByteLength: 100 });
        return [new Uint8Array(buffer).fill(7), () => buffer.resize(99)];
      },
    }),
  };
  for (const [how, make] of Object.entries(ways)) {
    test(`has recv throw and the message stay: ${how}`, (t) => {
      const { client, peer } = connect(t, identity);
      const [bytes, take] = make();
      process.nextTick(() => {
        take();
        peer.send("kept");
      });
      const receiving = () => client.recv(bytes, 0, 100, PATIENCE_MS);
      assert.throws(receiving, sentence);
      assert.equal(receive(client), "kept");
    });

    test(`has send throw and no shorter message go: ${how}`, (t) => {
      const server = serve(t, identity);
      const client = Dtls.createClient({}, server.sockName(), () => {});
      t.after(() => client.close());
      const [bytes, take] = make();
      process.nextTick(take);
      assert.throws(() => client.send(bytes, 0, 100, PATIENCE_MS), sentence);
      const peer = server.accept({}, PATIENCE_MS);
      t.after(() => peer.close());
      assert.equal(client.send("next", PATIENCE_MS), 4);
      assert.equal(receive(peer), "next");
    });
  }
});

describe("timeouts", () => {
  test("recv gives 0 when nothing came, at once or after the time", (t) => {
    const { client } = connect(t, identity, trusting);
    const buffer = Buffer.alloc(10);
    const recv = (timeout) => () =>
      assert.equal(client.recv(buffer, 0, 10, timeout), 0);
    assert.ok(elapsed(recv(0)) < 50);
    const waited = elapsed(recv(100));
    assert.ok(waited >= 99 && waited < 1000, String(waited));
  });

  test("accept gives undefined when nobody came, at once or after the time", (t) => {
    const server = serve(t, identity);
    const accept = (timeout) => () => {
      assert.equal(server.accept(undefined, timeout), undefined);
      assert.equal(getErrno(), ETIMEDOUT);
    };
    assert.ok(elapsed(accept(0)) < 50);
    const waited = elapsed(accept(100));
    assert.ok(waited >= 99 && waited < 1000, String(waited));
  });

  test("recv and accept without one wait until something comes", (t) => {
    const server = serve(t, identity);
    const client = Dtls.createClient(trusting, server.sockName(), () => {});
    t.after(() => client.close());
    const remote = {};
    const peer = server.accept(remote);
    t.after(() => peer.close());
    assert.deepEqual(remote, client.sockName());
    assert.equal(peer.send("x"), 1);
    const buffer = Buffer.alloc(10);
    assert.equal(client.recv(buffer), 1);
  });

  test("send waits for the handshake no longer than it may", (t) => {
    const server = serve(t, identity);
    // Nobody accepts, so the handshake does not go on.
    const client = Dtls.createClient(trusting, server.sockName(), () => {});
    t.after(() => client.close());
    assert.equal(client.send("x", 0), -EAGAIN);
    assert.equal(client.send("x", 50), -ETIMEDOUT);
    assert.equal(Dtls.createClient(trusting, server.sockName(), 50), undefined);
    assert.equal(getErrno(), ETIMEDOUT);
  });
});

describe("a Dtls object", () => {
  test("tells the peer, its certificate and whether it is authorized", (t) => {
    const { server, client, peer } = connect(t, identity, trusting);
    assert.equal(client.authorized, true);
    assert.equal(client.authorizationError, undefined);
    assert.equal(client.peerCertificate.trim(), identity.cert.trim());
    assert.deepEqual(client.peerName(), server.sockName());
    assert.deepEqual(peer.peerName(), client.sockName());
    assert.ok(peer instanceof Dtls);
  });

  test("reads back the sizes of buffers and refuses what is out of range", (t) => {
    const { server, client } = connect(t, identity, trusting);
    for (const dtls of [server, client]) {
      assert.equal(dtls.setRecvBufferSize(65536), true);
      assert.equal(dtls.getRecvBufferSize(), 65536);
      assert.equal(dtls.setSendBufferSize(32768), true);
      assert.equal(dtls.getSendBufferSize(), 32768);
      assert.equal(dtls.setTTL(64), true);
      assert.equal(dtls.bindToDevice(), true);
      assert.equal(dtls.error(), 0);
      setErrno(0);
      assert.equal(dtls.setRecvBufferSize(1023), false);
      assert.equal(getErrno(), EINVAL);
      assert.equal(dtls.setSendBufferSize(16 * 1024 * 1024 + 1), false);
      assert.equal(dtls.setTTL(256), false);
      assert.throws(() => dtls.setTTL("64"), /timeToLive/);
      assert.throws(() => dtls.setIPv6Only(1), /enable/);
      assert.throws(() => dtls.setRecvBufferSize("big"), /size/);
      assert.throws(() => dtls.bindToDevice(5), /ifname/);
    }
  });

  test("fails where the other kind is meant", (t) => {
    const { server, client } = connect(t, identity, trusting);
    assert.equal(server.send("x"), -ENOTCONN);
    assert.equal(server.recv(Buffer.alloc(1)), -ENOTCONN);
    assert.equal(server.pending(), -ENOTCONN);
    assert.equal(server.peerName(), undefined);
    assert.equal(client.accept(), undefined);
    assert.equal(getErrno(), EINVAL);
    assert.equal(client.addcert({}), false);
  });

  test("fails with EBADF after close and still tells its addresses", (t) => {
    const ends = connect(t, identity, trusting);
    for (const dtls of [ends.client, ends.peer, ends.server]) {
      const local = dtls.sockName();
      const remote = dtls.peerName();
      const { authorized } = dtls;
      assert.ok(dtls.sockFd >= 0);
      dtls.close();
      dtls.close();
      const outcomes = {
        accept: [() => dtls.accept(), undefined],
        "accept with a callback": [
          () => dtls.accept(undefined, () => {}),
          undefined,
        ],
        addcert: [() => dtls.addcert({ name: "x", cert: "" }), false],
        "send of a string": [() => dtls.send("x"), -EBADF],
        "send of a buffer": [() => dtls.send(Buffer.alloc(1)), -EBADF],
        recv: [() => dtls.recv(Buffer.alloc(1)), -EBADF],
        "recv without arguments": [() => dtls.recv(), -EBADF],
        pending: [() => dtls.pending(), -EBADF],
        error: [() => dtls.error(), EBADF],
        flyAway: [() => dtls.flyAway(), undefined],
        bindToDevice: [() => dtls.bindToDevice("lo"), false],
        setTTL: [() => dtls.setTTL(64), false],
        setIPv6Only: [() => dtls.setIPv6Only(true), false],
        getRecvBufferSize: [() => dtls.getRecvBufferSize(), -EBADF],
        getSendBufferSize: [() => dtls.getSendBufferSize(), -EBADF],
        setRecvBufferSize: [() => dtls.setRecvBufferSize(4096), false],
        setSendBufferSize: [() => dtls.setSendBufferSize(4096), false],
      };
      for (const [name, [call, expected]] of Object.entries(outcomes)) {
        setErrno(0);
        assert.equal(call(), expected, name);
        assert.equal(getErrno(), EBADF, name);
      }
      assert.equal(dtls.sockFd, -1);
      assert.deepEqual(dtls.sockName(), local);
      assert.deepEqual(dtls.peerName(), remote);
      assert.equal(dtls.authorized, authorized);
      dtls.onreadable = () => {};
    }
  });
});
