"use strict";

const { SRTP_PROFILES, VERSIONS } = require("../../core/protocol");
const { Dtls } = require("./dtls");

/** @typedef {import("../../../types/native").Address} Address */

/**
 * Negotiated has the members of a connection that tell who the peer is and what the handshake has
 * negotiated.
 */
class Negotiated extends Dtls {
  #info;

  /**
   * @param {import("./handle").Handle<any>} handle
   * @param {import("../../core/connection_info").ConnectionInfo} info
   */
  constructor(handle, info) {
    super(handle);
    this.#info = info;
  }

  /**
   * authorized tells whether the peer's certificate was verified, also where
   * `rejectUnauthorized: false` does not enforce it. An extension of the page.
   *
   * @returns {boolean}
   */
  get authorized() {
    return this.#info.latest.authorized;
  }

  /**
   * authorizationError says why the peer's certificate could not be verified,
   * undefined if it could. An extension of the page.
   *
   * @returns {string | undefined}
   */
  get authorizationError() {
    return this.#info.latest.authorizationError;
  }

  /**
   * peerCertificate is the certificate that the peer presented, in PEM. An
   * extension of the page.
   *
   * @returns {string | undefined}
   */
  get peerCertificate() {
    return this.#info.latest.peerCertificate;
  }

  /**
   * protocol is the negotiated version: 'DTLSv1.2' or 'DTLSv1.3'. It and the getters
   * below are undefined until the handshake is finished; they are extensions of the page.
   *
   * @returns {string | undefined}
   */
  get protocol() {
    const { version } = this.#info.latest;
    return version === undefined ? undefined : VERSIONS[version];
  }

  /**
   * cipher is the cipher suite, as IANA names it.
   *
   * @returns {string | undefined}
   */
  get cipher() {
    return this.#info.latest.cipher;
  }

  /**
   * group is that of the key agreement, as IANA names it; undefined where there
   * was none.
   *
   * @returns {string | undefined}
   */
  get group() {
    return this.#info.latest.group;
  }

  /**
   * sessionReused tells whether an earlier session was resumed (RFC 5077,
   * RFC 8446 §2.2).
   *
   * @returns {boolean | undefined}
   */
  get sessionReused() {
    return this.#info.latest.resumed;
  }

  /**
   * maxMessageSize is the most that send() takes: 16384 bytes, or the peer's limit for
   * its records (RFC 8449).
   *
   * @returns {number | undefined}
   */
  get maxMessageSize() {
    return this.#info.latest.maxMessage;
  }

  /**
   * alpnProtocol is the application protocol (RFC 7301), undefined if none.
   *
   * @returns {string | undefined}
   */
  get alpnProtocol() {
    return this.#info.latest.alpn;
  }

  /**
   * srtpProfile is the SRTP profile (RFC 5764), undefined if none.
   *
   * @returns {string | undefined}
   */
  get srtpProfile() {
    const number = this.#info.latest.srtp;
    return Object.entries(SRTP_PROFILES).find(([, n]) => n === number)?.[0];
  }

  /**
   * pskIdentity is the identity of the pre-shared key that took the place of
   * certificates, undefined if none did; a Buffer where it is not UTF-8.
   *
   * @returns {string | Buffer | undefined}
   */
  get pskIdentity() {
    const { pskIdentity } = this.#info.latest;
    return typeof pskIdentity === "object"
      ? Buffer.from(pskIdentity)
      : pskIdentity;
  }

  /**
   * peerName() returns the peer's address, also after close().
   *
   * @override
   * @returns {Address | undefined}
   */
  peerName() {
    return this.#info.peer;
  }
}

module.exports = { Negotiated };
