"use strict";

// handshakeTimeout, keyLogFile, lastError and close_notify, as other programs and the wire see them.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { getErrno, setErrno } = require("../lib/jsre/errno");
const iosched = require("../lib/jsre/host/iosched");
const { createAuthority } = require("./support/certificates");
const {
  PATIENCE_MS,
  SHOWN,
  connect,
  join,
  must,
  receive,
  serve,
} = require("./support/pair");
const {
  accepted,
  connectTo,
  gnutlsClient,
  message,
  opensslClient,
  opensslServer,
} = require("./support/peers");
const { freePort } = require("./support/ports");
const { missing, runNode } = require("./support/program");
const { HELLO_VERIFY_REQUEST, Relay, TYPE } = require("./support/relay");

const { EINVAL, ESHUTDOWN = 108, ETIMEDOUT } = os.constants.errno;

const authority = createAuthority();
const identity = authority.leaf("server");
const relayed = { skip: missing("python3") };
const openssl = { skip: missing("openssl") };

const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const CLIENT_KEY_EXCHANGE = 16;

const end = (dtls) => dtls.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS);

describe("handshakeTimeout", () => {
  test("is allowed from 2000 to 120000 ms, for servers and clients", (t) => {
    for (const handshakeTimeout of [2000, 120000]) {
      connect(t, { ...identity, handshakeTimeout }, { handshakeTimeout });
    }
    const address = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, 1);
    for (const handshakeTimeout of [1999, 120001, 0, -1, 2500.5]) {
      for (const refused of [
        () => Dtls.createServer({ ...identity, handshakeTimeout }, address),
        () => Dtls.createClient({ handshakeTimeout }, address, 0),
        () => Dtls.createClient({ handshakeTimeout }, address, () => {}),
      ]) {
        setErrno(0);
        assert.equal(refused(), undefined);
        assert.equal(getErrno(), EINVAL);
        assert.match(Dtls.lastError().message, /handshakeTimeout/);
      }
    }
  });

  test(
    "of 2000 ms drops a peer that stops half-way, on both sides",
    relayed,
    async (t) => {
      const timeout = { handshakeTimeout: 2000, ...SHOWN };
      const server = serve(t, { ...identity, ...timeout });
      const wire = new Relay(t, server.sockName());
      const address = await wire.address();
      // Both hellos of the client pass, and nothing after them.
      await wire.command("after 2");
      const start = performance.now();
      let outcome;
      const client = must(
        Dtls.createClient(timeout, address, (dtls) => {
          outcome = { dtls, error: Dtls.lastError() };
        }),
      );
      t.after(() => client.close());
      const peer = must(server.accept(undefined, PATIENCE_MS));
      t.after(() => peer.close());
      const accept = performance.now();

      assert.equal(peer.recv(Buffer.alloc(1), 0, 1, 1900), 0);
      assert.equal(end(peer), -ETIMEDOUT);
      const waited = performance.now() - accept;
      assert.ok(waited >= 1950 && waited < 3000, String(waited));
      assert.deepEqual(Dtls.lastError().code, "ETIMEDOUT");

      while (outcome === undefined) {
        await new Promise(setImmediate);
      }
      assert.ok(performance.now() - start < 4000);
      assert.equal(outcome.dtls, undefined);
      assert.equal(outcome.error.errno, ETIMEDOUT);
      assert.deepEqual(
        outcome.error.peer,
        Dtls.sockaddr(address.addr, address.port),
      );
      assert.equal(client.sockFd, -1);
      // Meanwhile both had repeated what they had to say (RFC 6347 §4.2.4).
      const said = (await wire.datagrams()).map((d) => d.message);
      for (const message of [SERVER_HELLO, CLIENT_KEY_EXCHANGE]) {
        assert.ok(said.filter((each) => each === message).length > 1);
      }
    },
  );
});

