"use strict";

const assert = require("node:assert/strict");
const os = require("node:os");
const { test } = require("node:test");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");
const {
  PATIENCE_MS,
  connect,
  must,
  receive,
  serve,
} = require("./support/pair");

const { EAGAIN, EPIPE } = os.constants.errno;
const identity = createAuthority().leaf("server");

/** onwritable's next call. */
const writable = (dtls) =>
  new Promise((resolve) => {
    dtls.onwritable = resolve;
  });

/** Some turns of Node's loop. */
async function turns() {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("onwritable is called once with the connection", async (t) => {
  const { client, peer } = connect(t, identity);
  for (const dtls of [client, peer]) {
    let calls = 0;
    dtls.onwritable = () => calls++;
    await turns();
    assert.equal(calls, 1);
    assert.equal(dtls.onwritable, undefined);
    assert.equal(await writable(dtls), dtls);
  }
});

test("onwritable tells the end of the handshake, beside the callback of createClient", async (t) => {
  const server = serve(t, identity);
  const established = new Promise((resolve) => {
    const client = must(Dtls.createClient({}, server.sockName(), resolve));
    t.after(() => client.close());
    assert.equal(client.send("early", 0), -EAGAIN);
    client.onwritable = () => client.send("in time", 0);
  });
  const peer = must(server.accept({}, PATIENCE_MS));
  t.after(() => peer.close());
  const message = new Promise((resolve) => {
    peer.onreadable = () => {
      peer.onreadable = null;
      resolve(receive(peer, 0));
    };
  });
  assert.equal((await established).protocol, "DTLSv1.3");
  assert.equal(await message, "in time");
});

test("onwritable tells the end of a renegotiation", async (t) => {
  const { client, peer } = connect(
    t,
    { ...identity, renegotiate: true },
    { renegotiate: true },
  );
  assert.equal(client.renegotiate(), true);
  await writable(client);
  assert.equal(client.send("in time", 0), "in time".length);
  assert.equal(receive(peer), "in time");
});

test("onwritable tells that the association has ended", async (t) => {
  const { client, peer } = connect(
    t,
    { ...identity, renegotiate: true },
    { renegotiate: true },
  );
  assert.equal(client.renegotiate(), true);
  const told = writable(client);
  peer.close();
  await told;
  assert.equal(client.send("too late", 0), -EPIPE);
});

test("onwritable is not called after it was taken away, nor after close()", async (t) => {
  const { client } = connect(t, identity);
  let calls = 0;
  client.onwritable = () => calls++;
  client.onwritable = null;
  await turns();
  client.onwritable = () => calls++;
  client.close();
  await turns();
  assert.equal(calls, 0);
  client.onwritable = () => calls++; // closed: it will never be called
  await turns();
  assert.equal(calls, 0);
});

test("onwritable must be a function", (t) => {
  const { client } = connect(t, identity);
  assert.throws(() => {
    client.onwritable = 5;
  }, TypeError);
});
