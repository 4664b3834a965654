"use strict";

const { promisify } = require("node:util");
const address = require("../../core/address");
const { ERRNO, failure } = require("../../core/errors");
const { loop } = require("../../core/loop");
const { native } = require("../../core/native");
const options = require("../../core/options");
const { askClient } = require("../../core/psk");
const validate = require("../../core/validate");
const { fail } = require("../errno");
const { Connection } = require("./connection");
const { Handle } = require("./handle");
const { establish, whenEstablished } = require("./handshake");
const { promised } = require("./promises");

/** @typedef {import("../../../types/native").Connection} NativeConnection */
/** @typedef {import("../../../types/native").Address} Address */

const MIN_PORT = 1;
const MAX_FD = 2 ** 31 - 1;

/** Knows no pre-shared key. */
const noKey = () => undefined;

/**
 * @param {NativeConnection} connection its handshake has begun
 * @param {number | undefined | ((dtls: Connection | undefined, remote: Address) => void)} wait
 * @param {Address} remote
 * @param {ConstructorParameters<typeof Connection>[1]} how
 * @returns {Connection | undefined}
 */
function begin(connection, wait, remote, how) {
  const handle = new Handle(connection);
  const dtls = new Connection(handle, how);
  if (typeof wait !== "function") {
    return establish(handle, wait) ? dtls : undefined;
  }
  whenEstablished(handle, (established) =>
    wait(established ? dtls : undefined, remote),
  );
  return dtls;
}

/**
 * createClient() makes a connection to a server.
 *
 * With a timeout, or none, it blocks until the handshake is finished. With a
 * callback it returns the object at once and hands the same object to the
 * callback, together with the server's address; if the handshake fails, the
 * callback gets undefined, and errno is set.
 *
 * `rejectUnauthorized` is false unless given: the server's certificate is then
 * verified as well, but only `authorized` and `authorizationError` show the outcome.
 *
 * @param {object} opt {rejectUnauthorized, loadDefaultCerts, ca, server, cert, key, passwd,
 *   renegotiate, handshakeTimeout (ms)}; extensions: docs/api.md
 * @param {object} sockaddr remote address {domain, addr, port}
 * @param {number | ((dtls: Connection | undefined, remote: Address) => void)} [timeout]
 *   milliseconds, default: opt.handshakeTimeout; or the callback
 * @returns {Connection | undefined} undefined with errno set when that is not possible
 * @throws {TypeError} when an argument has the wrong type
 */
function createClient(opt, sockaddr, timeout) {
  try {
    const checked = options.clientOptions(opt);
    const callback = /** @type {Function | undefined} */ (
      validate.own(checked, "pskCallback")
    );
    const ask = callback && askClient(callback);
    const wait =
      typeof timeout === "function"
        ? timeout
        : validate.timeout("timeout", timeout);
    const remote = address.parse(sockaddr, MIN_PORT);
    loop();
    const connection = native().Connection.connect(checked, remote);
    return begin(connection, wait, remote, {
      mayRenegotiate: checked.renegotiate,
      ask,
    });
  } catch (error) {
    return fail(error, undefined);
  }
}

/**
 * createByFd() takes up a connection of the server registered as `name` whose
 * descriptor came from elsewhere, and does the handshake that is outstanding.
 *
 * @param {string} name `opt.name` of the server
 * @param {number} sockFd a connected UDP socket; the object owns it from now on
 * @param {number | ((dtls: Connection | undefined) => void)} [timeout]
 *   milliseconds, default: 60000; or the callback, as with createClient()
 * @returns {Connection | undefined} undefined with errno ENOENT (no such server), EBADF,
 *   ENOTSOCK, EPROTOTYPE or ENOTCONN (no connected UDP socket), EINVAL (it belongs to a server of
 *   another name), EBUSY (it is being taken up already), ECONNABORTED (the task that accepted it has
 *   closed it), ETIMEDOUT, or the handshake's
 * @throws {TypeError} when an argument has the wrong type
 */
function createByFd(name, sockFd, timeout) {
  validate.string("name", name);
  validate.number("sockFd", sockFd);
  try {
    const callback = typeof timeout === "function" ? timeout : undefined;
    const wait = callback ? undefined : validate.timeout("timeout", timeout);
    // Its own limit is the timeout: an example of the page gives 500 ms.
    const limit = wait ?? options.HANDSHAKE_TIMEOUT.default;
    if (!Number.isInteger(sockFd) || sockFd < 0 || sockFd > MAX_FD) {
      throw failure(
        ERRNO.EBADF,
        `\`sockFd\` is not a descriptor: ${sockFd} (that of a closed object is -1)`,
      );
    }
    loop();
    const connection = native().Connection.fromFd(name, sockFd, limit);
    // The server's options, and its callback for keys, are in another task.
    const how = { mayRenegotiate: true, ask: noKey };
    return begin(connection, callback ?? wait, connection.peerName(), how);
  } catch (error) {
    return fail(error, undefined);
  }
}

Object.defineProperty(createClient, promisify.custom, {
  value: (/** @type {object} */ opt, /** @type {object} */ sockaddr) =>
    promised((callback) => createClient(opt, sockaddr, callback)),
});
Object.defineProperty(createByFd, promisify.custom, {
  value: (/** @type {string} */ name, /** @type {number} */ sockFd) =>
    promised((callback) => createByFd(name, sockFd, callback)),
});

module.exports = { createByFd, createClient };
