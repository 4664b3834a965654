"use strict";

const assert = require("node:assert/strict");
const Dtls = require("../..");
const { loop } = require("../../lib/core/loop");

const PATIENCE_MS = 10000;

/**
 * @template T
 * @param {T} value
 * @returns {T} unless it is undefined: then it throws what went wrong
 */
function must(value) {
  assert.notEqual(value, undefined, Dtls.lastError()?.message);
  return value;
}

/**
 * A server on a free port of the loopback, closed when the test ends.
 *
 * @param {import("node:test").TestContext} t
 * @param {object} opt
 * @param {object} [sockaddr]
 */
function serve(t, opt, sockaddr = Dtls.sockaddr(Dtls.INADDR_LOOPBACK)) {
  const server = must(Dtls.createServer(opt, sockaddr));
  t.after(() => server.close());
  return server;
}

/**
 * Both ends of an established association with a server of this thread.
 *
 * @param {import("node:test").TestContext} t
 * @param {object} server
 * @param {object} [clientOptions]
 * @param {object} [address] by which the client reaches the server
 */
function join(t, server, clientOptions = {}, address = server.sockName()) {
  const client = must(Dtls.createClient(clientOptions, address, () => {}));
  t.after(() => client.close());
  const peer = must(server.accept({}, PATIENCE_MS));
  t.after(() => peer.close());
  // Either end waits for its own handshake here.
  assert.equal(client.send("?", PATIENCE_MS), 1);
  assert.equal(receive(peer), "?");
  // The client's callback is an event like others, and not the test's matter.
  loop().poll(0);
  return { server, client, peer };
}

/**
 * Both ends of an established association in this thread.
 *
 * @param {import("node:test").TestContext} t
 * @param {object} serverOptions
 * @param {object} [clientOptions]
 */
function connect(t, serverOptions, clientOptions) {
  return join(t, serve(t, serverOptions), clientOptions);
}

/**
 * @param {object} dtls
 * @param {number} [timeout]
 * @returns {string} the next message
 */
function receive(dtls, timeout = PATIENCE_MS) {
  const buffer = Buffer.alloc(16384);
  const n = dtls.recv(buffer, 0, buffer.length, timeout);
  assert.ok(n >= 0, `recv: ${n} ${Dtls.lastError()?.message}`);
  return buffer.toString("utf8", 0, n);
}

/** For tests that look at the wire: DTLS 1.3 hides there what a record is. */
const SHOWN = { maxVersion: "DTLSv1.2" };

module.exports = { PATIENCE_MS, SHOWN, connect, join, must, receive, serve };
