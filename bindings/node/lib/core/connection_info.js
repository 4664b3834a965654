"use strict";

const { VERSIONS } = require("./protocol");

/** @typedef {import("../../types/native").Address} Address */
/** @typedef {import("../../types/native").Connection} NativeConnection */
/** @typedef {import("../../types/native").ConnectionInfo} Info */

const DTLS_1_3 = VERSIONS.indexOf("DTLSv1.3");
/** @type {Info} */
const NOTHING = Object.freeze({ authorized: false });

/**
 * ConnectionInfo holds what a program may ask about an association: the peer's address, the outcome of
 * verifying its certificate and what the handshake negotiated. An answer costs at most one native
 * call, and none once it cannot change any more. The answers outlive the native connection.
 */
class ConnectionInfo {
  #handle;
  #mayRenegotiate;
  /** @type {Address | undefined} */
  #peer;
  #latest = NOTHING;
  #isFinal = false;

  /**
   * @param {import("./handle").Handle<NativeConnection>} handle
   * @param {boolean} mayRenegotiate whether a later handshake of DTLS 1.2 may change the answers
   */
  constructor(handle, mayRenegotiate) {
    this.#handle = handle;
    this.#mayRenegotiate = mayRenegotiate;
  }

  /** @returns {Address | undefined} a copy */
  get peer() {
    this.#peer ??= this.#handle.peek((connection) => connection.peerName());
    return this.#peer && { ...this.#peer };
  }

  /** @returns {Info} its `version` is undefined until the handshake is finished */
  get latest() {
    if (!this.#isFinal) {
      const info = this.#handle.peek((connection) => connection.info());
      this.#latest = info ?? this.#latest;
      this.#isFinal =
        info?.version === DTLS_1_3 ||
        (info?.version !== undefined && !this.#mayRenegotiate);
    }
    return this.#latest;
  }

  /** keep() reads the answers that must outlive the native connection, which is about to go. */
  keep() {
    void this.peer;
    void this.latest;
  }
}

module.exports = { ConnectionInfo };
