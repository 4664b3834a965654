"use strict";

const { ERRNO, failure } = require("../../core/errors");
const { INTEREST } = require("../../core/handle");
const { loop } = require("../../core/loop");
const { fail } = require("../errno");
const { isOwnServer } = require("./own_servers");

/** @typedef {import("../../../types/native").Connection} NativeConnection */
/** @typedef {import("../../../types/native").Address} Address */
/** @typedef {import("./handle").Handle<NativeConnection>} ConnectionHandle */

/** States of a native connection, in protocol order. */
const STATE = Object.freeze({
  HANDSHAKING: 0,
  ESTABLISHED: 1,
  CLOSED_BY_PEER: 2,
  FAILED: 3,
});

/** As util.inspect shows them. */
const STATE_NAMES = Object.freeze([
  "handshaking",
  "established",
  "closed by the peer",
  "failed",
  "closed",
]);

/**
 * @param {ConnectionHandle} handle
 * @returns {Error | true | undefined} true when established; undefined while it goes on
 */
function outcome(handle) {
  return handle.use(
    (connection) => {
      switch (connection.state) {
        case STATE.HANDSHAKING:
          return undefined;
        case STATE.FAILED:
          return connection.failure();
        default:
          // A peer that has closed already may have left data to read.
          return true;
      }
    },
    failure(ERRNO.EBADF, "the connection was closed during its handshake"),
  );
}

/**
 * giveUp() closes a connection whose handshake has failed, and sets errno to the reason.
 *
 * @param {ConnectionHandle} handle
 * @param {Error} error
 * @returns {false}
 */
function giveUp(handle, error) {
  const peer = handle.peek((connection) => connection.peerName());
  handle.release((connection) => connection.close());
  return fail(Object.assign(error, { peer }), false);
}

/**
 * @param {Address | undefined} peer
 * @returns {string} the end of the sentence for a blocking call that timed out in the handshake
 */
function whyUnfinished(peer) {
  return peer !== undefined && isOwnServer(peer)
    ? ": the server runs in the same task, and its callback is not called while this call blocks; " +
        "pass a callback here too, or run the server in another task"
    : "";
}

/**
 * establish() waits for the end of the handshake, which closes the connection
 * if it fails.
 *
 * @param {ConnectionHandle} handle
 * @param {number | undefined} timeoutMs undefined: as long as the handshake itself may last
 * @returns {boolean} false with errno set on failure
 */
function establish(handle, timeoutMs) {
  const peer = handle.peek((connection) => connection.peerName());
  const result =
    loop().waitUntil(() => outcome(handle), timeoutMs) ??
    failure(
      ERRNO.ETIMEDOUT,
      `the handshake was not finished within ${timeoutMs} ms`,
    );
  if (result === true) {
    return true;
  }
  if (/** @type {any} */ (result).errno === ERRNO.ETIMEDOUT) {
    result.message += whyUnfinished(peer);
  }
  return giveUp(handle, result);
}

/**
 * whenEstablished() calls `callback` once at the end of the handshake,
 * unless the connection is closed before that.
 *
 * @param {ConnectionHandle} handle
 * @param {(established: boolean) => void} callback false with errno set on failure
 */
function whenEstablished(handle, callback) {
  const deliver = () => {
    const result = outcome(handle);
    if (result === undefined) {
      return false;
    }
    handle.unwatch(watch);
    callback(result === true || giveUp(handle, result));
    return true;
  };
  const watch = handle.watch(INTEREST.WRITE, deliver, handle.fd);
}

module.exports = {
  STATE,
  STATE_NAMES,
  establish,
  whenEstablished,
  whyUnfinished,
};
