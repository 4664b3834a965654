"use strict";

// The rows and options of the page about who somebody is, as other programs see it.

const assert = require("node:assert/strict");
const { X509Certificate } = require("node:crypto");
const dgram = require("node:dgram");
const { once } = require("node:events");
const fs = require("node:fs");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");
const { PATIENCE_MS, connect, join, must, serve } = require("./support/pair");
const {
  accepted,
  connectTo,
  gnutlsClient,
  gnutlsServer,
  message,
  opensslClient,
  opensslServer,
} = require("./support/peers");
const { freePort } = require("./support/ports");
const { missing } = require("./support/program");
const { Remote } = require("./support/remote");

const authority = createAuthority();
const identity = authority.leaf("own");
const openssl = { skip: missing("openssl") };
const gnutls = { skip: missing("gnutls-cli") || missing("gnutls-serv") };

/** An identity for addcert(). */
const named = (name, leaf, more) => ({
  name,
  cert: leaf.cert,
  key: leaf.key,
  ...more,
});

/** The common name of the certificate that openssl is shown. */
async function shownTo(t, place, ...args) {
  const program = opensslClient(t, place, ...args);
  const [, name] = await program.sees(/^subject=CN = (.*)$/m);
  return name;
}

describe("addcert", openssl, () => {
  test("decides which certificate openssl is shown", async (t) => {
    const server = serve(t, identity);
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    for (const name of ["a.example.org", "*.example.org", "xn--bcher-kva.de"]) {
      const leaf = authority.leaf(`for ${name}`.replace("*", "any"));
      assert.equal(server.addcert(named(name, leaf)), true);
    }
    const place = server.sockName();
    for (const [asked, shown] of [
      ["a.example.org", "for a.example.org"],
      ["A.Example.ORG", "for a.example.org"],
      ["b.example.org", "for any.example.org"],
      ["c.b.example.org", "own"],
      ["example.org", "own"],
      ["unknown.net", "own"],
      ["xn--bcher-kva.de", "for xn--bcher-kva.de"],
    ]) {
      const name = await shownTo(t, place, "-servername", asked);
      assert.equal(name, shown, asked);
    }
    assert.equal(await shownTo(t, place, "-noservername"), "own");
  });

  test("changes what comes later, not what is under way", async (t) => {
    const server = serve(t, identity);
    const asking = ["-servername", "late.example"];
    const early = opensslClient(t, server.sockName(), ...asking);
    const peer = await accepted(t, server);
    assert.equal((await early.sees(/^subject=CN = (.*)$/m))[1], "own");

    const place = server.sockName();
    for (const shown of ["late", "later"]) {
      server.addcert(named("late.example", authority.leaf(shown)));
      assert.equal(await shownTo(t, place, ...asking), shown);
    }
    early.write("still there\n");
    assert.equal(await message(peer), "still there\n");
  });

  test("may require client certificates of an authority of its own", async (t) => {
    const clients = createAuthority("Clients' CA");
    const stranger = authority.leaf("stranger");
    const friend = clients.leaf("friend");
    const server = serve(t, identity);
    server.addcert(
      named("closed.example", authority.leaf("closed"), { ca: clients.ca }),
    );
    const asks = (name, own) =>
      opensslClient(
        t,
        server.sockName(),
        ...["-servername", name],
        ...(own ? ["-cert", own.certFile, "-key", own.keyFile] : []),
      );

    asks("open.example");
    const anonymous = await accepted(t, server);
    assert.equal(anonymous.send("welcome", PATIENCE_MS), 7);
    assert.equal(anonymous.peerCertificate, undefined);

    asks("closed.example", friend);
    const known = await accepted(t, server);
    assert.equal(known.send("welcome", PATIENCE_MS), 7);
    assert.equal(known.authorized, true);

    for (const own of [undefined, stranger]) {
      const refused = asks("closed.example", own);
      const peer = await accepted(t, server);
      assert.ok(peer.send("welcome", PATIENCE_MS) < 0);
      assert.match(Dtls.lastError().message, /certificate/);
      await refused.sees(/alert (handshake failure|unknown ca)/);
    }
  });
});

