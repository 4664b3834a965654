"use strict";

const path = require("node:path");
const { Program } = require("./program");

const SCRIPT = path.join(__dirname, "relay.py");

/** Content types of records (RFC 6347 §4.1) and of handshake messages. */
const TYPE = Object.freeze({ ALERT: 21, HANDSHAKE: 22, DATA: 23 });
const HELLO_VERIFY_REQUEST = 3;

/**
 * A UDP relay in a process of its own, between one client and a server. It
 * tells every datagram that passes, and with which TTL it came.
 */
class Relay {
  #syncs = 0;

  /**
   * @param {import("node:test").TestContext} t
   * @param {{ addr: string, port: number }} server
   */
  constructor(t, { addr, port }) {
    this.host = addr;
    this.program = new Program(t, "python3", [SCRIPT, addr, String(port)]);
  }

  /**
   * Resolves with the address for clients.
   *
   * @returns {Promise<{ addr: string, port: number }>}
   */
  async address() {
    const [, port] = await this.program.sees(/^port (\d+)\n/);
    return { addr: this.host, port: Number(port) };
  }

  /**
   * Resolves once a datagram of an epoch has passed, which a renegotiation begins.
   *
   * @param {"<" | ">"} direction "<": from the server
   * @param {number} epoch
   */
  seesEpoch(direction, epoch) {
    const pattern = `^${direction} \\S+ \\S+ ${epoch} `;
    return this.program.sees(new RegExp(pattern, "m"));
  }

  /** @param {string} text "mute", "after N" or "noise" */
  async command(text) {
    this.program.write(`${text}\n`);
    await this.datagrams();
  }

  /**
   * Resolves with all datagrams that have been sent through it up to now: on
   * the loopback a datagram has arrived when its sender's call returns.
   *
   * @returns {Promise<{ fromClient: boolean, ttl: number, type: number, epoch: number,
   *   message: number, size: number }[]>}
   */
  async datagrams() {
    this.#syncs++;
    this.program.write("sync\n");
    await this.program.sees(new RegExp(`(synced\\n[^]*){${this.#syncs}}`));
    const lines = this.program.output.matchAll(
      /^([<>]) (-?\d+) (\d+) (\d+) (\S+) (\d+)$/gm,
    );
    return [...lines].map(([, direction, ...numbers]) => {
      const [ttl, type, epoch, message, size] = numbers.map(Number);
      return { fromClient: direction === ">", ttl, type, epoch, message, size };
    });
  }
}

module.exports = { HELLO_VERIFY_REQUEST, Relay, TYPE };
