"use strict";

// How often an object of the module calls the addon.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { loop } = require("../lib/core/loop");
const { native } = require("../lib/core/native");
const { clientOptions } = require("../lib/core/options");
const { Connection } = require("../lib/jsre/dtls/connection");
const { Handle } = require("../lib/jsre/dtls/handle");
const { createAuthority } = require("./support/certificates");
const { PATIENCE_MS, SHOWN, must, serve } = require("./support/pair");

const authority = createAuthority();
const { ca } = authority;
const identity = authority.leaf("server", {
  san: "DNS:server.example",
});
const ESTABLISHED = 1;

const GETTERS = Object.freeze({
  alpnProtocol: "b",
  authorizationError: undefined,
  authorized: true,
  cipher: /^TLS_/,
  group: /./,
  maxMessageSize: 16384,
  peerCertificate: /BEGIN CERTIFICATE/,
  protocol: /^DTLSv1/,
  pskIdentity: undefined,
  sessionReused: false,
  srtpProfile: "SRTP_AEAD_AES_128_GCM",
});

/**
 * A client whose native connection counts the calls of it.
 *
 * @param {import("node:test").TestContext} t
 * @param {{ mayRenegotiate: boolean }} how
 * @param {object} [options] of both sides
 */
function connectCounting(t, { mayRenegotiate }, options = {}) {
  const both = { alpn: ["b"], srtp: ["SRTP_AEAD_AES_128_GCM"], ...options };
  const server = serve(t, { ...identity, ...both });
  const opt = { ...both, ca, server: "server.example" };
  const raw = native().Connection.connect(
    clientOptions(opt),
    server.sockName(),
  );
  const calls = [];
  const counting = new Proxy(raw, {
    get(target, name) {
      calls.push(name);
      const value = target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const dtls = new Connection(new Handle(counting), { mayRenegotiate });
  t.after(() => dtls.close());
  const establish = () => {
    const peer = must(server.accept({}, PATIENCE_MS));
    t.after(() => peer.close());
    const done = () => raw.state === ESTABLISHED || undefined;
    assert.equal(loop().waitUntil(done, PATIENCE_MS), true);
    calls.length = 0;
  };
  /** How many calls a getter has made. */
  const cost = (action) => {
    calls.length = 0;
    action();
    return calls.length;
  };
  return { calls, cost, dtls, establish };
}

function check(dtls) {
  for (const [name, expected] of Object.entries(GETTERS)) {
    if (expected instanceof RegExp) {
      assert.match(dtls[name], expected, name);
    } else {
      assert.equal(dtls[name], expected, name);
    }
  }
}

describe("a getter of a connection", () => {
  test("makes one native call during the handshake", (t) => {
    const { cost, dtls } = connectCounting(t, { mayRenegotiate: false });
    for (const name of Object.keys(GETTERS)) {
      assert.equal(
        cost(() => dtls[name]),
        1,
        name,
      );
    }
    assert.equal(dtls.protocol, undefined);
  });

  test("makes none once the connection is established, but for the first", (t) => {
    const { cost, dtls, establish } = connectCounting(t, {
      mayRenegotiate: false,
    });
    establish();
    assert.equal(
      cost(() => check(dtls)),
      1,
    );
    assert.equal(
      cost(() => check(dtls)),
      0,
    );
  });

  test("makes one where a later handshake may change its answer", (t) => {
    const { cost, dtls, establish } = connectCounting(
      t,
      { mayRenegotiate: true },
      SHOWN,
    );
    establish();
    for (const name of Object.keys(GETTERS)) {
      assert.equal(
        cost(() => dtls[name]),
        1,
        name,
      );
    }
    check(dtls);
  });

  test("makes none in DTLS 1.3, which has no renegotiation", (t) => {
    const { cost, dtls, establish } = connectCounting(
      t,
      { mayRenegotiate: true },
      { minVersion: "DTLSv1.3" },
    );
    establish();
    check(dtls);
    assert.equal(
      cost(() => check(dtls)),
      0,
    );
  });

  test("answers the same after close(), without a call", (t) => {
    const { cost, dtls, establish } = connectCounting(t, {
      mayRenegotiate: true,
    });
    establish();
    dtls.close();
    assert.equal(
      cost(() => check(dtls)),
      0,
    );
  });
});

test("peerName() makes one native call, and none from then on", (t) => {
  const { cost, dtls } = connectCounting(t, { mayRenegotiate: true });
  assert.equal(
    cost(() => dtls.peerName()),
    1,
  );
  const address = dtls.peerName();
  assert.equal(
    cost(() => assert.deepEqual(dtls.peerName(), address)),
    0,
  );
  // The program's copy is its own.
  address.port = 1;
  assert.notEqual(dtls.peerName().port, 1);
});

test("sockName() makes one native call", (t) => {
  const { cost, dtls } = connectCounting(t, { mayRenegotiate: true });
  assert.equal(
    cost(() => dtls.sockName()),
    1,
  );
});