describe("ipcert", openssl, () => {
  const [first, second] = ["127.0.0.1", "127.0.0.2"];
  const start = (t, ipcert) => {
    const server = serve(
      t,
      { ...authority.leaf("first", { san: `IP:${first}` }), ipcert },
      Dtls.sockaddr(),
    );
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    const leaf = authority.leaf("second", { san: `IP:${second}` });
    assert.equal(server.addcert(named("second.example", leaf)), true);
    const { port } = server.sockName();
    return (addr, ...args) => shownTo(t, { addr, port }, ...args);
  };

  test("shows the certificate of the address that was asked, without SNI", async (t) => {
    const shown = start(t, true);
    assert.equal(await shown(first, "-noservername"), "first");
    assert.equal(await shown(second, "-noservername"), "second");
    // A name that is asked for comes first.
    assert.equal(await shown(first, "-servername", "second.example"), "second");
    assert.equal(await shown(second, "-servername", "else.example"), "first");
  });

  test("is off by default", async (t) => {
    const shown = start(t, undefined);
    assert.equal(await shown(first, "-noservername"), "first");
    assert.equal(await shown(second, "-noservername"), "first");
  });

  test("serves a client of ours that is told the address", (t) => {
    const server = serve(
      t,
      { ...authority.leaf("one", { san: `IP:${first}` }), ipcert: true },
      Dtls.sockaddr(),
    );
    const leaf = authority.leaf("two", { san: `IP:${second}` });
    server.addcert(named("two.example", leaf));
    const { port } = server.sockName();
    for (const addr of [first, second]) {
      const { client } = join(
        t,
        server,
        { rejectUnauthorized: true, ca: authority.ca, server: addr },
        Dtls.sockaddr(addr, port),
      );
      assert.equal(client.authorized, true);
    }
  });
});

authority.intermediate("middle");

/** What a client or server may be: { cert, key, passwd, and files for others }. */
const KINDS = {
  RSA: { key: "rsa" },
  "P-384": { key: "p384" },
  Ed25519: { key: "ed25519", clientOnly: true },
  "a chain with an intermediate": { issuer: "middle" },
};

for (const [kind, { clientOnly, ...options }] of Object.entries(KINDS)) {
  const made = (name) => {
    const leaf = authority.leaf(`${name} ${kind}`, options);
    const chain = options.issuer ? authority.text("middle.pem") : "";
    return Object.assign(leaf, { cert: leaf.cert + chain });
  };
  /** Options for a program of OpenSSL or GnuTLS, whose chain is in a file of its own. */
  const own = made("own");
  fs.writeFileSync(own.certFile, own.cert);

  describe(`mutual authentication with ${kind}`, () => {
    const required = { ca: authority.ca };
    const serverIdentity = clientOnly ? identity : own;

    test("of two programs of ours", (t) => {
      const { client, peer } = connect(
        t,
        { ...serverIdentity, ...required },
        {
          ...{ rejectUnauthorized: true, server: "localhost" },
          ...{ ca: authority.ca, cert: own.cert, key: own.key },
        },
      );
      assert.equal(client.authorized, true);
      assert.equal(peer.authorized, true);
      const shown = new X509Certificate(peer.peerCertificate);
      assert.equal(shown.subject, `CN=own ${kind}`);
    });

    test("of openssl's client and our server", openssl, async (t) => {
      const server = serve(t, { ...serverIdentity, ...required });
      const program = opensslClient(
        t,
        server.sockName(),
        ...["-cert", own.certFile, "-key", own.keyFile],
        ...["-cert_chain", own.certFile],
        ...["-CAfile", authority.caFile, "-verify_return_error", "-quiet"],
      );
      const peer = await accepted(t, server);
      assert.equal(peer.send("welcome", PATIENCE_MS), 7);
      await program.sees(/welcome/);
      assert.equal(peer.authorized, true);
      assert.equal(peer.peerCertificate.trim(), leafOf(own.cert));
    });

    /** Our client, with its certificate, connects to a program. */
    const showOwn = (t, port, program) =>
      connectTo(
        t,
        {
          ...{ rejectUnauthorized: true, server: "localhost" },
          ...{ ca: authority.ca, cert: own.cert, key: own.key },
        },
        Dtls.sockaddr("127.0.0.1", port),
        program,
      );

    test("of our client and openssl's server", openssl, async (t) => {
      const port = await freePort();
      const program = opensslServer(
        t,
        port,
        serverIdentity,
        ...["-cert_chain", serverIdentity.certFile, "-Verify", "2"],
        ...["-CAfile", authority.caFile, "-verify_return_error"],
      );
      const client = await showOwn(t, port, program);
      client.send("hello\n");
      await program.sees(/hello/);
      assert.match(program.output, new RegExp(`subject=CN = own ${kind}`));
    });

    test("of GnuTLS's client and our server", gnutls, async (t) => {
      const server = serve(t, { ...serverIdentity, ...required });
      const program = gnutlsClient(
        t,
        server.sockName(),
        ...["--x509certfile", own.certFile, "--x509keyfile", own.keyFile],
        ...["--x509cafile", authority.caFile],
        ...["--verify-hostname", "localhost"],
      );
      const peer = await accepted(t, server);
      assert.equal(peer.send("welcome", PATIENCE_MS), 7);
      await program.sees(/welcome/);
      assert.equal(peer.authorized, true);
    });

    test("of our client and GnuTLS's server", gnutls, async (t) => {
      const port = await freePort();
      const program = gnutlsServer(
        t,
        port,
        serverIdentity,
        ...["--require-client-cert", "--verify-client-cert"],
        ...["--x509cafile", authority.caFile],
      );
      const client = await showOwn(t, port, program);
      client.send("hello\n");
      assert.match(await message(client), /hello/);
    });
  });
}

