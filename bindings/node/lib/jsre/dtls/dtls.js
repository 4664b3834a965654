"use strict";

const { inspect } = require("node:util");
const { ERRNO } = require("../../core/errors");
const validate = require("../../core/validate");
const { Handle } = require("./handle");

/** @typedef {import("../../../types/native").Address} Address */
/** @typedef {import("../../../types/native").Endpoint} Endpoint */

const RECV = 0;
const SEND = 1;
const BUFFER_SIZE = Object.freeze({ min: 1024, max: 16 * 1024 * 1024 });
const MAX_TTL = 255;

const NOT_A_SERVER =
  "this Dtls object is a connection, and only a server can do this";
const NOT_A_CONNECTION =
  "this Dtls object is a server, and only a connection can do this";

// Structured cloning refuses symbols and names them; all else may read and copy one.
const NOT_CLONEABLE = Symbol(
  "a Dtls object cannot be copied or sent to another thread: it belongs to the one that made it. " +
    "Hand over its descriptor: sockFd, flyAway(), Dtls.createByFd()",
);

/**
 * Dtls has the members that servers and connections have in common. A method of the other
 * kind fails with errno as it would in the kernel, and after close() every one
 * fails with EBADF. An object belongs to the thread that made it.
 */
class Dtls {
  /** @type {Handle<Endpoint>} */
  #handle;

  /** @param {Handle<any>} handle */
  constructor(handle) {
    if (!(handle instanceof Handle)) {
      throw new TypeError(
        "a Dtls object is made by Dtls.createServer(), Dtls.createClient() or Dtls.createByFd()",
      );
    }
    this.#handle = handle;
    // An object that was copied to another thread would be an empty one. Structured cloning reads
    // the enumerable properties, on every version of Node.
    Object.defineProperty(this, "notCloneable", {
      enumerable: true,
      value: NOT_CLONEABLE,
    });
  }

  /** toJSON() is for JSON.stringify(). */
  toJSON() {
    return inspect(this);
  }

  /**
   * sockFd is the UDP descriptor, for iosched and for handing over to another
   * task; -1 after close().
   *
   * @returns {number}
   */
  get sockFd() {
    return this.#handle.fd;
  }

  /**
   * accept() belongs to servers; a connection's fails with EINVAL.
   *
   * @param {any} [_remoteAddr]
   * @param {any} [_timeout]
   * @returns {Dtls | undefined}
   */
  accept(_remoteAddr, _timeout) {
    return this.#handle.fail(ERRNO.EINVAL, NOT_A_SERVER, undefined);
  }

  /**
   * addcert() belongs to servers; a connection's fails with EINVAL.
   *
   * @param {any} _opt
   * @returns {boolean}
   */
  addcert(_opt) {
    return this.#handle.fail(ERRNO.EINVAL, NOT_A_SERVER, false);
  }

  /**
   * send() belongs to connections; a server's fails with ENOTCONN.
   *
   * @param {any} _data
   * @param {...any} _args
   * @returns {number}
   */
  send(_data, ..._args) {
    return this.#handle.fail(ERRNO.ENOTCONN, NOT_A_CONNECTION);
  }

  /**
   * recv() belongs to connections; a server's fails with ENOTCONN.
   *
   * @param {any} _buffer
   * @param {...any} _args
   * @returns {number}
   */
  recv(_buffer, ..._args) {
    return this.#handle.fail(ERRNO.ENOTCONN, NOT_A_CONNECTION);
  }

  /**
   * pending() belongs to connections; a server's fails with ENOTCONN.
   *
   * @returns {number}
   */
  pending() {
    return this.#handle.fail(ERRNO.ENOTCONN, NOT_A_CONNECTION);
  }

  /** flyAway() belongs to connections; a server's fails with EINVAL. */
  flyAway() {
    this.#handle.fail(ERRNO.EINVAL, NOT_A_CONNECTION);
  }

