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

/** Messages of one connection that are delivered before others get their turn. */
const MOST_MESSAGES = 1024;

/**
 * ConnectionEvents calls the callbacks that a program assigns to a connection. Readiness
 * (`onreadable`, `onwritable`) comes by watches, all else by notices, which are delivered inside
 * blocking calls too.
 */
class ConnectionEvents {
  #dtls;
  #handle;
  #inbox;
  #ask;
  /** @type {((message: Buffer, dtls: Connection) => void) | undefined} */
  #onmessage;
  #delivering = false;
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
   * @param {import("../../core/inbox").Inbox} inbox
   * @param {((identity: string | Buffer) => unknown) | undefined} ask finds a pre-shared key
   */
  constructor(dtls, handle, inbox, ask) {
    this.#dtls = dtls;
    this.#handle = handle;
    this.#inbox = inbox;
    this.#ask = ask;
    if (ask !== undefined) {
      this.#listen();
    }
  }

  get onmessage() {
    return this.#onmessage;
  }

  set onmessage(callback) {
    this.#onmessage = validate.handler("onmessage", callback);
    if (callback != null) {
      this.#listen();
      this.#deliverRest();
    }
    this.#watchReadable();
  }

  get onreadable() {
    return this.#onreadable;
  }

  set onreadable(callback) {
    this.#onreadable = validate.handler("onreadable", callback);
    this.#watchReadable();
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

  /** Both `onmessage` and `onreadable` are called by one watch. */
  #watchReadable() {
    this.#handle.unwatch(this.#readable);
    this.#readable = undefined;
    if (this.#onmessage !== undefined || this.#onreadable !== undefined) {
      this.#handle.use(() => {
        this.#readable = this.#handle.watch(INTEREST.READ, () =>
          this.#deliver(),
        );
      });
    }
  }

  #deliver() {
    this.#deliverMessages();
    if (!this.#handle.isOpen) {
      return true;
    }
    // Asked before the call: data that arrives during the call deserves another one.
    const ended = this.#ended();
    if (ended || this.#onmessage === undefined) {
      this.#onreadable?.(this.#dtls);
    }
    if (ended && this.#ended()) {
      // It would stay readable until close(), and the program has been told.
      this.#handle.unwatch(this.#readable);
    }
    return true;
  }

  /**
   * Calls `onmessage` with the messages that have been received. The callback may replace or remove
   * itself, wait, and close the connection.
   */
  #deliverMessages() {
    this.#delivering = true;
    try {
      for (let i = 0; i < MOST_MESSAGES && this.#onmessage; i++) {
        this.#handle.peek((connection) => this.#inbox.fetch(connection));
        const message = this.#inbox.take();
        if (message === undefined) {
          return;
        }
        this.#onmessage(message, this.#dtls);
      }
    } finally {
      this.#delivering = false;
      this.#deliverRest();
    }
  }

  /** Asks for a notice that delivers the messages that were fetched and not delivered. */
  #deliverRest() {
    if (this.#onmessage !== undefined && this.#inbox.firstSize > 0) {
      this.#handle.peek((connection) => connection.repeatNotice());
    }
  }

  #ended() {
    return this.#handle.peek(
      (connection) =>
        connection.state > STATE.ESTABLISHED &&
        this.#inbox.firstSize === 0 &&
        connection.pending() <= 0,
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
    if (this.#inbox.firstSize > 0 && !this.#delivering) {
      this.#deliverMessages();
    }
    const before = this.#session;
    if (this.#onsession !== undefined && this.session !== before) {
      this.#onsession(/** @type {Session} */ (this.#session), this.#dtls);
    }
  }
}

module.exports = { ConnectionEvents };
