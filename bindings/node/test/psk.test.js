"use strict";

// Pre-shared keys.

const assert = require("node:assert/strict");
const os = require("node:os");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { setErrno } = require("../lib/jsre/errno");
const { createAuthority } = require("./support/certificates");
const { PATIENCE_MS, connect, must, serve } = require("./support/pair");
const {
  accepted,
  connectTo,
  message,
  opensslClient,
} = require("./support/peers");
const { freePort } = require("./support/ports");
const { Program, missing, runNode } = require("./support/program");

const { EINVAL, ECONNRESET } = os.constants.errno;

const identity = createAuthority().leaf("server");
const key = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
const psk = { identity: "device 7", key };
const openssl = { skip: missing("openssl") };
const nowhere = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, 1);

for (const version of ["DTLSv1.2", "DTLSv1.3"]) {
  describe(`pre-shared keys in ${version}`, () => {
    const only = { minVersion: version, maxVersion: version };

    test("a server without a certificate serves who has its key", (t) => {
      const { client, peer } = connect(t, { psk }, { psk, ...only });
      assert.equal(client.pskIdentity, "device 7");
      assert.equal(peer.pskIdentity, "device 7");
      assert.equal(client.protocol, version);
      assert.equal(peer.authorized, false);
    });

    test("pskKeyExchange lets DTLS 1.3 do without a key agreement", (t) => {
      for (const [server, client, agrees] of [
        [undefined, undefined, true],
        ["either", "either", true],
        ["either", "psk_ke", version === "DTLSv1.2"],
        ["psk_ke", "either", version === "DTLSv1.2"],
      ]) {
        const { client: made } = connect(
          t,
          { psk, pskKeyExchange: server },
          { psk, pskKeyExchange: client, ...only },
        );
        assert.equal(made.pskIdentity, "device 7");
        assert.equal(Boolean(made.group), agrees, `${server} ${client}`);
      }
    });

    test("callbacks give the keys, at once or later", async (t) => {
      const later = async (value) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        return value;
      };
      for (const wrap of [(value) => value, later]) {
        const asked = [];
        const server = serve(t, {
          pskCallback: (name) => {
            asked.push(name);
            return wrap(key);
          },
        });
        const peers = accepted(t, server);
        const options = { pskCallback: () => wrap(psk), ...only };
        const client = await new Promise((resolve) =>
          Dtls.createClient(options, server.sockName(), resolve),
        );
        must(client);
        t.after(() => client.close());
        client.send("hello");
        assert.equal(await message(await peers), "hello");
        assert.deepEqual(asked, ["device 7"]);
      }
    });

    // Promise jobs cannot run inside of a promise job, as this test is.
    test("callbacks are asked inside of calls that block", async (t) => {
      const program = runNode(
        t,
        `
        const key = Buffer.alloc(16, 1);
        const psk = { identity: "device 7", key };
        const server = Dtls.createServer(
          { pskCallback: async () => key },
          Dtls.sockaddr(Dtls.INADDR_LOOPBACK),
        );
        const options = { ...${JSON.stringify(only)}, pskCallback: async () => psk };
        const client = Dtls.createClient(options, server.sockName(), () => {});
        const peer = server.accept({}, ${PATIENCE_MS});
        const buffer = Buffer.alloc(9);
        console.log(client.send("greetings", ${PATIENCE_MS}));
        console.log(peer.recv(buffer, 0, 9, ${PATIENCE_MS}), String(buffer));
        [client, peer, server].forEach((dtls) => dtls.close());
        `,
      );
      assert.equal((await program.exited).output, "9\n9 greetings\n");
    });

    test("a key that is not known fails on both sides", (t) => {
      for (const server of [
        serve(t, { pskCallback: () => undefined }),
        serve(t, { psk: [{ identity: "device 8", key }] }),
      ]) {
        const client = must(
          Dtls.createClient({ psk, ...only }, server.sockName(), () => {}),
        );
        const peer = must(server.accept({}, PATIENCE_MS));
        t.after(() => [client, peer].forEach((dtls) => dtls.close()));
        assert.ok(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
        assert.match(Dtls.lastError().message, /pre-shared key/);
        const end = client.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS);
        assert.equal(end, -ECONNRESET);
      }
    });

    test("a promise of no key fails as well", async (t) => {
      const server = serve(t, { pskCallback: async () => null });
      const peers = accepted(t, server);
      const ended = new Promise((resolve) =>
        Dtls.createClient({ psk, ...only }, server.sockName(), resolve),
      );
      assert.equal(await ended, undefined);
      await assert.rejects(message(await peers), /pre-shared key/);
    });

    test("a callback that throws, or gives no key, leaves the peer without one", (t) => {
      for (const pskCallback of [
        () => {
          throw new Error("no database");
        },
        () => "no Buffer",
        () => Buffer.alloc(65),
      ]) {
        const server = serve(t, { pskCallback });
        const client = must(
          Dtls.createClient({ psk, ...only }, server.sockName(), () => {}),
        );
        const peer = must(server.accept({}, PATIENCE_MS));
        t.after(() => [client, peer].forEach((dtls) => dtls.close()));
        const wait = () => peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS);
        assert.throws(wait, /no database|result of pskCallback/);
        assert.ok(wait() < 0);
      }
    });

    test("a certificate in place of the key is refused, unless it is verified", (t) => {
      const server = serve(t, identity);
      const client = must(
        Dtls.createClient({ psk, ...only }, server.sockName(), () => {}),
      );
      const peer = must(server.accept({}, PATIENCE_MS));
      t.after(() => [client, peer].forEach((dtls) => dtls.close()));
      assert.ok(client.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
    });
  });
}

