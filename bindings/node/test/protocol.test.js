"use strict";

// minVersion, maxVersion and what connections tell of what was agreed upon.

const assert = require("node:assert/strict");
const os = require("node:os");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { setErrno } = require("../lib/errors");
const { createAuthority } = require("./support/certificates");
const { PATIENCE_MS, connect, must, serve } = require("./support/pair");
const { accepted, opensslClient } = require("./support/peers");
const { missing } = require("./support/program");

const { EINVAL, EPROTO, ECONNRESET } = os.constants.errno;

const authority = createAuthority();
const identity = authority.leaf("server");
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
