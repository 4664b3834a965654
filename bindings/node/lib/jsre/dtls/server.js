"use strict";

const { inspect, promisify } = require("node:util");
const address = require("../../core/address");
const { ERRNO } = require("../../core/errors");
const { INTEREST } = require("../../core/handle");
const { loop } = require("../../core/loop");
const { native } = require("../../core/native");
const { notice } = require("../../core/notices");
const options = require("../../core/options");
const { askServer } = require("../../core/psk");
const validate = require("../../core/validate");
const { fail } = require("../errno");
const { Connection } = require("./connection");
const { Dtls } = require("./dtls");
const { Handle } = require("./handle");
const { servers } = require("./own_servers");

/** @typedef {import("../../../types/native").Server} NativeServer */
/** @typedef {import("../../../types/native").Address} Address */
/** @typedef {import("../../../types/native").HandshakeFailure} HandshakeFailure */

const { toText } = address;
const MIN_PORT = 0;

/**
 * Server is the Dtls object that Dtls.createServer() returns.
 */
class Server extends Dtls {
  #handle;
  /** @type {Function | undefined} */
  #onConnection;
  #connections;
  /** @type {((failure: HandshakeFailure, server: Server) => void) | undefined} */
  #onhandshakefailed;

  /**
   * @param {Handle<NativeServer>} handle
   * @param {ConstructorParameters<typeof Connection>[1]} connections of those that it accepts
   */
  constructor(handle, connections) {
    super(handle);
    this.#handle = handle;
    this.#connections = connections;
  }

  /** inspect.custom is for console.log(). */
  [inspect.custom](
    /** @type {number} */ _depth,
    /** @type {import("node:util").InspectOptionsStylized} */ options,
    /** @type {typeof inspect} */ show,
  ) {
    const shown = {
      state: this.#handle.isOpen ? "listening" : "closed",
      address: toText(this.sockName()),
    };
    return `Server ${(show ?? inspect)(shown, options)}`;
  }

  /**
   * accept() takes the next peer whose address is proven by its cookie
   * (RFC 6347 §4.2.1). The handshake goes on in the background.
   *
   * With a timeout, or none, it blocks and fills `remoteAddr`. With a function
   * it registers that function for every peer from now on, in place of an
   * earlier one, and returns at once; iosched or Node's loop calls it.
   *
   * @override
   * @param {object | null} [remoteAddr] filled with {domain, addr, port}
   * @param {number | ((dtls: Connection, remoteAddr: Address) => void)} [timeout]
   *   milliseconds, default: for ever; or the callback
   * @returns {Connection | undefined} undefined with errno ETIMEDOUT when the time has passed
   * @throws {TypeError} when an argument has the wrong type
   */
  accept(remoteAddr, timeout) {
    if (typeof timeout === "function") {
      return this.#acceptWith(timeout);
    }
    const connection = this.#acceptWithin(remoteAddr, timeout);
    if (connection !== undefined && remoteAddr != null) {
      Object.assign(remoteAddr, connection.peerName());
    }
    return connection;
  }

