"use strict";

const { ERRNO, failure } = require("../../core/errors");
const { loop } = require("../../core/loop");
const validate = require("../../core/validate");
const { fail, lastError } = require("../errno");
const { STATE, whyUnfinished } = require("./handshake");

/** @typedef {import("../../../types/native").Connection} NativeConnection */
/** @typedef {{ offset: number, length: number }} Range */

const MOST_IN_RECORD = 16384;

/**
 * Transfer sends and receives the messages of one connection, and waits where that cannot be done
 * at once.
 */
class Transfer {
  #handle;
  #info;
  #inbox;
  /** The delivery of the loop in which receive() has found nothing. */
  #emptyIn = 0;

  /**
   * @param {import("./handle").Handle<NativeConnection>} handle
   * @param {import("../../core/connection_info").ConnectionInfo} info
   * @param {import("../../core/inbox").Inbox} inbox
   */
  constructor(handle, info, inbox) {
    this.#handle = handle;
    this.#info = info;
    this.#inbox = inbox;
  }

  /**
   * send() sends a part of a buffer as one message.
   *
   * @param {Uint8Array} bytes
   * @param {Range} range
   * @param {number | undefined} timeoutMs
   * @returns {number} bytes, or -errno
   */
  send(bytes, range, timeoutMs) {
    const sent = this.#transfer(timeoutMs, (connection) => {
      validate.unshortened("buffer", bytes, range);
      return connection.send(bytes, range.offset, range.length);
    });
    return sent ?? this.#unfinished(timeoutMs);
  }

  /**
   * sendMany() sends messages in their order, until one cannot be sent.
   *
   * @param {Uint8Array[]} messages
   * @param {number | undefined} timeoutMs
   * @returns {number} how many were sent; -errno if the first one was not
   */
  sendMany(messages, timeoutMs) {
    const ranges = messages.map(({ length }) => ({ offset: 0, length }));
    let sent = 0;
    const errno = loop().waitUntil(() => {
      for (let i = sent; i < messages.length; i++) {
        validate.unshortened(`list[${i}]`, messages[i], ranges[i]);
      }
      while (sent < messages.length) {
        const more = this.#handle.use((connection) =>
          connection.sendMany(messages, sent),
        );
        if (more <= 0) {
          return more === 0 || more === -ERRNO.EAGAIN ? undefined : -more;
        }
        sent += more;
      }
      return 0;
    }, timeoutMs);
    if (errno === 0) {
      return sent;
    }
    const failed = errno === undefined ? this.#unfinished(timeoutMs) : -errno;
    if (errno !== undefined) {
      this.#report(errno);
    }
    const error = /** @type {Error} */ (lastError());
    error.message = `message ${sent} of the list was not sent: ${error.message}`;
    Object.assign(error, { index: sent });
    return sent > 0 ? sent : failed;
  }

  /**
   * receive() takes the next message into a part of a buffer.
   *
   * @param {Uint8Array} bytes
   * @param {Range} range
   * @param {number | undefined} timeoutMs
   * @returns {number} bytes, 0 when the time has passed, or -errno
   */
  receive(bytes, range, timeoutMs) {
    /** @param {NativeConnection} connection */
    const take = (connection) => {
      validate.unshortened("buffer", bytes, range);
      if (this.#inbox.firstSize > 0) {
        return this.#inbox.copy(bytes, range);
      }
      return connection.recv(bytes, range.offset, range.length);
    };
    if (timeoutMs !== 0 || !this.#isFresh()) {
      return this.#transfer(timeoutMs, take) ?? 0;
    }
    const received = this.#attempt(take);
    if (received === undefined) {
      this.#emptyIn = loop().delivery;
    }
    return received ?? 0;
  }

  /**
   * Whether the loop is delivering the messages that it has just read from the sockets. The first
   * receive() that finds none in such a delivery needs no wait; another one waits, so that
   * a callback that calls recv() until something comes does not wait for itself.
   */
  #isFresh() {
    const { delivery } = loop();
    return delivery !== 0 && delivery !== this.#emptyIn;
  }

  /**
   * @param {number | undefined} timeoutMs
   * @param {(connection: NativeConnection) => number} action returns bytes or -errno
   * @returns {number | undefined} undefined when the time has passed
   */
  #transfer(timeoutMs, action) {
    return loop().waitUntil(() => this.#attempt(action), timeoutMs);
  }

  /**
   * @param {(connection: NativeConnection) => number} action returns bytes or -errno
   * @returns {number | undefined} undefined where it would have to wait
   */
  #attempt(action) {
    const result = this.#handle.use(action);
    if (result < 0 && result !== -ERRNO.EAGAIN) {
      this.#report(-result);
    }
    return result === -ERRNO.EAGAIN ? undefined : result;
  }

  /** @param {number} errno */
  #report(errno) {
    // The number is the one that the call returned; the sentence is the association's.
    const reason = this.#handle.peek((connection) =>
      connection.state === STATE.FAILED ? connection.failure() : undefined,
    );
    const most = this.#info.latest.maxMessage ?? MOST_IN_RECORD;
    const error = failure(errno, reason?.message ?? explain(errno, most));
    Object.assign(error, reason && { alert: reason.alert });
    fail(Object.assign(error, { peer: this.#info.peer }), undefined);
  }

  /** @param {number | undefined} timeoutMs */
  #unfinished(timeoutMs) {
    return timeoutMs === 0
      ? this.#handle.fail(ERRNO.EAGAIN, "the handshake is not finished")
      : this.#handle.fail(
          ERRNO.ETIMEDOUT,
          `the handshake was not finished within ${timeoutMs} ms` +
            whyUnfinished(this.#info.peer),
        );
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

module.exports = { Transfer };