function leafOf(chain) {
  const END = "-----END CERTIFICATE-----";
  return chain.slice(0, chain.indexOf(END) + END.length).trim();
}

describe("a client certificate", openssl, () => {
  test("of another authority is refused by our server, with an alert", async (t) => {
    const stranger = createAuthority("Another CA").leaf("stranger");
    const server = serve(t, { ...identity, ca: authority.ca });
    const program = opensslClient(
      t,
      server.sockName(),
      ...["-cert", stranger.certFile, "-key", stranger.keyFile],
    );
    const peer = await accepted(t, server);
    assert.ok(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
    assert.match(Dtls.lastError().message, /certificate/);
    await program.sees(/alert unknown ca/);
  });

  test("that openssl's server misses is told to our client", async (t) => {
    const port = await freePort();
    const program = opensslServer(t, port, identity, "-Verify", "1");
    const place = Dtls.sockaddr("127.0.0.1", port);
    await assert.rejects(connectTo(t, {}, place, program), (error) => {
      assert.equal(error.alert, 40, error.message); // handshake_failure: RFC 5246 §7.4.6
      assert.deepEqual(error.peer, place);
      return true;
    });
  });
});

describe("a chain that lacks its intermediate", () => {
  test("is not accepted", (t) => {
    const leaf = authority.leaf("orphan", { issuer: "middle" });
    const { client } = connect(t, leaf, {
      ca: authority.ca,
      server: "localhost",
    });
    assert.equal(client.authorized, false);
    assert.match(client.authorizationError, /issuer|verify/);
  });
});

describe("an encrypted key", () => {
  for (const [format, traditional] of [
    ["PKCS#8", false],
    ["the traditional format", true],
  ]) {
    for (const key of ["ecdsa", "rsa"]) {
      test(`in ${format} (${key}) serves both ends`, (t) => {
        const locked = authority.leaf(`locked ${key} ${traditional}`, {
          ...{ key, traditional, passwd: "sesame" },
        });
        assert.match(locked.key, /ENCRYPTED/);
        const { cert, key: pem } = locked;
        const { client, peer } = connect(
          t,
          { cert, key: pem, passwd: "sesame", ca: authority.ca },
          { cert: cert + pem, passwd: "sesame", ca: authority.ca },
        );
        assert.equal(client.authorized, true, client.authorizationError);
        assert.equal(peer.authorized, true, peer.authorizationError);
        const server = serve(t, identity);
        const added = { name: "x.example", cert, key: pem };
        assert.equal(server.addcert(added), false);
        assert.match(Dtls.lastError().message, /passwd/);
        assert.equal(server.addcert({ ...added, passwd: "sesame" }), true);
      });
    }
  }
});

describe("loadDefaultCerts", () => {
  test("trusts the system's store, which SSL_CERT_FILE may name", async (t) => {
    const server = serve(t, identity);
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    const place = JSON.stringify(server.sockName());
    const outcome = (remote, options) =>
      remote.run(`
        var options = { rejectUnauthorized: true, server: "localhost", ...${JSON.stringify(options)} };
        var client = Dtls.createClient(options, ${place}, ${PATIENCE_MS});
        var authorized = client ? client.authorized : Dtls.lastError().code;
        client?.close();
        authorized;`);
    const trusting = new Remote(t, {
      env: { SSL_CERT_FILE: authority.caFile, SSL_CERT_DIR: "/nowhere" },
    });
    const system = { loadDefaultCerts: true };
    assert.equal(await outcome(trusting, system), true);
    assert.equal(await outcome(trusting, {}), "EACCES");
    const stranger = { ca: createAuthority("Another CA").ca };
    assert.equal(await outcome(trusting, stranger), "EACCES");
    assert.equal(await outcome(trusting, { ...stranger, ...system }), true);

    const plain = new Remote(t, {
      env: { SSL_CERT_FILE: "", SSL_CERT_DIR: "" },
    });
    assert.equal(await outcome(plain, system), "EACCES");
  });
});

describe("the option server", () => {
  const cases = [
    ["DNS:*.example.org", "a.example.org", true],
    ["DNS:*.example.org", "A.EXAMPLE.ORG", true],
    ["DNS:*.example.org", "example.org", false],
    ["DNS:*.example.org", "b.a.example.org", false],
    ["DNS:xn--bcher-kva.example", "xn--bcher-kva.example", true],
    ["DNS:xn--bcher-kva.example", "xn--bucher.example", false],
    ["IP:127.0.0.1", "127.0.0.1", true],
    ["IP:127.0.0.1", "127.0.0.2", false],
    ["IP:::1", "::1", true],
    ["IP:::1", "0:0:0:0:0:0:0:1", true],
    ["DNS:127.0.0.1", "127.0.0.1", false],
    ["DNS:localhost", "127.0.0.1", false],
    ["DNS:other.example", "common", false], // which is the subject's CN
  ];
  for (const [san, server, expected] of cases) {
    test(`${server} is ${expected ? "" : "not "}matched by ${san}`, (t) => {
      const { client } = connect(t, authority.leaf("common", { san }), {
        ...{ ca: authority.ca, server },
      });
      assert.equal(client.authorized, expected, client.authorizationError);
    });
  }

  test("must be ASCII: the A-label of an international name", () => {
    const address = Dtls.sockaddr("127.0.0.1", 1);
    const opt = { server: "bücher.example" };
    assert.equal(Dtls.createClient(opt, address, 0), undefined);
    assert.equal(Dtls.lastError().code, "EINVAL");
    assert.match(Dtls.lastError().message, /server/);
  });

  test("is sent in the first hello, unless it is an address", async (t) => {
    const socket = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    t.after(() => socket.close());
    await once(socket, "listening");
    const { port } = socket.address();
    for (const [server, sent] of [
      ["some.example", true],
      ["127.0.0.1", false],
    ]) {
      const arrived = once(socket, "message");
      const client = must(
        Dtls.createClient(
          { server },
          Dtls.sockaddr("127.0.0.1", port),
          () => {},
        ),
      );
      t.after(() => client.close());
      const [hello] = await arrived;
      assert.equal(hello.includes(server), sent);
    }
  });
});

describe("peerCertificate", () => {
  test("is what Node's X509Certificate reads", (t) => {
    const { client, peer } = connect(t, identity);
    const certificate = new X509Certificate(client.peerCertificate);
    assert.equal(certificate.subject, "CN=own");
    assert.equal(certificate.checkHost("localhost"), "localhost");
    assert.equal(
      certificate.fingerprint256,
      new X509Certificate(identity.cert).fingerprint256,
    );
    assert.ok(certificate.verify(new X509Certificate(authority.ca).publicKey));
    assert.equal(peer.peerCertificate, undefined);
    client.close();
    assert.equal(new X509Certificate(client.peerCertificate).subject, "CN=own");
  });
});
