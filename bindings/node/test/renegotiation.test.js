"use strict";

// The option `renegotiate`. A renegotiation that was completed shows on the wire: what comes after
// it is of the next epoch (RFC 6347 §4.1).

const assert = require("node:assert/strict");
const os = require("node:os");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { getErrno, setErrno } = require("../lib/jsre/errno");
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
  gnutlsClient,
  gnutlsServer,
  message,
  opensslClient,
  opensslServer,
} = require("./support/peers");
const { freePort } = require("./support/ports");
const { missing } = require("./support/program");
const { Relay, TYPE } = require("./support/relay");

const { EAGAIN, EBADF, EOPNOTSUPP } = os.constants.errno;
const HANDSHAKE_FAILURE = 40;
const RATE = 3; // that the peer may begin within ten minutes

const authority = createAuthority();
const identity = authority.leaf("server");
const relayed = missing("python3");
const openssl = { skip: relayed || missing("openssl") };
const gnutls = {
  skip: relayed || missing("gnutls-cli") || missing("gnutls-serv"),
};

/** A server behind a relay. */
async function relay(t, options) {
  const server = serve(t, { ...identity, ...options });
  const wire = new Relay(t, server.sockName());
  return { server, wire, place: await wire.address() };
}

/** Who has sent alerts after the handshake, in their order. */
async function alerts(wire) {
  return (await wire.datagrams())
    .filter(({ type, epoch }) => type === TYPE.ALERT && epoch > 0)
    .map(({ fromClient }) => (fromClient ? "client" : "server"));
}

async function epochOfLast(wire) {
  return (await wire.datagrams()).at(-1).epoch;
}

/** Data goes both ways after the first renegotiation. */
async function goesOn(program, peer, wire) {
  program.write("after\n");
  assert.equal(await message(peer), "after\n");
  assert.equal(peer.send("answer\n"), 7);
  await program.sees(/answer/);
  assert.equal(await epochOfLast(wire), 2);
}

describe("a renegotiation that openssl's client asks for", openssl, () => {
  test("is completed if our server supports it, and data goes on", async (t) => {
    const { server, wire, place } = await relay(t, { renegotiate: true });
    const program = opensslClient(t, place);
    const peer = await accepted(t, server);
    program.write("before\n");
    assert.equal(await message(peer), "before\n");
    assert.equal(await epochOfLast(wire), 1);

    program.write("R\n");
    await wire.seesEpoch("<", 2);
    await goesOn(program, peer, wire);
  });

  test("is refused by default, and only openssl's own alert ends the association", async (t) => {
    const { server, wire, place } = await relay(t);
    const program = opensslClient(t, place);
    const peer = await accepted(t, server);
    const other = join(t, server);
    program.write("before\n");
    assert.equal(await message(peer), "before\n");

    program.write("R\n");
    await program.sees(/no renegotiation/);
    await assert.rejects(message(peer), { alert: HANDSHAKE_FAILURE });
    assert.deepEqual(await alerts(wire), ["server", "client"]);
    other.client.send("not me");
    assert.equal(receive(other.peer), "not me");
  });

  test(`is completed ${RATE} times, and then refused`, async (t) => {
    const { server, wire, place } = await relay(t, { renegotiate: true });
    const program = opensslClient(t, place);
    const peer = await accepted(t, server);
    program.write("before\n");
    await message(peer);
    for (let i = 1; i <= RATE; i++) {
      program.write("R\n");
      await wire.seesEpoch("<", i + 1);
      program.write(`after ${i}\n`);
      assert.equal(await message(peer), `after ${i}\n`);
    }
    program.write("R\n");
    await program.sees(/no renegotiation/);
    assert.equal(await epochOfLast(wire), RATE + 1);
  });
});

describe("a rehandshake of GnuTLS's client", gnutls, () => {
  const client = (t, place) =>
    gnutlsClient(t, place, "--insecure", "--rehandshake");

  test("is completed if our server supports it, and data goes on", async (t) => {
    const { server, wire, place } = await relay(t, { renegotiate: true });
    const program = client(t, place);
    const peer = await accepted(t, server);
    await program.sees(/ReHandshake was completed/);
    await goesOn(program, peer, wire);
  });

  test("is refused by default with a warning, and our side lives on", async (t) => {
    const { server, wire, place } = await relay(t);
    const program = client(t, place);
    const peer = await accepted(t, server);
    await program.sees(/Non fatal error: A TLS warning alert/);
    // gnutls-cli goes on waiting for that handshake, and reads nothing else.
    assert.equal(peer.recv(Buffer.alloc(1), 0, 1, 0), 0);
    assert.equal(peer.send("alive"), 5);
    assert.deepEqual(await alerts(wire), ["server"]);
    assert.equal(await epochOfLast(wire), 1);
  });
});

