"use strict";

const { inspect } = require("node:util");
const { toText } = require("../../core/address");
const { ERRNO, failure } = require("../../core/errors");
const { INTEREST } = require("../../core/handle");
const { loop } = require("../../core/loop");
const { notice } = require("../../core/notices");
const { SRTP_PROFILES, VERSIONS } = require("../../core/protocol");
const { answer } = require("../../core/psk");
const { Session } = require("../../core/session");
const validate = require("../../core/validate");
const { fail } = require("../errno");
const { Dtls } = require("./dtls");
const { STATE, STATE_NAMES, whyUnfinished } = require("./handshake");

/** @typedef {import("../../../types/native").Connection} NativeConnection */
/** @typedef {import("../../../types/native").Address} Address */

// 255 digests (RFC 5869 §2.3).
const MAX_EXPORT = 8160;

/**
 * Connection is the Dtls object of one association with a peer.
 */
class Connection extends Dtls {
  #handle;
  /** @type {Address | undefined} */
  #peer;
  #authorized = false;
  /** @type {string | undefined} */
  #authorizationError;
  /** @type {string | undefined} */
  #peerCertificate;
  /** @type {import("../../../types/native").Negotiated | undefined} */
  #negotiated;
  /** @type {((dtls: Connection) => void) | undefined} */
  #onreadable;
  /** @type {((dtls: Connection) => void) | undefined} */
  #onwritable;
  /** @type {import("../../core/watch").Watch | undefined} */
  #readable;
  /** @type {import("../../core/watch").Watch | undefined} */
  #writable;

  /** @type {Session | undefined} */
  #session;
  /** @type {((session: Session, dtls: Connection) => void) | undefined} */
  #onsession;
  /** @type {((dtls: Connection) => void) | undefined} */
  #onestablished;
  #wasEstablished = false;
  #ask;

  /**
   * @param {import("./handle").Handle<NativeConnection>} handle
   * @param {(identity: string | Buffer) => unknown} [ask] finds a pre-shared key
   */
  constructor(handle, ask) {
    super(handle);
    this.#handle = handle;
    this.#ask = ask;
    handle.onrelease = () => this.#remember();
    if (ask !== undefined) {
      this.#listen();
    }
  }

