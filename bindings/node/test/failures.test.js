"use strict";

const assert = require("node:assert/strict");
const dgram = require("node:dgram");
const { once } = require("node:events");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { getErrno, setErrno } = require("../lib/jsre/errno");
const { native } = require("../lib/core/native");
const { createAuthority } = require("./support/certificates");
const { PATIENCE_MS, connect, must, serve } = require("./support/pair");

const authority = createAuthority();
const identity = authority.leaf("server");
const loopback = Dtls.sockaddr(Dtls.INADDR_LOOPBACK);

/** What a failing call leaves behind. */
function failureOf(call) {
  setErrno(0);
  assert.equal(call(), undefined);
  const error = Dtls.lastError();
  assert.ok(error, "there is a last error");
  assert.equal(error.errno, getErrno());
  return error;
}

/** How a handshake ends that the client refuses or the server breaks off. */
function handshake(t, serverOptions, clientOptions) {
  const server = serve(t, serverOptions);
  server.accept(undefined, (peer) => t.after(() => peer.close()));
  return new Promise((resolve) => {
    must(
      Dtls.createClient(clientOptions, server.sockName(), (client) => {
        resolve(client ? { client } : { error: Dtls.lastError() });
        client?.close();
      }),
    );
  });
}

describe("createServer", () => {
  const cases = {
    "a key of another certificate": {
      opt: () => ({ cert: identity.cert, key: authority.leaf("other").key }),
      says: /key/,
    },
    "an encrypted key without a password": {
      opt: () => authority.leaf("locked", { passwd: "sesame" }),
      says: /passwd/,
    },
    "a wrong password": {
      opt: () => ({
        ...authority.leaf("locked2", { passwd: "sesame" }),
        passwd: "open",
      }),
      says: /passwd/,
    },
    "no key at all": { opt: () => ({ cert: identity.cert }), says: /key/ },
    "a certificate that is no PEM": {
      opt: () => ({ cert: "garbage", key: identity.key }),
      says: /cert/,
    },
    "a key that is no PEM": {
      opt: () => ({ cert: identity.cert, key: "garbage" }),
      says: /key/,
    },
    "a CA that is no PEM": {
      opt: () => ({ ...identity, ca: "garbage" }),
      says: /ca/,
    },
    "a handshake timeout out of range": {
      opt: () => ({ ...identity, handshakeTimeout: 500 }),
      says: /handshakeTimeout.*2000 to 120000/,
    },
  };
  for (const [name, { opt, says }] of Object.entries(cases)) {
    test(`refuses ${name} and names the option`, () => {
      const error = failureOf(() => Dtls.createServer(opt(), loopback));
      assert.match(error.message, says);
    });
  }

  test("takes the key from the PEM of the certificate", (t) => {
    serve(t, { cert: identity.cert + identity.key });
  });

  test("takes a key with its password", (t) => {
    serve(t, {
      ...authority.leaf("opened", { passwd: "sesame" }),
      passwd: "sesame",
    });
  });

  test("refuses a port in use", (t) => {
    const server = serve(t, identity);
    const error = failureOf(() =>
      Dtls.createServer(identity, server.sockName()),
    );
    assert.equal(error.code, "EADDRINUSE");
    assert.match(error.message, new RegExp(String(server.sockName().port)));
  });

  const addresses = {
    "an address that does not parse": { addr: "localhost", port: 0 },
    "an address of another domain": { domain: 10, addr: "127.0.0.1", port: 0 },
    "a port out of range": { addr: "127.0.0.1", port: 65536 },
    "a port that is no integer": { addr: "127.0.0.1", port: 1.5 },
  };
  for (const [name, address] of Object.entries(addresses)) {
    test(`refuses ${name} with EINVAL`, () => {
      const error = failureOf(() => Dtls.createServer(identity, address));
      assert.equal(error.code, "EINVAL");
    });
  }

  test("throws a TypeError for an argument of the wrong type", () => {
    const saysThat = (message) => ({ name: "TypeError", message });
    assert.throws(() => Dtls.createServer(identity), saysThat(/sockaddr/));
    assert.throws(
      () => Dtls.createServer(identity, { port: 1 }),
      saysThat(/sockaddr\.addr/),
    );
    assert.throws(
      () => Dtls.createServer(undefined, loopback),
      saysThat(/opt/),
    );
  });
});

