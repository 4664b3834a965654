"use strict";

// The rows of the page about the socket, as the kernel and the wire show their effect.

const assert = require("node:assert/strict");
const os = require("node:os");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { getErrno, setErrno } = require("../lib/jsre/errno");
const iosched = require("../lib/jsre/host/iosched");
const { createAuthority } = require("./support/certificates");
const {
  descriptorsOf,
  inodeOf,
  kernelBuffers,
  udpSocket,
} = require("./support/kernel");
const {
  PATIENCE_MS,
  SHOWN,
  connect,
  join,
  must,
  receive,
  serve,
} = require("./support/pair");
const { missing } = require("./support/program");
const { HELLO_VERIFY_REQUEST, Relay, TYPE } = require("./support/relay");

const { EADDRINUSE, ECONNREFUSED, EINVAL, ENODEV } = os.constants.errno;
const NOTHING = [[], [], []];
const MIB = 1024 * 1024;

const identity = createAuthority().leaf("server");
const relayed = { skip: missing("python3") };

const loopbacks = {
  IPv4: Dtls.sockaddr(Dtls.INADDR_LOOPBACK),
  IPv6: Dtls.sockaddr6(Dtls.IN6ADDR_LOOPBACK),
};
const place = ({ addr, port }) => ({ addr, port });

/** A server behind a relay, and a function that joins it through the relay. */
async function relay(t, sockaddr) {
  const server = serve(t, { ...identity, ...SHOWN }, sockaddr);
  const wire = new Relay(t, server.sockName());
  const address = await wire.address();
  return { server, wire, join: () => join(t, server, {}, address) };
}

for (const [family, loopback] of Object.entries(loopbacks)) {
  describe(`setTTL with ${family}`, relayed, () => {
    test("of a client is on its packets from then on", async (t) => {
      const { wire, join } = await relay(t, loopback);
      const { client } = join();
      const before = await wire.datagrams();
      assert.equal(client.setTTL(7), true);
      client.send("x");
      const after = await wire.datagrams();
      assert.equal(after.length, before.length + 1);
      const ttls = (list) =>
        new Set(list.filter((d) => d.fromClient).map((d) => d.ttl));
      assert.equal(ttls(before).has(7), false);
      assert.deepEqual([...ttls(after.slice(-1))], [7]);
    });

    test("of a server is on its cookies, handshakes and data", async (t) => {
      const { server, wire, join } = await relay(t, loopback);
      assert.equal(server.setTTL(9), true);
      const { peer } = join();
      peer.send("x");
      const own = (await wire.datagrams()).filter((d) => !d.fromClient);
      assert.equal(own[0].message, HELLO_VERIFY_REQUEST);
      assert.equal(own.at(-1).type, TYPE.DATA);
      assert.deepEqual([...new Set(own.map((d) => d.ttl))], [9]);
    });

    test("of a server is that of a connection's own socket, until it has another", async (t) => {
      const { server, wire, join } = await relay(t, loopback);
      server.setTTL(9);
      const { peer } = join();
      assert.notEqual(inodeOf(peer.sockFd), inodeOf(server.sockFd));
      const ttl = async () => {
        peer.send("x");
        return (await wire.datagrams()).at(-1).ttl;
      };
      assert.equal(await ttl(), 9);
      assert.equal(peer.setTTL(255), true);
      assert.equal(await ttl(), 255);
      server.setTTL(11);
      assert.equal(await ttl(), 255);
    });
  });
}

describe("bindToDevice", () => {
  test("fails with ENODEV for a device that is not there", (t) => {
    const { server, client, peer } = connect(t, identity);
    for (const dtls of [server, client, peer]) {
      for (const name of ["no-such-dev", "a-name-that-is-too-long-for-linux"]) {
        setErrno(0);
        assert.equal(dtls.bindToDevice(name), false);
        assert.equal(getErrno(), ENODEV);
        assert.match(Dtls.lastError().message, new RegExp(name));
      }
    }
    client.send("still there");
    assert.equal(receive(peer), "still there");
  });

  const skip =
    process.getuid() === 0 ? false : "to leave a device again needs to be root";

  test(
    "leaves the loopback to who is bound to it, and gives all back",
    { skip },
    (t) => {
      const { server, client, peer } = connect(t, identity);
      for (const dtls of [server, client, peer]) {
        assert.equal(dtls.bindToDevice("lo"), true, Dtls.lastError()?.message);
      }
      client.send("by lo");
      assert.equal(receive(peer), "by lo");
      for (const dtls of [server, client, peer]) {
        assert.equal(dtls.bindToDevice(), true);
      }
      client.send("by any");
      assert.equal(receive(peer), "by any");
    },
  );
});