  /**
   * addcert() adds the identity of one more host name, which may have a
   * wildcard (RFC 6125 §6.4.3) and is chosen by the client's SNI (RFC 6066 §3).
   * Handshakes that begin later see it.
   *
   * @override
   * @param {object} opt {name, cert, key, passwd, ca}
   * @returns {boolean}
   * @throws {TypeError} when an option has the wrong type
   */
  addcert(opt) {
    return this.#handle.use((server) => {
      server.addIdentity(options.identityOptions(opt));
      return true;
    }, false);
  }

  /**
   * onhandshakefailed, when assigned, is called for every connection of this
   * server whose handshake has failed, whether the program has looked at it or not:
   * with an error that has `peer`, `errno`, `code`, `message`, and, as far as they
   * are known, `alert`, `pskIdentity` and `subject` (of the certificate); of these two
   * nothing is proven. It is called as timers are, also inside calls that block, and
   * keeps Node's loop no longer alive. An extension of the page.
   *
   * @returns {((failure: HandshakeFailure, server: Server) => void) | undefined}
   */
  get onhandshakefailed() {
    return this.#onhandshakefailed;
  }

  set onhandshakefailed(callback) {
    this.#onhandshakefailed = validate.handler("onhandshakefailed", callback);
    this.#handle.peek((server) => {
      server.notify(callback != null);
      notice(server, () => this.#tellFailure(server));
    });
  }

  /** @param {NativeServer} server */
  #tellFailure(server) {
    // One failure for each notice: takeFailure() gives notice again while others wait.
    const failure = server.takeFailure();
    if (failure !== undefined) {
      this.#onhandshakefailed?.(failure, this);
    }
  }

  /**
   * @param {unknown} remoteAddr
   * @param {number | undefined} timeout
   */
  #acceptWithin(remoteAddr, timeout) {
    // By the handle each time: a timer's callback may close the server meanwhile.
    const next = () => this.#handle.use((server) => server.accept(), null);
    const accepted = this.#handle.use(() => {
      if (remoteAddr != null) {
        validate.object("remoteAddr", remoteAddr);
      }
      return loop().waitUntil(next, validate.timeout("timeout", timeout));
    }, null);
    if (accepted === undefined) {
      const message = `no peer connected within ${timeout} ms`;
      return this.#handle.fail(ERRNO.ETIMEDOUT, message, undefined);
    }
    return accepted === null
      ? undefined
      : new Connection(new Handle(accepted), this.#connections);
  }

  /**
   * @param {Function} callback
   * @returns {undefined}
   */
  #acceptWith(callback) {
    this.#handle.use(() => {
      if (this.#onConnection === undefined) {
        const deliver = () => this.#deliver();
        this.#handle.watch(INTEREST.READ, deliver, this.#handle.fd);
        servers.add(this.#handle);
        this.#handle.onrelease = () => servers.delete(this.#handle);
      }
      this.#onConnection = callback;
    }, undefined);
    return undefined;
  }

  /** One peer at a time: the others still wait if the callback throws. */
  #deliver() {
    const accepted = this.#handle.use((server) => server.accept(), undefined);
    if (accepted === undefined) {
      return false;
    }
    const connection = new Connection(new Handle(accepted), this.#connections);
    this.#onConnection?.(connection, connection.peerName());
    return true;
  }
}

// Its callback is for every peer, and no peer is an error: util.promisify() would make one of the first.
Object.defineProperty(Server.prototype.accept, promisify.custom, {
  value: () => {
    throw new TypeError(
      "accept() calls back for every peer, so there is no promise of it; give it a function, or wait in accept(remoteAddr, timeout)",
    );
  },
});

/**
 * createServer() makes a server and binds it to an address. A private key
 * inside the PEM of `cert` counts as `key`. With `ca`, clients must present a
 * certificate that it vouches for.
 *
 * @param {object} opt {name, ca, cert, key, passwd, ipcert, renegotiate, handshakeTimeout (ms)};
 *   extensions: docs/api.md
 * @param {object} sockaddr local address {domain, addr, port}; port 0: chosen by the system
 * @returns {Server | undefined} undefined with errno set when that is not possible
 * @throws {TypeError} when an argument has the wrong type
 */
function createServer(opt, sockaddr) {
  try {
    const checked = options.serverOptions(opt);
    const callback = /** @type {Function | undefined} */ (
      validate.own(checked, "pskCallback")
    );
    const ask = callback && askServer(callback);
    const local = address.parse(sockaddr, MIN_PORT);
    loop();
    const handle = new Handle(new (native().Server)(checked, local));
    return new Server(handle, { mayRenegotiate: checked.renegotiate, ask });
  } catch (error) {
    return fail(error, undefined);
  }
}

module.exports = { Server, createServer };