describe("a renegotiation that openssl's server asks for", openssl, () => {
  /** Our client at openssl's server, by a relay. */
  async function start(t, options) {
    const port = await freePort();
    const program = opensslServer(
      t,
      port,
      identity,
      "-CAfile",
      authority.caFile,
    );
    await program.sees(/^ACCEPT$/m);
    const wire = new Relay(t, Dtls.sockaddr("127.0.0.1", port));
    const client = await connectTo(t, options, await wire.address(), program);
    client.send("before\n");
    await program.sees(/before/);
    return { client, program, wire };
  }

  const own = authority.leaf("client");
  const commands = { r: "", R: ", with a certificate of the client" };
  for (const [command, what] of Object.entries(commands)) {
    test(`is completed if our client supports it${what}`, async (t) => {
      const { client, program, wire } = await start(t, {
        ...{ renegotiate: true, cert: own.cert, key: own.key },
      });
      program.write(`${command}\n`);
      await wire.seesEpoch("<", 2);
      client.send("after\n");
      await program.sees(/after/);
      assert.equal(await epochOfLast(wire), 2);
      program.write("answer\n");
      assert.equal(await message(client), "answer\n");
      assert.equal(/CN = client/.test(program.output), command === "R");
    });
  }

  test("is refused by default, and only openssl's own alert ends the association", async (t) => {
    const { client, program, wire } = await start(t, {});
    program.write("r\n");
    await program.sees(/no renegotiation/);
    await assert.rejects(message(client), { alert: HANDSHAKE_FAILURE });
    assert.deepEqual(await alerts(wire), ["client", "server"]);
    assert.equal(await epochOfLast(wire), 1);
  });
});

describe("renegotiate()", () => {
  const off = (dtls, errno) => {
    setErrno(0);
    assert.equal(dtls.renegotiate(), false);
    assert.equal(getErrno(), errno, Dtls.lastError()?.message);
  };

  for (const who of ["client", "peer"]) {
    test(
      `of the ${who} gives new keys to what comes after it`,
      openssl,
      async (t) => {
        const { server, wire, place } = await relay(t, { renegotiate: true });
        const ends = join(t, server, { renegotiate: true }, place);
        assert.equal(ends[who].renegotiate(), true);
        // Node's loop does it.
        await wire.seesEpoch("<", 2);
        ends.client.send("there");
        assert.equal(receive(ends.peer), "there");
        ends.peer.send("back");
        assert.equal(receive(ends.client), "back");
        assert.equal(await epochOfLast(wire), 2);
      },
    );
  }

  test("goes on with the data that was sent before it", (t) => {
    const { client, peer } = connect(
      t,
      { ...identity, renegotiate: true },
      { renegotiate: true },
    );
    client.send("before");
    assert.equal(client.renegotiate(), true);
    assert.equal(receive(peer), "before");
    assert.equal(client.send("after", 5000), 5);
    assert.equal(receive(peer), "after");
    assert.equal(client.renegotiate(), true);
  });

  test("of the client that is refused ends the association and says why", (t) => {
    const { client, peer } = connect(t, identity, { renegotiate: true });
    assert.equal(client.renegotiate(), true);
    assert.ok(client.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
    assert.match(Dtls.lastError().message, /refused the renegotiation/);
    assert.ok(peer.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
  });

  // RFC 5246 §7.4.1.1: a client may do without.
  test("of the peer that is refused leaves the association as it was", (t) => {
    const { client, peer } = connect(t, { ...identity, renegotiate: true });
    assert.equal(peer.renegotiate(), true);
    client.send("still here");
    assert.equal(receive(peer), "still here");
    peer.send("here too");
    assert.equal(receive(client), "here too");
  });

  test("is off by default, before the handshake and after close", (t) => {
    const { server, client, peer } = connect(t, identity);
    off(client, EOPNOTSUPP);
    off(peer, EOPNOTSUPP);
    assert.equal(server.renegotiate, undefined);
    const early = must(
      Dtls.createClient({ renegotiate: true }, server.sockName(), () => {}),
    );
    t.after(() => early.close());
    off(early, EAGAIN);
    early.close();
    off(early, EBADF);
  });

  test(
    "of our client is done by openssl's server that allows it",
    openssl,
    async (t) => {
      const port = await freePort();
      const program = opensslServer(t, port, identity, "-client_renegotiation");
      const place = Dtls.sockaddr("127.0.0.1", port);
      await program.sees(/^ACCEPT$/m);
      const wire = new Relay(t, place);
      const client = await connectTo(
        t,
        { renegotiate: true },
        await wire.address(),
        program,
      );
      assert.equal(client.renegotiate(), true);
      await wire.seesEpoch("<", 2);
      client.send("after\n");
      await program.sees(/after/);
      assert.equal(await epochOfLast(wire), 2);
    },
  );

  test("of our client is done by GnuTLS's server", gnutls, async (t) => {
    const port = await freePort();
    const program = gnutlsServer(t, port, identity, "--disable-client-cert");
    const place = Dtls.sockaddr("127.0.0.1", port);
    await program.sees(/listening on/i);
    const wire = new Relay(t, place);
    const client = await connectTo(
      t,
      { renegotiate: true },
      await wire.address(),
      program,
    );
    assert.equal(client.renegotiate(), true);
    await wire.seesEpoch("<", 2);
    client.send("after\n");
    assert.match(await message(client), /after/);
    assert.equal(await epochOfLast(wire), 2);
  });
});