describe("setIPv6Only", () => {
  const skip = Object.values(os.networkInterfaces())
    .flat()
    .some(({ address }) => address === "::1")
    ? false
    : "this system has no IPv6";

  test(
    "shuts IPv4 clients out and lets them in again, under the same descriptor",
    { skip },
    (t) => {
      const server = serve(t, identity, Dtls.sockaddr6());
      const { port } = server.sockName();
      const fd = server.sockFd;
      const ipv4 = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, port);
      const ipv6 = Dtls.sockaddr6(Dtls.IN6ADDR_LOOPBACK, port);

      assert.equal(server.setIPv6Only(false), true);
      const early = join(t, server, {}, ipv4);
      assert.equal(early.peer.peerName().addr, "::ffff:127.0.0.1");

      assert.equal(server.setIPv6Only(true), true);
      setErrno(0);
      assert.equal(Dtls.createClient({}, ipv4, PATIENCE_MS), undefined);
      assert.equal(getErrno(), ECONNREFUSED);
      join(t, server, {}, ipv6);

      assert.equal(server.setIPv6Only(false), true);
      join(t, server, {}, ipv4);
      join(t, server, {}, ipv6);
      assert.equal(server.sockFd, fd);
      assert.deepEqual(udpSocket(inodeOf(fd)).local, { addr: "::", port });
    },
  );

  test("is no matter of IPv4 sockets", (t) => {
    const { server, client } = connect(t, identity);
    for (const dtls of [server, client]) {
      setErrno(0);
      assert.equal(dtls.setIPv6Only(true), false);
      assert.equal(getErrno(), EINVAL);
    }
  });
});

describe("the sizes of buffers", () => {
  const skip = missing("ss");

  test("are the kernel's, which doubles what is set", { skip }, (t) => {
    const { server, client, peer } = connect(t, identity);
    for (const dtls of [server, client, peer]) {
      assert.equal(dtls.setRecvBufferSize(100000), true);
      assert.equal(dtls.setSendBufferSize(50000), true);
      assert.deepEqual(kernelBuffers(inodeOf(dtls.sockFd)), {
        receive: 200000,
        send: 100000,
      });
      assert.equal(dtls.getRecvBufferSize(), 100000);
      assert.equal(dtls.getSendBufferSize(), 50000);
    }
  });

  test("are the system's as long as none was set", { skip }, (t) => {
    const { server, client } = connect(t, identity);
    for (const dtls of [server, client]) {
      const kernel = kernelBuffers(inodeOf(dtls.sockFd));
      assert.equal(dtls.getRecvBufferSize(), kernel.receive / 2);
      assert.equal(dtls.getSendBufferSize(), kernel.send / 2);
    }
  });

  test(
    "of a server are those of its connections' own sockets",
    { skip },
    (t) => {
      const server = serve(t, identity);
      server.setRecvBufferSize(70000);
      server.setSendBufferSize(60000);
      const { peer } = join(t, server);
      assert.equal(peer.getRecvBufferSize(), 70000);
      assert.equal(peer.getSendBufferSize(), 60000);
      assert.deepEqual(kernelBuffers(inodeOf(peer.sockFd)), {
        receive: 140000,
        send: 120000,
      });
    },
  );

  test("are allowed from 1024 bytes on, and what is below changes nothing", (t) => {
    const server = serve(t, identity);
    for (const which of ["Recv", "Send"]) {
      const set = (size) => server[`set${which}BufferSize`](size);
      const get = () => server[`get${which}BufferSize`]();
      assert.equal(set(1024), true);
      assert.equal(get(), 1024);
      for (const size of [1023, 0, -1, 16 * MIB + 1, 1024.5]) {
        setErrno(0);
        assert.equal(set(size), false);
        assert.equal(getErrno(), EINVAL, String(size));
        assert.equal(get(), 1024);
      }
    }
  });

  test(
    "are allowed up to 16 MiB, beyond the system's limit for a privileged program",
    { skip: process.getuid() === 0 ? skip : "needs to be root" },
    (t) => {
      const server = serve(t, identity);
      assert.equal(server.setRecvBufferSize(16 * MIB), true);
      assert.equal(server.setSendBufferSize(16 * MIB), true);
      assert.equal(server.getRecvBufferSize(), 16 * MIB);
      assert.deepEqual(kernelBuffers(inodeOf(server.sockFd)), {
        receive: 32 * MIB,
        send: 32 * MIB,
      });
    },
  );

  test("that are small lose what does not fit, not the association", (t) => {
    const { client, peer } = connect(t, identity);
    assert.equal(peer.setRecvBufferSize(4096), true);
    const sent = 50;
    for (let i = 0; i < sent; i++) {
      client.send(Buffer.alloc(1000, i));
    }
    const buffer = Buffer.alloc(2000);
    let received = 0;
    while (peer.recv(buffer, 0, 2000, 0) > 0) {
      received++;
    }
    assert.ok(received > 0 && received < sent, String(received));
    client.send("still there");
    assert.equal(receive(peer), "still there");
  });
});

