"use strict";

const { INTEREST } = require("../../core/handle");
const { notice } = require("../../core/notices");
const { answer } = require("../../core/psk");
const { Session } = require("../../core/session");
const validate = require("../../core/validate");
const { STATE } = require("./handshake");

/** @typedef {import("../../../types/native").Connection} NativeConnection */
/** @typedef {import("../../core/watch").Watch} Watch */
/** @typedef {import("./connection").Connection} Connection */

/**
 * ConnectionEvents calls the callbacks that a program assigns to a connection. Readiness
 * (`onreadable`, `onwritable`) comes by watches, all else by notices, which are delivered inside
 * blocking calls too.
 */
class ConnectionEvents {
  #dtls;
  #handle;
  #ask;
  /** @type {((dtls: Connection) => void) | undefined} */
  #onreadable;
  /** @type {((dtls: Connection) => void) | undefined} */
  #onwritable;
  /** @type {Watch | undefined} */
  #readable;
  /** @type {Watch | undefined} */
  #writable;
  /** @type {Session | undefined} */
  #session;
  /** @type {((session: Session, dtls: Connection) => void) | undefined} */
  #onsession;
  /** @type {((dtls: Connection) => void) | undefined} */
  #onestablished;
  #wasEstablished = false;

  /**
   * @param {Connection} dtls
   * @param {import("./handle").Handle<NativeConnection>} handle
   * @param {((identity: string | Buffer) => unknown) | undefined} ask finds a pre-shared key
   */
  constructor(dtls, handle, ask) {
    this.#dtls = dtls;
    this.#handle = handle;
    this.#ask = ask;
    if (ask !== undefined) {
      this.#listen();
    }
  }

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
            once?.(this.#dtls);
            return true;
          },
        );
      });
    }
  }

  /** The newest ticket that the server has given. */
  get session() {
    this.#handle.peek((connection) => {
      const ticket = connection.takeTicket();
      if (ticket !== undefined) {
        this.#session = new Session(ticket);
      }
    });
    return this.#session;
  }

  get onsession() {
    return this.#onsession;
  }

  set onsession(callback) {
    this.#onsession = validate.handler("onsession", callback);
    this.#listen();
  }

  get onestablished() {
    return this.#onestablished;
  }

  set onestablished(callback) {
    this.#onestablished = validate.handler("onestablished", callback);
    if (callback != null) {
      this.#listen();
    }
  }

  #deliver() {
    // Asked before the call: data that arrives during the call deserves another one.
    const ended = this.#ended();
    this.#onreadable?.(this.#dtls);
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

  /** Asks the addon for notices of this connection. */
  #listen() {
    this.#handle.peek((connection) => {
      connection.notify();
      notice(connection, () => this.#tell(connection));
    });
  }

  /**
   * Calls one callback at most; another notice brings the next one, also if this one throws.
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
      callback(this.#dtls);
      return;
    }
    const before = this.#session;
    if (this.#onsession !== undefined && this.session !== before) {
      this.#onsession(/** @type {Session} */ (this.#session), this.#dtls);
    }
  }
}

module.exports = { ConnectionEvents };