describe("createClient", () => {
  test("is refused at once where nobody listens", async () => {
    const socket = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    socket.close();
    await once(socket, "close");
    const address = Dtls.sockaddr("127.0.0.1", port);
    const start = performance.now();
    const error = failureOf(() => Dtls.createClient({}, address));
    assert.equal(error.code, "ECONNREFUSED");
    assert.ok(performance.now() - start < 1000);

    await new Promise((resolve) =>
      must(
        Dtls.createClient({}, address, (client) => {
          assert.equal(client, undefined);
          assert.equal(Dtls.lastError().code, "ECONNREFUSED");
          resolve();
        }),
      ),
    );
  });

  test("refuses bad credentials and names the option", () => {
    const address = Dtls.sockaddr("127.0.0.1", 1);
    const refused = (opt) =>
      failureOf(() => Dtls.createClient(opt, address)).message;
    assert.match(refused({ ca: "garbage" }), /ca/);
    assert.match(refused({ cert: identity.cert }), /key/);
    assert.match(refused({ cert: "garbage", key: identity.key }), /cert/);
  });

  test("throws a TypeError for a callback or timeout of the wrong type", () => {
    assert.throws(
      () => Dtls.createClient({}, Dtls.sockaddr("127.0.0.1", 1), "5"),
      { name: "TypeError", message: /timeout/ },
    );
  });
});

describe("verification", () => {
  const strict = (more) => ({ rejectUnauthorized: true, ...more });

  test("refuses a server that no CA of ours vouches for, and names its certificate", async (t) => {
    const stranger = createAuthority("Another CA");
    const { error } = await handshake(
      t,
      identity,
      strict({ ca: stranger.ca, server: "localhost" }),
    );
    assert.match(error.message, /server/);
    assert.match(error.message, /issuer|trusted|CA/);
  });

  test("refuses a certificate of another name, and tells the name", async (t) => {
    const { error } = await handshake(
      t,
      identity,
      strict({ ca: authority.ca, server: "example.org" }),
    );
    assert.match(error.message, /example\.org/);
  });

  test("refuses a certificate that has expired, and says since when", async (t) => {
    const expired = authority.leaf("expired", { days: -1 });
    const { error } = await handshake(
      t,
      expired,
      strict({ ca: authority.ca, server: "localhost" }),
    );
    assert.match(error.message, /expired/);
  });

  test("accepts an IP address that the certificate is for", async (t) => {
    const { client, error } = await handshake(
      t,
      identity,
      strict({ ca: authority.ca, server: "127.0.0.1" }),
    );
    assert.ok(client, error?.message);
    assert.equal(client.authorized, true);
  });

  test("without enforcement still tells its outcome", (t) => {
    const { client } = connect(t, identity, { server: "localhost" });
    assert.equal(client.authorized, false);
    assert.equal(typeof client.authorizationError, "string");
  });

  test("of clients is required by a server with a CA", async (t) => {
    const server = serve(t, { ...identity, ca: authority.ca });
    const client = must(Dtls.createClient({}, server.sockName(), () => {}));
    t.after(() => client.close());
    const peer = must(server.accept(undefined, PATIENCE_MS));
    t.after(() => peer.close());
    assert.ok(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
    assert.match(Dtls.lastError().message, /certificate/);
  });

  test("of clients accepts one that the CA vouches for", (t) => {
    const own = authority.leaf("client");
    const { peer } = connect(
      t,
      { ...identity, ca: authority.ca },
      { cert: own.cert, key: own.key },
    );
    assert.equal(peer.authorized, true);
    assert.equal(peer.peerCertificate.trim(), own.cert.trim());
  });
});

const skip =
  "addIdentity" in native().Server.prototype
    ? false
    : "the addon cannot add identities yet";

describe("addcert", { skip }, () => {
  test("has the certificate chosen by the name that the client asks for", (t) => {
    const other = authority.leaf("other.example", { san: "DNS:*.example" });
    const server = serve(t, identity);
    assert.equal(
      server.addcert({ name: "*.example", cert: other.cert, key: other.key }),
      true,
    );
    for (const [name, expected] of [
      ["a.example", other],
      ["unknown.org", identity],
    ]) {
      const client = must(
        Dtls.createClient({ server: name }, server.sockName(), () => {}),
      );
      t.after(() => client.close());
      const peer = must(server.accept(undefined, PATIENCE_MS));
      t.after(() => peer.close());
      assert.equal(client.send("x", PATIENCE_MS), 1);
      assert.equal(client.peerCertificate.trim(), expected.cert.trim());
    }
  });

  test("refuses bad credentials and names the option", (t) => {
    const server = serve(t, identity);
    setErrno(0);
    assert.equal(
      server.addcert({ name: "x", cert: "garbage", key: identity.key }),
      false,
    );
    assert.match(Dtls.lastError().message, /cert/);
  });
});