describe("keyLogFile", () => {
  const LINE = /^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/;
  const lines = (file) => fs.readFileSync(file, "utf8").trim().split("\n");
  const env = {
    ...process.env,
    CERT: identity.cert,
    KEY: identity.key,
    SSLKEYLOGFILE: "",
  };
  /** Runs an association in a process of its own, which warns once at most. */
  const run = (t, options, more) =>
    runNode(
      t,
      `
const options = ${JSON.stringify({ ...SHOWN, ...options })};
const { CERT: cert, KEY: key } = process.env;
const server = Dtls.createServer({ cert, key, ...options }, Dtls.sockaddr("127.0.0.1", 0));
const client = Dtls.createClient(options, server.sockName(), () => {});
const peer = server.accept();
console.log(client.send("x"), peer.recv(Buffer.alloc(1)));
for (const dtls of [client, peer, server]) dtls.close();`,
      { env: { ...env, ...more } },
    ).exited;

  test("gets the keys of both ends, for nobody else to read, with a warning", async (t) => {
    const keyLogFile = path.join(authority.folder, "keys.log");
    const { code, output } = await run(t, { keyLogFile });
    assert.equal(code, 0, output);
    assert.match(output, /SecurityWarning: .*keys\.log/);
    assert.equal(output.match(/SecurityWarning/g).length, 1);
    assert.equal(fs.statSync(keyLogFile).mode & 0o777, 0o600);
    const [one, other, ...rest] = lines(keyLogFile);
    assert.match(one, LINE);
    assert.equal(one, other);
    assert.deepEqual(rest, []);
    await run(t, { keyLogFile });
    assert.equal(lines(keyLogFile).length, 4);
  });

  test("may be named by SSLKEYLOGFILE, before which the option comes", async (t) => {
    const byOption = path.join(authority.folder, "option.log");
    const byEnvironment = path.join(authority.folder, "environment.log");
    const more = { SSLKEYLOGFILE: byEnvironment };
    assert.match((await run(t, {}, more)).output, /SecurityWarning/);
    assert.equal(lines(byEnvironment).length, 2);
    await run(t, { keyLogFile: byOption }, more);
    assert.equal(lines(byOption).length, 2);
    assert.equal(lines(byEnvironment).length, 2);
  });

  test("is off by default, and nobody is warned", async (t) => {
    const { output } = await run(t, {});
    assert.equal(output, "1 1\n");
  });

  test("holds the very keys that openssl has", openssl, async (t) => {
    const ours = path.join(authority.folder, "ours.log");
    const theirs = path.join(authority.folder, "theirs.log");
    const warned = new Promise((resolve) => process.once("warning", resolve));
    const server = serve(t, { ...identity, keyLogFile: ours });
    assert.equal((await warned).name, "SecurityWarning");
    const client = opensslClient(t, server.sockName(), "-keylogfile", theirs);
    const peer = await accepted(t, server);
    client.write("x\n");
    await message(peer);
    const [own] = lines(ours);
    assert.match(own, LINE);
    assert.ok(lines(theirs).includes(own));
  });

  test("that others could read, or have put there, is refused", () => {
    const keys = path.join(authority.folder, "refused.log");
    const refused = () => {
      setErrno(0);
      const options = { ...identity, keyLogFile: keys };
      const address = Dtls.sockaddr(Dtls.INADDR_LOOPBACK);
      assert.equal(Dtls.createServer(options, address), undefined);
      const { code, message } = Dtls.lastError();
      assert.match(message, /^option `keyLogFile`: .*refused\.log/);
      return code;
    };
    fs.writeFileSync(keys, "before\n", { mode: 0o644 });
    assert.equal(refused(), "EACCES");
    assert.equal(fs.readFileSync(keys, "utf8"), "before\n");
    fs.chmodSync(keys, 0o600);
    const target = path.join(authority.folder, "target.log");
    fs.renameSync(keys, target);
    fs.symlinkSync(target, keys);
    assert.equal(refused(), "ELOOP");
    fs.unlinkSync(keys);
    fs.mkdirSync(keys);
    assert.equal(refused(), "EISDIR");
  });

  test("that cannot be written is told by errno", () => {
    setErrno(0);
    const keyLogFile = "/no/such/folder/keys.log";
    const address = Dtls.sockaddr(Dtls.INADDR_LOOPBACK);
    assert.equal(
      Dtls.createServer({ ...identity, keyLogFile }, address),
      undefined,
    );
    assert.equal(Dtls.lastError().code, "ENOENT");
    assert.match(Dtls.lastError().message, /keys\.log/);
  });
});

