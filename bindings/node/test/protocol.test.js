"use strict";

// Options about the protocol, and what connections tell of what was agreed upon.

const assert = require("node:assert/strict");
const dgram = require("node:dgram");
const os = require("node:os");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { setErrno } = require("../lib/jsre/errno");
const { createAuthority } = require("./support/certificates");
const {
  PATIENCE_MS,
  connect,
  join,
  must,
  receive,
  serve,
} = require("./support/pair");
const {
  accepted,
  connectTo,
  opensslClient,
  opensslServer,
} = require("./support/peers");
const { freePort } = require("./support/ports");
const { missing } = require("./support/program");
const { Relay } = require("./support/relay");

const { EINVAL, EPROTO, ECONNRESET } = os.constants.errno;

const authority = createAuthority();
const identity = authority.leaf("server");
const openssl = { skip: missing("openssl") };
const nowhere = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, 1);

/** Both ways to give an option a bad value. */
const refusals = (opt) => [
  () => Dtls.createServer({ ...identity, ...opt }, nowhere),
  () => Dtls.createClient(opt, nowhere, 0),
];

describe("minVersion and maxVersion", () => {
  for (const version of ["DTLSv1.2", "DTLSv1.3"]) {
    test(`a client that speaks only ${version} gets it`, (t) => {
      const only = { minVersion: version, maxVersion: version };
      const { client, peer } = connect(t, identity, only);
      assert.deepEqual([client.protocol, peer.protocol], [version, version]);
    });

    test(`a server that speaks only ${version} gets it`, (t) => {
      const only = { minVersion: version, maxVersion: version };
      const { client, peer } = connect(t, { ...identity, ...only });
      assert.deepEqual([client.protocol, peer.protocol], [version, version]);
    });
  }

  test("the newest is spoken by default, DTLS 1.2 where `renegotiate` is on", (t) => {
    assert.equal(connect(t, identity).client.protocol, "DTLSv1.3");
    const { client } = connect(t, { ...identity, renegotiate: true });
    assert.equal(client.protocol, "DTLSv1.2");
    const newest = { renegotiate: true, maxVersion: "DTLSv1.3" };
    assert.equal(connect(t, identity, newest).client.protocol, "DTLSv1.3");
  });

  test("no version in common fails, and says so on both sides", (t) => {
    const server = serve(t, { ...identity, minVersion: "DTLSv1.3" });
    const old = { maxVersion: "DTLSv1.2" };
    const client = must(Dtls.createClient(old, server.sockName(), () => {}));
    const peer = must(server.accept({}, PATIENCE_MS));
    t.after(() => [client, peer].forEach((dtls) => dtls.close()));
    assert.equal(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS), -EPROTO);
    assert.match(Dtls.lastError().message, /version/);
    assert.equal(client.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS), -ECONNRESET);
    assert.equal(Dtls.lastError().alert, 70);
  });

  test("what is no version is refused with what is expected", () => {
    for (const refused of refusals({ minVersion: "TLSv1.3" })) {
      setErrno(0);
      assert.equal(refused(), undefined);
      assert.equal(Dtls.lastError().errno, EINVAL);
      assert.match(Dtls.lastError().message, /minVersion.*'DTLSv1\.2' or/);
    }
    for (const refused of refusals({ maxVersion: 1.3 })) {
      assert.throws(refused, { name: "TypeError", message: /maxVersion/ });
    }
    const crossed = { minVersion: "DTLSv1.3", maxVersion: "DTLSv1.2" };
    for (const refused of refusals(crossed)) {
      assert.equal(refused(), undefined);
      assert.match(Dtls.lastError().message, /minVersion.*maxVersion/);
    }
  });
});

