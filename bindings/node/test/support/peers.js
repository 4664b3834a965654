"use strict";

const assert = require("node:assert/strict");
const Dtls = require("../..");
const { Program } = require("./program");

/** @typedef {import("node:test").TestContext} TestContext */
/** @typedef {{ addr: string, port: number }} Place */

/**
 * The client of OpenSSL. It reads commands from its input unless it is quiet.
 *
 * @param {TestContext} t
 * @param {Place} server
 * @param {...string} args
 */
function opensslClient(t, { addr, port }, ...args) {
  const host = addr.includes(":") ? `[${addr}]` : addr;
  return new Program(t, "openssl", [
    ...["s_client", "-dtls1_2", "-connect", `${host}:${port}`],
    ...args,
  ]);
}

/**
 * @param {TestContext} t
 * @param {number} port
 * @param {{ certFile: string, keyFile: string }} identity
 * @param {...string} args
 */
function opensslServer(t, port, { certFile, keyFile }, ...args) {
  return new Program(t, "openssl", [
    ...["s_server", "-dtls1_2", "-accept", String(port)],
    ...["-cert", certFile, "-key", keyFile, ...args],
  ]);
}

/**
 * @param {TestContext} t
 * @param {Place} server
 * @param {...string} args
 */
function gnutlsClient(t, { addr, port }, ...args) {
  return new Program(t, "gnutls-cli", [
    ...["--udp", "--port", String(port), ...args, addr],
  ]);
}

/**
 * Echoes what it hears, line by line.
 *
 * @param {TestContext} t
 * @param {number} port
 * @param {{ certFile: string, keyFile: string }} identity
 * @param {...string} args
 */
function gnutlsServer(t, port, { certFile, keyFile }, ...args) {
  return new Program(t, "gnutls-serv", [
    ...["--udp", "--echo", "--port", String(port)],
    ...["--x509certfile", certFile, "--x509keyfile", keyFile, ...args],
  ]);
}

/**
 * A client that tries again for as long as the server is not up.
 *
 * @param {TestContext} t
 * @param {object} options
 * @param {object} address
 * @param {Program} program the server
 * @returns {Promise<object>} rejects with what else than nobody listening goes wrong
 */
async function connectTo(t, options, address, program) {
  for (;;) {
    const client = await new Promise((resolve) =>
      Dtls.createClient(options, address, resolve),
    );
    if (client) {
      t.after(() => client.close());
      return client;
    }
    const error = Dtls.lastError();
    if (error.code !== "ECONNREFUSED") {
      throw error;
    }
    assert.ok(!program.ended, program.output);
  }
}

/**
 * Resolves with the next peer of a server, by way of Node's loop.
 *
 * @param {TestContext} t
 * @param {object} server
 * @returns {Promise<object>}
 */
function accepted(t, server) {
  return new Promise((resolve) =>
    server.accept(undefined, (peer) => {
      t.after(() => peer.close());
      resolve(peer);
    }),
  );
}

/**
 * Resolves with the next message, by way of Node's loop.
 *
 * @param {object} dtls
 * @returns {Promise<string>} rejects with the end of the association
 */
function message(dtls) {
  return new Promise((resolve, reject) => {
    dtls.onreadable = () => {
      const buffer = Buffer.alloc(16384);
      const n = dtls.recv(buffer, 0, buffer.length, 0);
      if (n !== 0) {
        dtls.onreadable = null;
        n > 0
          ? resolve(buffer.toString("utf8", 0, n))
          : reject(Dtls.lastError());
      }
    };
  });
}

module.exports = {
  accepted,
  connectTo,
  gnutlsClient,
  gnutlsServer,
  message,
  opensslClient,
  opensslServer,
};