describe("error", () => {
  test(
    "tells of a peer whose socket has vanished, once, and leaves errno alone",
    relayed,
    async (t) => {
      const { wire, join } = await relay(t, loopbacks.IPv4);
      const { client } = join();
      assert.equal(client.error(), 0);
      await wire.datagrams();
      wire.program.child.kill("SIGKILL");
      await wire.program.exited;
      setErrno(0);
      assert.equal(client.send("into the void"), 13);
      assert.equal(client.error(), ECONNREFUSED);
      assert.equal(client.error(), 0);
      assert.equal(getErrno(), 0);
      // It is a hint, not the end: the next message is tried all the same.
      assert.equal(client.send("again"), 5);
    },
  );

  test(
    "of a server is not concerned by one of its peers",
    relayed,
    async (t) => {
      const {
        server,
        wire,
        join: joinByRelay,
      } = await relay(t, loopbacks.IPv4);
      const { peer } = joinByRelay();
      await wire.datagrams();
      wire.program.child.kill("SIGKILL");
      await wire.program.exited;
      assert.equal(peer.send("into the void"), 13);
      assert.equal(peer.send("again"), 5);
      assert.equal(server.error(), 0);
      const other = join(t, server);
      other.client.send("another");
      assert.equal(receive(other.peer), "another");
    },
  );
});

