"use strict";

const { inspect } = require("node:util");
const { toText } = require("../../core/address");
const { ConnectionInfo } = require("../../core/connection_info");
const { ERRNO } = require("../../core/errors");
const { SRTP_PROFILES, VERSIONS } = require("../../core/protocol");
const validate = require("../../core/validate");
const { ConnectionEvents } = require("./connection_events");
const { Dtls } = require("./dtls");
const { STATE_NAMES } = require("./handshake");
const { Transfer } = require("./transfer");

/** @typedef {import("../../../types/native").Connection} NativeConnection */
/** @typedef {import("../../../types/native").Address} Address */
/** @typedef {import("../../core/session").Session} Session */

// 255 digests (RFC 5869 §2.3).
const MAX_EXPORT = 8160;

/**
 * Connection is the Dtls object of one association with a peer.
 */
class Connection extends Dtls {
  #handle;
  #info;
  #events;
  #transfer;

  /**
   * @param {import("./handle").Handle<NativeConnection>} handle
   * @param {object} how
   * @param {boolean} how.mayRenegotiate whether a later handshake may change the answers of the getters
   * @param {(identity: string | Buffer) => unknown} [how.ask] finds a pre-shared key
   */
  constructor(handle, { mayRenegotiate, ask }) {
    super(handle);
    this.#handle = handle;
    this.#info = new ConnectionInfo(handle, mayRenegotiate);
    this.#events = new ConnectionEvents(this, handle, ask);
    this.#transfer = new Transfer(handle, this.#info);
    handle.onrelease = () => this.#info.keep();
  }