  /** What console.log() shows. */
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
    this.#remember();
    return this.#authorized;
  }

  /**
   * authorizationError says why the peer's certificate could not be verified,
   * undefined if it could. An extension of the page.
   *
   * @returns {string | undefined}
   */
  get authorizationError() {
    this.#remember();
    return this.#authorizationError;
  }

  /**
   * peerCertificate is the certificate that the peer presented, in PEM. An
   * extension of the page.
   *
   * @returns {string | undefined}
   */
  get peerCertificate() {
    this.#remember();
    return this.#peerCertificate;
  }

  /**
   * protocol is the version that is spoken: 'DTLSv1.2' or 'DTLSv1.3'. It and
   * what follows are undefined until the handshake is finished; they are
   * extensions of the page.
   *
   * @returns {string | undefined}
   */
  get protocol() {
    const agreed = this.#agreed();
    return agreed && VERSIONS[agreed.version];
  }

  /**
   * cipher is the cipher suite, as IANA names it.
   *
   * @returns {string | undefined}
   */
  get cipher() {
    return this.#agreed()?.cipher;
  }

  /**
   * group is that of the key agreement, as IANA names it; undefined where there
   * was none.
   *
   * @returns {string | undefined}
   */
  get group() {
    return this.#agreed()?.group;
  }

  /**
   * sessionReused tells whether an earlier session was resumed (RFC 5077,
   * RFC 8446 §2.2).
   *
   * @returns {boolean | undefined}
   */
  get sessionReused() {
    return this.#agreed()?.resumed;
  }

  /**
   * maxMessageSize is the most that send() takes: 16384 bytes, or what the peer
   * has limited its records to (RFC 8449).
   *
   * @returns {number | undefined}
   */
  get maxMessageSize() {
    return this.#agreed()?.maxMessage;
  }

  /**
   * alpnProtocol is the application protocol (RFC 7301), undefined if none.
   *
   * @returns {string | undefined}
   */
  get alpnProtocol() {
    return this.#agreed()?.alpn;
  }

  /**
   * srtpProfile is the SRTP profile (RFC 5764), undefined if none.
   *
   * @returns {string | undefined}
   */
  get srtpProfile() {
    const number = this.#agreed()?.srtp;
    return Object.entries(SRTP_PROFILES).find(([, n]) => n === number)?.[0];
  }

  /**
   * pskIdentity is the identity of the pre-shared key that took the place of
   * certificates, undefined if none did; a Buffer where it is not UTF-8.
   *
   * @returns {string | Buffer | undefined}
   */
  get pskIdentity() {
    return this.#agreed()?.pskIdentity;
  }

  /**
   * session is the newest ticket that the server has given, for the option
   * `session` of a later client; undefined if there is none. With DTLS 1.3 it
   * comes a little after the handshake. close() wipes one that was not read.
   *
   * @returns {Session | undefined}
   */
  get session() {
    this.#handle.peek((connection) => {
      const ticket = connection.takeTicket();
      if (ticket !== undefined) {
        this.#session = new Session(ticket);
      }
    });
    return this.#session;
  }

  /**
   * onsession, when assigned, is called with every ticket that comes, and with
   * this object; at once if one has come that was not asked for yet.
   *
   * @returns {((session: Session, dtls: Connection) => void) | undefined}
   */
  get onsession() {
    return this.#onsession;
  }

  set onsession(callback) {
    this.#onsession = validate.handler("onsession", callback);
    this.#listen();
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
    return this.#onestablished;
  }

  set onestablished(callback) {
    this.#onestablished = validate.handler("onestablished", callback);
    if (callback != null) {
      this.#listen();
    }
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
   * updateKeys() protects what is sent from now on by new keys (RFC 8446 §4.6.3);
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
    return this.#onreadable;
  }

  set onreadable(callback) {
    this.#onreadable = validate.handler("onreadable", callback);
    this.#handle.unwatch(this.#readable);
    this.#readable = undefined;
    if (callback != null) {
      this.#handle.use(() => {
        this.#readable = this.#handle.watch(INTEREST.READ, () =>
          this.#deliver(),
        );
      });
    }
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
    return this.#onwritable;
  }

  set onwritable(callback) {
    this.#onwritable = validate.handler("onwritable", callback);
    this.#handle.unwatch(this.#writable);
    this.#writable = undefined;
    if (callback != null) {
      this.#handle.use(() => {
        this.#writable = this.#handle.watchBy(
          (connection) => connection.watchWritable(),
          INTEREST.WRITE,
          () => {
            const once = this.#onwritable;
            this.onwritable = undefined;
            once?.(this);
            return true;
          },
        );
      });
    }
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
      const sent = this.#transfer(timeoutMs, (connection) => {
        validate.unshortened("buffer", bytes, range);
        return connection.send(bytes, range.offset, range.length);
      });
      return sent ?? this.#unfinished(timeoutMs);
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
      const received = this.#transfer(timeoutMs, (connection) => {
        validate.unshortened("buffer", bytes, range);
        return connection.recv(bytes, range.offset, range.length);
      });
      return received ?? 0;
    });
  }

  /**
   * pending() returns how many bytes can be read without waiting, after taking
   * in what has arrived in the socket.
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
    if (this.#peer === undefined) {
      this.#remember();
    }
    return this.#peer && { ...this.#peer };
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

  /**
   * @param {number | undefined} timeoutMs
   * @param {(connection: NativeConnection) => number} action returns bytes or -errno
   * @returns {number | undefined} undefined when the time has passed
   */
  #transfer(timeoutMs, action) {
    const result = loop().waitUntil(() => {
      const done = this.#handle.use(action);
      return done === -ERRNO.EAGAIN ? undefined : done;
    }, timeoutMs);
    if (result !== undefined && result < 0) {
      this.#report(-result);
    }
    return result;
  }

  /** @param {number} errno */
  #report(errno) {
    // The number is what the call returned; the sentence is the association's.
    const reason = this.#handle.peek((connection) =>
      connection.state === STATE.FAILED ? connection.failure() : undefined,
    );
    const error = failure(
      errno,
      reason?.message ?? explain(errno, this.maxMessageSize ?? 16384),
    );
    Object.assign(error, reason && { alert: reason.alert });
    fail(Object.assign(error, { peer: this.peerName() }), undefined);
  }

  /** @param {number | undefined} timeoutMs */
  #unfinished(timeoutMs) {
    return timeoutMs === 0
      ? this.#handle.fail(ERRNO.EAGAIN, "the handshake is not finished")
      : this.#handle.fail(
          ERRNO.ETIMEDOUT,
          `the handshake was not finished within ${timeoutMs} ms` +
            whyUnfinished(this.peerName()),
        );
  }

  #deliver() {
    // Asked before the call: what arrives during it deserves another one.
    const ended = this.#ended();
    this.#onreadable?.(this);
    if (ended && this.#ended()) {
      // It would stay readable until close(), and the program has been told.
      this.#handle.unwatch(this.#readable);
    }
    return true;
  }

  #ended() {
    return this.#handle.peek(
      (connection) =>
        connection.state > STATE.ESTABLISHED && connection.pending() <= 0,
    );
  }

  /** Has this object told when a key is wanted or a ticket has come. */
  #listen() {
    this.#handle.peek((connection) => {
      connection.notify();
      notice(connection, () => this.#tell(connection));
    });
  }

  /**
   * Calls one callback at most: another notice tells the rest, also if this one throws.
   *
   * @param {NativeConnection} connection
   */
  #tell(connection) {
    if (this.#ask !== undefined && this.#handle.isOpen) {
      answer(connection, this.#ask);
    }
    if (!this.#handle.isOpen) {
      return;
    }
    if (connection.takeEstablished()) {
      this.#wasEstablished = true;
    }
    const callback = this.#onestablished;
    if (this.#wasEstablished && callback !== undefined) {
      this.#onestablished = undefined;
      connection.repeatNotice();
      callback(this);
      return;
    }
    const before = this.#session;
    if (this.#onsession !== undefined && this.session !== before) {
      this.#onsession(/** @type {Session} */ (this.#session), this);
    }
  }

  #agreed() {
    this.#remember();
    return this.#negotiated;
  }

  /** Copies what must still be told after the endpoint is gone. */
  #remember() {
    this.#handle.peek((connection) => {
      this.#peer = connection.peerName();
      this.#authorized = connection.authorized;
      this.#authorizationError = connection.authorizationError;
      this.#peerCertificate = connection.peerCertificate;
      this.#negotiated = connection.negotiated();
    });
  }
}

/**
 * @param {number} errno
 * @param {number} most bytes of a message
 */
function explain(errno, most) {
  switch (errno) {
    case ERRNO.EMSGSIZE:
      return `a message must fit into one record: at most ${most} bytes`;
    case ERRNO.ESHUTDOWN:
      return "the peer has closed the association";
    default:
      return "the association has ended";
  }
}

module.exports = { Connection };