describe("sockFd", () => {
  for (const [family, loopback] of Object.entries(loopbacks)) {
    test(`is a UDP socket with both addresses of a connection, with ${family}`, (t) => {
      const server = serve(t, identity, loopback);
      const { client, peer } = join(t, server);
      for (const dtls of [client, peer]) {
        const { local, remote } = udpSocket(inodeOf(dtls.sockFd));
        assert.deepEqual(local, place(dtls.sockName()));
        assert.deepEqual(remote, place(dtls.peerName()));
      }
      const own = udpSocket(inodeOf(server.sockFd));
      assert.deepEqual(own.local, place(server.sockName()));
      assert.deepEqual(own.remote.port, 0);
    });
  }

  test("of a server stays across accepts, and each connection has another", (t) => {
    const server = serve(t, identity);
    const { sockFd } = server;
    const inode = inodeOf(sockFd);
    const peers = [join(t, server), join(t, server)].map(({ peer }) => peer);
    const inodes = new Set([...peers, server].map((d) => inodeOf(d.sockFd)));
    assert.equal(inodes.size, 3);
    assert.equal(server.sockFd, sockFd);
    assert.equal(inodeOf(sockFd), inode);
    assert.equal(peers[0].sockFd, peers[0].sockFd);
  });

  test("is readable while decrypted data waits in the object only", (t) => {
    const { client, peer } = connect(t, identity);
    const fd = peer.sockFd;
    client.send("0123456789");
    assert.ok(udpSocket(inodeOf(fd)).waiting > 0);
    assert.equal(peer.recv(Buffer.alloc(4), 0, 4, PATIENCE_MS), 4);
    assert.equal(udpSocket(inodeOf(fd)).waiting, 0);
    assert.deepEqual(iosched.select([[fd], [], []], 0), [[fd], [], []]);
    assert.equal(receive(peer), "456789");
    assert.deepEqual(iosched.select([[fd], [], []], 0), NOTHING);
  });

  test(
    "is not readable for noise in the kernel, but for the end",
    relayed,
    async (t) => {
      const { wire, join } = await relay(t, loopbacks.IPv4);
      const { client, peer } = join();
      const fd = peer.sockFd;
      await wire.command("noise");
      wire.program.write("noise\n");
      assert.deepEqual(iosched.select([[fd], [], []], 100), NOTHING);
      assert.equal(peer.pending(), 0);
      client.close();
      assert.deepEqual(iosched.select([[fd], [], []], PATIENCE_MS), [
        [fd],
        [],
        [],
      ]);
    },
  );

  test("of a server is readable while a peer waits for accept", (t) => {
    const server = serve(t, identity);
    const fd = server.sockFd;
    assert.deepEqual(iosched.select([[fd], [], []], 0), NOTHING);
    const client = must(Dtls.createClient({}, server.sockName(), () => {}));
    t.after(() => client.close());
    assert.deepEqual(iosched.select([[fd], [], []], PATIENCE_MS), [
      [fd],
      [],
      [],
    ]);
    const peer = must(server.accept(undefined, 0));
    t.after(() => peer.close());
    assert.deepEqual(iosched.select([[fd], [], []], 0), NOTHING);
  });
});

describe("sockName and peerName", () => {
  test("name the port that the system chose, on a wildcard address too", (t) => {
    const server = serve(t, identity, Dtls.sockaddr());
    const { port } = server.sockName();
    assert.deepEqual(server.sockName(), Dtls.sockaddr("0.0.0.0", port));
    assert.deepEqual(udpSocket(inodeOf(server.sockFd)).local, {
      addr: "0.0.0.0",
      port,
    });
    const { client, peer } = join(
      t,
      server,
      {},
      Dtls.sockaddr("127.0.0.1", port),
    );
    assert.deepEqual(peer.sockName(), Dtls.sockaddr("127.0.0.1", port));
    assert.deepEqual(client.peerName(), peer.sockName());
    assert.deepEqual(peer.peerName(), client.sockName());
  });

  const linkLocal = Object.values(os.networkInterfaces())
    .flat()
    .find(({ address }) => address.startsWith("fe80:"));

  test(
    "have the scope of a link-local address, also after close",
    { skip: linkLocal ? false : "no interface has a link-local address" },
    (t) => {
      const { address, scopeid } = linkLocal;
      const server = serve(t, identity, Dtls.sockaddr6(address, 0, scopeid));
      const { client, peer } = join(t, server);
      const name = server.sockName();
      assert.equal(name.addr.split("%")[0], address);
      assert.equal(name.scope, scopeid);
      assert.deepEqual(client.peerName(), name);
      assert.deepEqual(peer.sockName(), name);
      assert.deepEqual(peer.peerName(), client.sockName());
      for (const dtls of [client, peer, server]) {
        const before = [dtls.sockName(), dtls.peerName()];
        dtls.close();
        assert.deepEqual([dtls.sockName(), dtls.peerName()], before);
      }
    },
  );

  test("give copies, which the program may change", (t) => {
    const { client } = connect(t, identity);
    for (let i = 0; i < 2; i++) {
      client.sockName().port = 1;
      client.peerName().addr = "nowhere";
      assert.notEqual(client.sockName().port, 1);
      assert.equal(client.peerName().addr, "127.0.0.1");
      client.close();
    }
  });
});