  /**
   * peerName() belongs to connections; a server's fails with ENOTCONN.
   *
   * @returns {Address | undefined}
   */
  peerName() {
    return this.#handle.fail(ERRNO.ENOTCONN, NOT_A_CONNECTION, undefined);
  }

  /**
   * error() reads and clears the socket's SO_ERROR, which is separate from
   * sys.errno().
   *
   * @returns {number} Linux errno, 0 if there is none
   */
  error() {
    return this.#handle.use((endpoint) => endpoint.socketError(), ERRNO.EBADF);
  }

  /**
   * close() sends unsent datagrams and a close_notify alert (RFC 5246 §7.2.1), then
   * releases the descriptor. Closing twice is harmless.
   */
  close() {
    this.#handle.release((endpoint) => endpoint.close());
  }

  /**
   * sockName() returns the local address, also after close().
   *
   * @returns {Address | undefined}
   */
  sockName() {
    return this.#handle.name;
  }

  /**
   * bindToDevice() lets datagrams pass only through one network interface.
   *
   * @param {string} [ifname] default: all interfaces
   * @returns {boolean}
   * @throws {TypeError} when `ifname` is no string
   */
  bindToDevice(ifname) {
    return this.#set((endpoint) =>
      endpoint.bindToDevice(validate.optionalString("ifname", ifname) ?? ""),
    );
  }

  /**
   * setTTL() sets the time to live of outgoing packets (hop limit with IPv6).
   *
   * @param {number} timeToLive 0 to 255; else EINVAL
   * @returns {boolean}
   * @throws {TypeError} when `timeToLive` is no number
   */
  setTTL(timeToLive) {
    return this.#set((endpoint) =>
      endpoint.setTTL(validate.integer("timeToLive", timeToLive, 0, MAX_TTL)),
    );
  }

  /**
   * setIPv6Only() restricts the socket to IPv6 (IPV6_V6ONLY, RFC 3493 §5.3).
   *
   * @param {boolean} enable
   * @returns {boolean}
   * @throws {TypeError} when `enable` is no boolean
   */
  setIPv6Only(enable) {
    return this.#set((endpoint) =>
      endpoint.setIPv6Only(validate.boolean("enable", enable)),
    );
  }

  /**
   * getRecvBufferSize() returns the size of the socket's receive buffer.
   *
   * @returns {number} bytes, negative on error
   */
  getRecvBufferSize() {
    return this.#handle.use((endpoint) => endpoint.bufferSize(RECV));
  }

  /**
   * getSendBufferSize() returns the size of the socket's send buffer.
   *
   * @returns {number} bytes, negative on error
   */
  getSendBufferSize() {
    return this.#handle.use((endpoint) => endpoint.bufferSize(SEND));
  }

  /**
   * setRecvBufferSize() sets the size of the socket's receive buffer, as
   * getRecvBufferSize() returns it.
   *
   * @param {number} size bytes, 1024 to 16 MiB; else EINVAL
   * @returns {boolean}
   * @throws {TypeError} when `size` is no number
   */
  setRecvBufferSize(size) {
    return this.#setBufferSize(RECV, size);
  }

  /**
   * setSendBufferSize() sets the size of the socket's send buffer, as
   * getSendBufferSize() returns it.
   *
   * @param {number} size bytes, 1024 to 16 MiB; else EINVAL
   * @returns {boolean}
   * @throws {TypeError} when `size` is no number
   */
  setSendBufferSize(size) {
    return this.#setBufferSize(SEND, size);
  }

  /**
   * @param {number} which
   * @param {number} size
   */
  #setBufferSize(which, size) {
    const { min, max } = BUFFER_SIZE;
    return this.#set((endpoint) =>
      endpoint.setBufferSize(which, validate.integer("size", size, min, max)),
    );
  }

  /** @param {(endpoint: Endpoint) => void} action */
  #set(action) {
    return this.#handle.use((endpoint) => {
      action(endpoint);
      return true;
    }, false);
  }
}

module.exports = { Dtls };