describe("what was agreed upon", () => {
  test("is told by both sides, also after close()", (t) => {
    const { client, peer } = connect(t, identity);
    const told = ({ protocol, cipher, group, sessionReused, maxMessageSize }) =>
      [protocol, cipher, group, sessionReused, maxMessageSize].join();
    const expected = "DTLSv1.3,TLS_AES_128_GCM_SHA256,x25519,false,16384";
    assert.equal(told(client), expected);
    assert.equal(told(peer), expected);
    client.close();
    assert.equal(told(client), expected);
  });

  test("is undefined before the handshake is finished", (t) => {
    const server = serve(t, identity);
    const client = must(Dtls.createClient({}, server.sockName(), () => {}));
    t.after(() => client.close());
    for (const name of ["protocol", "cipher", "group", "maxMessageSize"]) {
      assert.equal(client[name], undefined);
    }
  });

  test(
    "is what openssl says as well",
    { skip: missing("openssl") },
    async (t) => {
      const server = serve(t, identity);
      const program = opensslClient(t, server.sockName());
      const peer = await accepted(t, server);
      const [, suite] = await program.sees(/Cipher is (\S+)/);
      assert.equal(peer.send("?", PATIENCE_MS), 1);
      assert.equal(peer.protocol, "DTLSv1.2");
      assert.equal(
        peer.cipher,
        `TLS_${suite.replace(/-/g, "_").replace("SA_AES", "SA_WITH_AES").replace("AES", "AES_")}`,
      );
    },
  );
});

describe("ALPN", () => {
  test("the server's first protocol that the client offers is told by both", (t) => {
    const server = { ...identity, alpn: ["coap", "webrtc"] };
    const { client, peer } = connect(t, server, { alpn: ["webrtc", "coap"] });
    assert.equal(client.alpnProtocol, "coap");
    assert.equal(peer.alpnProtocol, "coap");
    assert.equal(connect(t, server).client.alpnProtocol, undefined);
  });

  test("none in common is the alert no_application_protocol", (t) => {
    const server = serve(t, { ...identity, alpn: ["coap"] });
    const client = must(
      Dtls.createClient({ alpn: ["h3"] }, server.sockName(), () => {}),
    );
    const peer = must(server.accept({}, PATIENCE_MS));
    t.after(() => [client, peer].forEach((dtls) => dtls.close()));
    assert.equal(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS), -EPROTO);
    assert.equal(client.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS), -ECONNRESET);
    assert.equal(Dtls.lastError().alert, 120);
  });

  test("openssl's client agrees", openssl, async (t) => {
    const server = serve(t, { ...identity, alpn: ["coap"] });
    const args = ["-alpn", "h3,coap"];
    const program = opensslClient(t, server.sockName(), ...args);
    const peer = await accepted(t, server);
    await program.sees(/ALPN protocol: coap/);
    assert.equal(peer.send("?", PATIENCE_MS), 1);
    assert.equal(peer.alpnProtocol, "coap");
  });

  test("openssl's server agrees", openssl, async (t) => {
    const port = await freePort();
    const program = opensslServer(t, port, identity, "-alpn", "coap");
    const address = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, port);
    const dtls = await connectTo(t, { alpn: ["h3", "coap"] }, address, program);
    assert.equal(dtls.alpnProtocol, "coap");
  });
});

