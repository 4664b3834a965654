"use strict";

const { inspect } = require("node:util");
const { toText } = require("../../core/address");
const { ConnectionInfo } = require("../../core/connection_info");
const { ERRNO } = require("../../core/errors");
const { Inbox } = require("../../core/inbox");
const validate = require("../../core/validate");
const { ConnectionEvents } = require("./connection_events");
const { STATE_NAMES } = require("./handshake");
const { Negotiated } = require("./negotiated");
const { Transfer } = require("./transfer");

/** @typedef {import("../../../types/native").Connection} NativeConnection */
/** @typedef {import("../../core/session").Session} Session */

// 255 digests (RFC 5869 §2.3).
const MAX_EXPORT = 8160;

/**
 * Connection is the Dtls object of one association with a peer.
 */
class Connection extends Negotiated {
  #handle;
  #inbox = new Inbox();
  #events;
  #transfer;

  /**
   * @param {import("./handle").Handle<NativeConnection>} handle
   * @param {object} how
   * @param {boolean} how.mayRenegotiate whether a later handshake may change the answers of the getters
   * @param {(identity: string | Buffer) => unknown} [how.ask] finds a pre-shared key
   */
  constructor(handle, { mayRenegotiate, ask }) {
    const info = new ConnectionInfo(handle, mayRenegotiate);
    super(handle, info);
    this.#handle = handle;
    this.#events = new ConnectionEvents(this, handle, this.#inbox, ask);
    this.#transfer = new Transfer(handle, info, this.#inbox);
    handle.onrelease = () => info.keep();
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
   * onmessage, when assigned, is called with each message and with this object: all that the loop
   * has received in one turn, in their order. The message is a Buffer of the program's own. recv()
   * takes messages that have not been delivered. The end of the association is told by
   * `onreadable` and recv(). For programs driven by Node's loop, which it keeps alive. An
   * extension of the page.
   *
   * @returns {((message: Buffer, dtls: Connection) => void) | undefined}
   */
  get onmessage() {
    return this.#events.onmessage;
  }

  set onmessage(callback) {
    this.#events.onmessage = callback;
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
   * sendMany() sends the messages of a list in their order, each as send() does. It stops at the
   * first one that cannot be sent: then lastError() has its place in `index`. An extension of the page.
   *
   * @param {(string | NodeJS.ArrayBufferView)[]} list
   * @param {number} [timeout] milliseconds; default: for ever
   * @returns {number} messages sent; -errno, as send() gives it, if the first one was not
   * @throws {TypeError} when an argument has the wrong type; then nothing is sent
   */
  sendMany(list, timeout) {
    return this.#handle.use(() => {
      const messages = validate
        .array("list", list)
        .map((each, i) =>
          typeof each === "string"
            ? Buffer.from(each)
            : validate.bytes(`list[${i}]`, each, "a string or a Buffer"),
        );
      const timeoutMs = validate.timeout("timeout", timeout);
      return this.#transfer.sendMany(messages, timeoutMs);
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
   * close() also drops the messages that were not delivered.
   *
   * @override
   */
  close() {
    super.close();
    this.#inbox.clear();
  }

  /**
   * abort() is close() without a word to the peer: nothing is sent, neither close_notify nor
   * datagrams that wait for room. Closing twice is harmless. An extension of the page.
   */
  abort() {
    this.#handle.release((connection) => connection.abort());
    this.#inbox.clear();
  }

  /**
   * pending() reads the datagrams that wait in the socket, and returns how many bytes can be
   * received without waiting.
   *
   * @override
   * @returns {number} bytes, negative on error
   */
  pending() {
    return this.#handle.use(
      (connection) => this.#inbox.firstSize || connection.pending(),
    );
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