  /** inspect.custom is for console.log(). */
  [inspect.custom](
    /** @type {number} */ _depth,
    /** @type {import("node:util").InspectOptionsStylized} */ options,
    /** @type {typeof inspect} */ show,
  ) {
    const state = this.#handle.peek((connection) => connection.state);
    const shown = {
      state: state === undefined ? "closed" : STATE_NAMES[state],
      peer: toText(this.peerName()),
      protocol: this.protocol,
    };
    return `Connection ${(show ?? inspect)(shown, options)}`;
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
   * session is the newest ticket that the server has given, for the option
   * `session` of a later client; undefined if there is none. With DTLS 1.3 it
   * comes a little after the handshake. close() wipes one that was not read.
   *
   * @returns {Session | undefined}
   */
  get session() {
    return this.#events.session;
  }

  /**
   * onsession, when assigned, is called with every ticket that comes, and with
   * this object; at once if one has come that was not asked for yet.
   *
   * @returns {((session: Session, dtls: Connection) => void) | undefined}
   */
  get onsession() {
    return this.#events.onsession;
  }

  set onsession(callback) {
    this.#events.onsession = callback;
  }

  /**
   * onestablished, when assigned, is called once with this object when its
   * handshake has finished, also where that was before. If it fails, it is never
   * called: `onreadable`, a call that waits, or the server's `onhandshakefailed`
   * tell. It is called as timers are, also inside calls that block, and keeps
   * Node's loop no longer alive. An extension of the page.
   *
   * @returns {((dtls: Connection) => void) | undefined} undefined also after the call
   */
  get onestablished() {
    return this.#events.onestablished;
  }

  set onestablished(callback) {
    this.#events.onestablished = callback;
  }

  /**
   * exportKeyingMaterial() gives bytes that only both sides can have (RFC 5705,
   * RFC 8446 §7.5), as for SRTP.
   *
   * @param {number} length 1 to 8160
   * @param {string} label at most 249 bytes
   * @param {NodeJS.ArrayBufferView} [context] at most 65535 bytes
   * @returns {Buffer | undefined} undefined with errno EINVAL, EAGAIN (no handshake is finished),
   *   EPIPE (it has failed)
   * @throws {TypeError} when an argument has the wrong type
   */
  exportKeyingMaterial(length, label, context) {
    return this.#handle.use((connection) => {
      const size = validate.integer("length", length, 1, MAX_EXPORT);
      validate.string("label", label);
      const bytes =
        context === undefined ? undefined : validate.bytes("context", context);
      const out = Buffer.alloc(size);
      connection.exportKeyingMaterial(out, label, bytes);
      return out;
    }, undefined);
  }

  /**
   * updateKeys() protects messages that are sent from now on by new keys (RFC 8446 §4.6.3);
   * the module does so by itself before a key is worn out.
   *
   * @param {boolean} [askPeer] whether the peer is to do the same; default: false
   * @returns {boolean} false with errno EOPNOTSUPP (DTLS 1.2), EAGAIN (no handshake is finished),
   *   EALREADY (one is under way)
   * @throws {TypeError} when the argument has the wrong type
   */
  updateKeys(askPeer) {
    return this.#handle.use((connection) => {
      connection.updateKeys(validate.boolean("askPeer", askPeer, false));
      return true;
    }, false);
  }

  /**
   * onreadable, when assigned, is called with this object while data waits in
   * it (so read until recv() with timeout 0 gives 0), and a last time when the
   * association has ended. For programs driven by Node's loop, which it keeps
   * alive. An extension of the page.
   *
   * @returns {((dtls: Connection) => void) | undefined}
   */
  get onreadable() {
    return this.#events.onreadable;
  }

  set onreadable(callback) {
    this.#events.onreadable = callback;
  }

  /**
   * onwritable, when assigned, is called once with this object when send()
   * would not have to wait: its handshake has finished, no renegotiation runs
   * and the socket has room, or the association has ended. So assign it where
   * send() with the timeout 0 gave -EAGAIN. For programs driven by Node's loop,
   * which it keeps alive until then. An extension of the page.
   *
   * @returns {((dtls: Connection) => void) | undefined} undefined also after the call
   */
  get onwritable() {
    return this.#events.onwritable;
  }

  set onwritable(callback) {
    this.#events.onwritable = callback;
  }

  /**
   * send() sends one message as one record in one datagram, and waits for the
   * handshake first, within the timeout.
   *
   * `send(string[, timeout])` sends UTF-8;
   * `send(buffer[, offset[, length[, timeout]]])` sends a part of a buffer.
   * Timeouts are in milliseconds, default: for ever.
   *
   * @override
   * @param {string | NodeJS.ArrayBufferView} data
   * @param {...unknown} args
   * @returns {number} bytes sent; -errno on failure: EMSGSIZE above maxMessageSize
   *   (RFC 6347 §4.1.1), ETIMEDOUT or EAGAIN while the handshake is not finished
   * @throws {TypeError} when an argument has the wrong type, or the buffer becomes shorter meanwhile
   */
  send(data, ...args) {
    const text = typeof data === "string";
    const [offset, length, timeout] = text
      ? [undefined, undefined, args[0]]
      : args;
    return this.#handle.use(() => {
      const bytes = text
        ? Buffer.from(data)
        : validate.bytes("buffer", data, "a string or a Buffer");
      const range = validate.range(bytes, offset, length);
      const timeoutMs = validate.timeout("timeout", timeout);
      return this.#transfer.send(bytes, range, timeoutMs);
    });
  }

  /**
   * recv() takes the next message, or the part of it that fits: the next call
   * continues it, and pending() tells how much is left.
   *
   * @override
   * @param {NodeJS.ArrayBufferView} buffer
   * @param {number} [offset] default: 0
   * @param {number} [length] at most that many bytes; default: to the end of the buffer
   * @param {number} [timeout] milliseconds; default: for ever
   * @returns {number} bytes; 0 when the time has passed; -errno when the peer has
   *   closed, the handshake failed or the association is dead
   * @throws {TypeError} when an argument has the wrong type, or the buffer becomes shorter meanwhile
   */
  recv(buffer, offset, length, timeout) {
    return this.#handle.use(() => {
      const bytes = validate.bytes("buffer", buffer);
      const range = validate.range(bytes, offset, length);
      const timeoutMs = validate.timeout("timeout", timeout);
      if (range.length === 0) {
        throw validate.invalid("`buffer` has no room for a message");
      }
      return this.#transfer.receive(bytes, range, timeoutMs);
    });
  }

  /**
   * pending() reads the datagrams that wait in the socket, and returns how many bytes can be
   * received without waiting.
   *
   * @override
   * @returns {number} bytes, negative on error
   */
  pending() {
    return this.#handle.use((connection) => connection.pending());
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

  /**
   * renegotiate() begins a new handshake within the association (RFC 5746), as
   * `opt.renegotiate` must allow. Until it has ended, messages of the peer are still
   * received, and send() waits; with the timeout 0 it gives EAGAIN. An extension of the page.
   *
   * @returns {boolean} false with errno EOPNOTSUPP, EAGAIN (no handshake is finished), EALREADY
   */
  renegotiate() {
    return this.#handle.use((connection) => {
      connection.renegotiate();
      return true;
    }, false);
  }

  /**
   * flyAway() forgets the descriptor without closing it or telling the peer,
   * so that another task can take it up with Dtls.createByFd(), whatever part of
   * the handshake is done. That needs a server with a name; without one, the
   * association is lost. After it the object behaves as closed.
   *
   * @override
   */
  flyAway() {
    if (!this.#handle.release((connection) => connection.flyAway())) {
      this.#handle.fail(ERRNO.EBADF, "this Dtls object is closed", undefined);
    }
  }
}

module.exports = { Connection };