describe("SRTP and keying material", () => {
  test("both sides have the profile and the same keys", (t) => {
    for (const maxVersion of ["DTLSv1.2", "DTLSv1.3"]) {
      const srtp = ["SRTP_AEAD_AES_128_GCM"];
      const { client, peer } = connect(
        t,
        { ...identity, srtp },
        { srtp: ["SRTP_AES128_CM_SHA1_80", ...srtp], maxVersion },
      );
      assert.deepEqual(
        [client.srtpProfile, peer.srtpProfile],
        [...srtp, ...srtp],
      );
      const label = "EXTRACTOR-dtls_srtp";
      const keys = client.exportKeyingMaterial(56, label);
      assert.equal(keys.length, 56);
      assert.deepEqual(peer.exportKeyingMaterial(56, label), keys);
      const context = Buffer.from("context");
      const others = client.exportKeyingMaterial(56, label, context);
      assert.notDeepEqual(others, keys);
      assert.deepEqual(peer.exportKeyingMaterial(56, label, context), others);
    }
  });

  test("what cannot be had is EINVAL, and never ends the process", (t) => {
    const { client } = connect(t, identity);
    for (const [length, label, context] of [
      [32, "x".repeat(250)],
      [0, "x"],
      [8161, "x"],
      [32, "master secret"],
      [32, "x", Buffer.alloc(65536)],
    ]) {
      setErrno(0);
      const got = client.exportKeyingMaterial(length, label, context);
      assert.equal(got, undefined);
      assert.equal(Dtls.lastError().errno, EINVAL);
    }
    assert.throws(() => client.exportKeyingMaterial("32", "x"), TypeError);
    assert.throws(() => client.exportKeyingMaterial(32, "x", "y"), TypeError);
    client.close();
    assert.equal(client.exportKeyingMaterial(32, "x"), undefined);
    assert.equal(Dtls.lastError().code, "EBADF");
  });

  test("openssl's client has the same", openssl, async (t) => {
    const srtp = ["SRTP_AES128_CM_SHA1_80"];
    const server = serve(t, { ...identity, srtp });
    const program = opensslClient(
      t,
      server.sockName(),
      ...["-use_srtp", srtp[0], "-keymatexport", "EXPERIMENTAL x"],
      ...["-keymatexportlen", "40"],
    );
    const peer = await accepted(t, server);
    const [, hex] = await program.sees(/Keying material: ([0-9A-F]{80})/);
    assert.equal(peer.send("?", PATIENCE_MS), 1);
    assert.equal(peer.srtpProfile, srtp[0]);
    const own = peer.exportKeyingMaterial(40, "EXPERIMENTAL x");
    assert.equal(own.toString("hex").toUpperCase(), hex);
  });

  test("openssl's server has the same", openssl, async (t) => {
    const srtp = ["SRTP_AES128_CM_SHA1_32"];
    const port = await freePort();
    const program = opensslServer(
      t,
      port,
      identity,
      ...["-use_srtp", srtp[0], "-keymatexport", "EXPERIMENTAL x"],
      ...["-keymatexportlen", "40"],
    );
    const address = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, port);
    const dtls = await connectTo(t, { srtp }, address, program);
    assert.equal(dtls.srtpProfile, srtp[0]);
    const [, hex] = await program.sees(/Keying material: ([0-9A-F]{80})/);
    const own = dtls.exportKeyingMaterial(40, "EXPERIMENTAL x");
    assert.equal(own.toString("hex").toUpperCase(), hex);
  });
});

describe("sessions", () => {
  for (const maxVersion of ["DTLSv1.2", "DTLSv1.3"]) {
    test(`are resumed in ${maxVersion} with the ticket of an earlier one`, (t) => {
      const server = serve(t, identity);
      const first = join(t, server, { maxVersion, tickets: true });
      assert.equal(first.client.sessionReused, false);
      first.peer.send("!");
      assert.equal(receive(first.client), "!");
      const { session } = first.client;
      assert.notEqual(session, undefined);
      const second = join(t, server, { maxVersion, session });
      assert.equal(second.client.sessionReused, true);
      assert.equal(second.peer.sessionReused, true);
    });
  }

  test("are told by onsession", async (t) => {
    const server = serve(t, identity);
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    const client = must(
      Dtls.createClient({ tickets: true }, server.sockName(), () => {}),
    );
    t.after(() => client.close());
    const [session, dtls] = await new Promise((resolve) => {
      client.onsession = (...args) => resolve(args);
    });
    assert.equal(dtls, client);
    assert.equal(client.session, session);
  });

  test("are not to be had of a server with `tickets: false`", (t) => {
    const server = { ...identity, tickets: false };
    const { client, peer } = connect(t, server, { tickets: true });
    peer.send("!");
    assert.equal(receive(client), "!");
    assert.equal(client.session, undefined);
  });

  test("are of the module's own making", () => {
    for (const session of [{}, "x", 1]) {
      const refused = () => Dtls.createClient({ session }, nowhere, 0);
      assert.throws(refused, { name: "TypeError", message: /opt\.session/ });
    }
  });
});