describe("pre-shared keys with openssl", () => {
  const args = ["-psk_identity", "device 7", "-psk", key.toString("hex")];

  for (const [name, suite] of [
    ["PSK-AES128-GCM-SHA256", "TLS_PSK_WITH_AES_128_GCM_SHA256"],
    [
      "ECDHE-PSK-CHACHA20-POLY1305",
      "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
    ],
    ["PSK-AES128-CCM8", "TLS_PSK_WITH_AES_128_CCM_8"],
  ]) {
    const cipher = ["-cipher", `${name}:@SECLEVEL=0`];

    test(`its client and our server speak ${suite}`, openssl, async (t) => {
      const server = serve(t, { psk, ccm: true });
      const place = server.sockName();
      const program = opensslClient(t, place, ...args, ...cipher, "-quiet");
      const peer = await accepted(t, server);
      assert.equal(peer.send("greetings", PATIENCE_MS), 9);
      await program.sees(/greetings/);
      assert.equal(peer.cipher, suite);
      assert.equal(peer.pskIdentity, "device 7");
    });

    test(`our client and its server speak ${suite}`, openssl, async (t) => {
      const port = await freePort();
      const program = new Program(t, "openssl", [
        ...["s_server", "-dtls1_2", "-accept", String(port), "-nocert"],
        ...[...args, "-psk_hint", "a hint", ...cipher, "-quiet"],
      ]);
      const address = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, port);
      const hints = [];
      const pskCallback = (hint) => {
        hints.push(hint);
        return psk;
      };
      const options = { pskCallback, ccm: true, maxVersion: "DTLSv1.2" };
      const dtls = await connectTo(t, options, address, program);
      assert.equal(dtls.send("hello\n"), 6);
      await program.sees(/hello/);
      assert.equal(dtls.cipher, suite);
      assert.equal(hints.at(-1), "a hint");
    });
  }
});

describe("options of pre-shared keys", () => {
  test("are refused with what is expected, and never with the key", () => {
    const long = Buffer.alloc(65, "s");
    for (const [bad, expected] of [
      [{ identity: "", key }, /opt\.psk\.identity.*1 to 256/],
      [{ identity: "x".repeat(257), key }, /opt\.psk\.identity.*1 to 256/],
      [{ identity: "x", key: Buffer.alloc(0) }, /opt\.psk\.key.*1 to 64/],
      [{ identity: "x", key: long }, /opt\.psk\.key.*1 to 64/],
    ]) {
      for (const refused of [
        () => Dtls.createServer({ psk: bad }, nowhere),
        () => Dtls.createClient({ psk: bad }, nowhere, 0),
      ]) {
        setErrno(0);
        assert.equal(refused(), undefined);
        assert.equal(Dtls.lastError().errno, EINVAL);
        assert.match(Dtls.lastError().message, expected);
      }
    }
    for (const bad of ["secret", { identity: "x", key: "secret" }]) {
      for (const refused of [
        () => Dtls.createServer({ psk: bad }, nowhere),
        () => Dtls.createClient({ psk: bad }, nowhere, 0),
      ]) {
        assert.throws(refused, (error) => {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, /opt\.psk/);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        });
      }
    }
    const refused = () => Dtls.createServer({ pskCallback: 1 }, nowhere);
    assert.throws(refused, { name: "TypeError", message: /opt\.pskCallback/ });
    assert.throws(() => Dtls.createServer({}, nowhere), TypeError);
  });
});