describe("close", () => {
  test("gives the descriptor and the port back to the system", (t) => {
    const { server, client, peer } = connect(t, identity);
    const address = server.sockName();
    for (const dtls of [client, peer, server]) {
      const inode = inodeOf(dtls.sockFd);
      dtls.close();
      assert.deepEqual(descriptorsOf(inode), []);
      assert.equal(udpSocket(inode), undefined);
    }
    serve(t, identity, address);
  });

  test("of a server frees its address at once, and its connections live on", (t) => {
    const { server, client, peer } = connect(t, identity);
    const address = server.sockName();
    server.close();
    const next = serve(t, identity, address);
    assert.equal(Dtls.createServer(identity, address), undefined);
    assert.equal(getErrno(), EADDRINUSE);
    const pair = join(t, next);
    pair.client.send("new");
    assert.equal(receive(pair.peer), "new");
    client.send("old");
    assert.equal(receive(peer), "old");
  });

  test("sends what was sent before it, then one alert", relayed, async (t) => {
    const { wire, join } = await relay(t, loopbacks.IPv4);
    const { client, peer } = join();
    const before = (await wire.datagrams()).length;
    client.send("last words");
    client.close();
    client.close();
    // The peer may have answered the alert already.
    const sent = (await wire.datagrams())
      .slice(before)
      .filter((d) => d.fromClient);
    assert.deepEqual(
      sent.map((d) => [d.type, d.epoch]),
      [
        [TYPE.DATA, 1],
        [TYPE.ALERT, 1],
      ],
    );
    assert.equal(receive(peer), "last words");
    assert.ok(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
  });
});

describe("send", () => {
  test(
    "makes one datagram of one message, whatever its size",
    relayed,
    async (t) => {
      const { wire, join } = await relay(t, loopbacks.IPv4);
      const { client, peer } = join();
      const before = (await wire.datagrams()).length;
      const sizes = [1, 100, 1472, 16384];
      for (const size of sizes) {
        assert.equal(client.send(Buffer.alloc(size, 1)), size);
      }
      const sent = (await wire.datagrams()).slice(before);
      assert.deepEqual(
        sent.map((d) => d.type),
        sizes.map(() => TYPE.DATA),
      );
      const overhead = new Set(sent.map((d, i) => d.size - sizes[i]));
      assert.equal(overhead.size, 1, "a record holds the whole message");
      const buffer = Buffer.alloc(20000);
      for (const size of sizes) {
        assert.equal(peer.recv(buffer, 0, 20000, PATIENCE_MS), size);
      }
    },
  );

  test("makes no datagram of a message that it refuses", relayed, async (t) => {
    const { wire, join } = await relay(t, loopbacks.IPv4);
    const { client } = join();
    const before = await wire.datagrams();
    assert.ok(client.send(Buffer.alloc(16385)) < 0);
    assert.ok(client.send(Buffer.alloc(4), 2, 3) < 0);
    assert.throws(() => client.send(5), TypeError);
    assert.deepEqual(await wire.datagrams(), before);
  });
});

describe("accept", () => {
  test("gives peers in the order of their coming, blocking or not", async (t) => {
    const server = serve(t, identity);
    const clients = [];
    const arrive = () => {
      const client = must(Dtls.createClient({}, server.sockName(), () => {}));
      t.after(() => client.close());
      clients.push(client);
      // Its cookie has come back when the server is readable.
      iosched.select([[server.sockFd], [], []], PATIENCE_MS);
      iosched.select(NOTHING, 0);
    };
    arrive();
    const seen = [];
    const take = (peer) => {
      t.after(() => peer.close());
      seen.push(peer.peerName().port);
    };
    const remote = {};
    take(must(server.accept(remote, PATIENCE_MS)));
    assert.deepEqual(remote, clients[0].sockName());
    server.accept(undefined, (peer, from) => {
      assert.deepEqual(from, peer.peerName());
      take(peer);
    });
    for (let i = 1; i < 4; i++) {
      arrive();
      while (seen.length <= i) {
        iosched.poll(PATIENCE_MS);
      }
    }
    assert.deepEqual(
      seen,
      clients.map((client) => client.sockName().port),
    );
  });
});