describe("other options", () => {
  test("recordSizeLimit bounds what the peer can send", (t) => {
    const only = { minVersion: "DTLSv1.2", maxVersion: "DTLSv1.2" };
    const limited = { recordSizeLimit: 300, ...only };
    const { client, peer } = connect(
      t,
      { ...identity, ...limited },
      {
        ...only,
        recordSizeLimit: 16384,
      },
    );
    assert.equal(client.maxMessageSize, 300);
    assert.equal(client.send("x".repeat(300)), 300);
    assert.equal(receive(peer).length, 300);
    assert.equal(client.send("x".repeat(301)), -os.constants.errno.EMSGSIZE);
    assert.match(Dtls.lastError().message, /300 bytes/);
  });

  test(
    "ccm lets AES-CCM be spoken, which openssl's client asks for",
    openssl,
    async (t) => {
      for (const [name, suite] of [
        ["ECDHE-ECDSA-AES128-CCM", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"],
        ["ECDHE-ECDSA-AES128-CCM8", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"],
      ]) {
        const server = serve(t, { ...identity, ccm: true });
        const args = ["-cipher", `${name}:@SECLEVEL=0`];
        const program = opensslClient(t, server.sockName(), ...args, "-quiet");
        const peer = await accepted(t, server);
        assert.equal(peer.send("greetings", PATIENCE_MS), 9);
        await program.sees(/greetings/);
        assert.equal(peer.cipher, suite);
      }
    },
  );

  test("updateKeys() works in DTLS 1.3 only", (t) => {
    const { client, peer } = connect(t, identity);
    assert.equal(client.updateKeys(true), true);
    peer.send("!");
    assert.equal(receive(client), "!");
    client.send("?");
    assert.equal(receive(peer), "?");
    const old = connect(t, identity, { maxVersion: "DTLSv1.2" }).client;
    assert.equal(old.updateKeys(), false);
    assert.equal(Dtls.lastError().code, "EOPNOTSUPP");
  });

  for (const version of ["DTLSv1.2", "DTLSv1.3"]) {
    test(`mtu bounds the datagrams of a handshake of ${version}`, async (t) => {
      /** The largest datagram that either side sends until it is connected. */
      const largest = async (options) => {
        const server = serve(t, { ...identity, ...options });
        server.accept(undefined, (peer) => t.after(() => peer.close()));
        const relay = new Relay(t, server.sockName());
        const { addr, port } = await relay.address();
        const opt = { ...options, minVersion: version, maxVersion: version };
        const client = await new Promise((resolve) => {
          must(Dtls.createClient(opt, Dtls.sockaddr(addr, port), resolve));
        });
        must(client).close();
        const all = await relay.datagrams();
        return Math.max(...all.map(({ size }) => size));
      };
      assert.ok((await largest({})) > 300);
      const bounded = await largest({ mtu: 200 });
      assert.ok(bounded > 150 && bounded <= 200, `${bounded} bytes`);
    });
  }

  test("firstRetransmission is when a hello is repeated", async (t) => {
    const socket = dgram.createSocket("udp4");
    t.after(() => socket.close());
    await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const times = [];
    const twice = new Promise((resolve) => {
      socket.on("message", () => {
        times.push(performance.now());
        times.length === 2 && resolve();
      });
    });
    const address = Dtls.sockaddr("127.0.0.1", socket.address().port);
    const client = must(
      Dtls.createClient({ firstRetransmission: 100 }, address, () => {}),
    );
    t.after(() => client.close());
    await twice;
    // A second is the default.
    assert.ok(times[1] - times[0] < 900, `${times[1] - times[0]} ms`);
  });

  test("what cannot be is refused with the option and what is expected", () => {
    for (const [opt, message] of [
      [{ alpn: [""] }, /opt\.alpn.*1 to 255/],
      [{ alpn: ["x".repeat(256)] }, /opt\.alpn.*1 to 255/],
      [{ alpn: Array(3).fill("x".repeat(200)) }, /opt\.alpn.*512/],
      [{ srtp: ["toString"] }, /opt\.srtp.*SRTP_AES128_CM_SHA1_80/],
      [{ pskKeyExchange: "psk" }, /opt\.pskKeyExchange.*'either' or 'psk_ke'/],
      [{ recordSizeLimit: 63 }, /opt\.recordSizeLimit.*64 to 16384/],
      [{ recordSizeLimit: 16385 }, /opt\.recordSizeLimit.*64 to 16384/],
      [{ mtu: 63 }, /opt\.mtu.*64 to 65507/],
      [{ mtu: 65508 }, /opt\.mtu.*64 to 65507/],
      [{ firstRetransmission: 0 }, /opt\.firstRetransmission.*1 to 60000/],
    ]) {
      for (const refused of refusals(opt)) {
        setErrno(0);
        assert.equal(refused(), undefined);
        assert.equal(Dtls.lastError().errno, EINVAL);
        assert.match(Dtls.lastError().message, message);
      }
    }
    for (const name of [
      "alpn",
      "srtp",
      "ccm",
      "tickets",
      "recordSizeLimit",
      "mtu",
    ]) {
      for (const refused of refusals({ [name]: "yes" })) {
        const message = new RegExp(`opt\\.${name}`);
        assert.throws(refused, { name: "TypeError", message });
      }
    }
  });
});