describe("lastError", () => {
  // RFC 5246 §7.4.6: handshake_failure; RFC 8446 §4.4.2.4: certificate_required.
  for (const [maxVersion, alert] of [
    ["DTLSv1.2", 40],
    ["DTLSv1.3", 116],
  ]) {
    test(`tells code, sentence, alert and peer of a handshake that the server ends in ${maxVersion}`, (t) => {
      const server = serve(t, { ...identity, ca: authority.ca });
      const address = server.sockName();
      server.accept(undefined, (peer) => t.after(() => peer.close()));
      const results = [];
      const options = { maxVersion };
      must(Dtls.createClient(options, address, (dtls) => results.push(dtls)));
      while (results.length === 0) {
        iosched.poll(PATIENCE_MS);
      }
      assert.deepEqual(results, [undefined]);
      const error = Dtls.lastError();
      assert.ok(error instanceof Error);
      assert.equal(error.errno, getErrno());
      assert.equal(os.constants.errno[error.code], error.errno);
      assert.equal(error.alert, alert);
      const place = new RegExp(`127\\.0\\.0\\.1:${address.port}`);
      assert.match(error.message, place);
      assert.deepEqual(error.peer, address);
    });
  }

  test("is about the failure behind errno, and gone with it", (t) => {
    const { server } = connect(t, identity);
    server.setTTL(999);
    assert.equal(Dtls.lastError().code, "EINVAL");
    assert.equal(Dtls.lastError().alert, undefined);
    setErrno(0);
    assert.equal(Dtls.lastError(), undefined);
  });

  test("names the peer of a connection that has ended", (t) => {
    const { client, peer } = connect(t, identity);
    client.close();
    assert.equal(end(peer), -ESHUTDOWN);
    const error = Dtls.lastError();
    assert.equal(error.code, "ESHUTDOWN");
    assert.deepEqual(error.peer, peer.peerName());
  });
});

describe("close", () => {
  test(
    "of our server ends openssl's client after what was sent before",
    openssl,
    async (t) => {
      const server = serve(t, identity);
      const client = opensslClient(t, server.sockName());
      const peer = await accepted(t, server);
      assert.equal(peer.send("last words\n", PATIENCE_MS), 11);
      peer.close();
      const { code, output } = await client.exited;
      assert.equal(code, 0, output);
      assert.match(output, /last words\n[^]*closed\n/);
    },
  );

  test(
    "of our client ends its association at openssl's server",
    openssl,
    async (t) => {
      const port = await freePort();
      const program = opensslServer(t, port, identity);
      const client = await connectTo(
        t,
        {},
        Dtls.sockaddr("127.0.0.1", port),
        program,
      );
      client.send("last words\n");
      client.close();
      await program.sees(/last words\n[^]*DONE/);
    },
  );

  test(
    "of our server ends GnuTLS's client",
    { skip: missing("gnutls-cli") },
    async (t) => {
      const server = serve(t, identity);
      const client = gnutlsClient(t, server.sockName(), "--insecure");
      const peer = await accepted(t, server);
      assert.equal(peer.send("last words\n", PATIENCE_MS), 11);
      peer.close();
      await client.sees(
        /last words\n[^]*Peer has closed the GnuTLS connection/,
      );
    },
  );

  test(
    "of openssl's client is the end for our server, after its last words",
    openssl,
    async (t) => {
      const server = serve(t, identity);
      const client = opensslClient(t, server.sockName());
      const peer = await accepted(t, server);
      client.write("last words\n");
      assert.equal(await message(peer), "last words\n");
      client.child.stdin.end("Q\n");
      assert.equal(await message(peer).catch(({ code }) => code), "ESHUTDOWN");
      assert.ok(peer.send("x") < 0);
    },
  );

  for (const [who, expected] of [
    ["client", CLIENT_HELLO],
    ["peer", HELLO_VERIFY_REQUEST],
  ]) {
    test(
      `of the ${who} before the handshake says nothing`,
      relayed,
      async (t) => {
        const server = serve(t, { ...identity, ...SHOWN });
        const wire = new Relay(t, server.sockName());
        const address = await wire.address();
        const client = must(Dtls.createClient({}, address, () => {}));
        t.after(() => client.close());
        const leaving =
          who === "client"
            ? client
            : must(server.accept(undefined, PATIENCE_MS));
        leaving.close();
        const said = (await wire.datagrams()).filter(
          ({ fromClient }) => fromClient === (who === "client"),
        );
        assert.deepEqual(
          new Set(said.map(({ type, message }) => `${type} ${message}`)),
          new Set([`${TYPE.HANDSHAKE} ${expected}`]),
        );
      },
    );
  }

  test("of the server leaves its associations alone", (t) => {
    const { server, client, peer } = connect(t, identity);
    const early = join(t, server);
    server.close();
    for (const ends of [{ client, peer }, early]) {
      ends.client.send("there");
      assert.equal(receive(ends.peer), "there");
      ends.peer.send("back");
      assert.equal(receive(ends.client), "back");
    }
  });
});
