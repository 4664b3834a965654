"use strict";

/**
 * Watch is one interest in readiness. While it is alive, Node's loop is kept alive too.
 */
class Watch {
  #table;
  #open;

  /**
   * @param {{ forget(watch: Watch): void }} table
   * @param {() => number} open begins the native watch and returns its id
   * @param {() => boolean} deliver serves the readiness; returns false if there was nothing to do
   * @param {{ interest: number, fd?: number, owned?: boolean }} what
   */
  constructor(table, open, deliver, what) {
    this.#table = table;
    this.#open = open;
    this.deliver = deliver;
    this.interest = what.interest;
    this.fd = what.fd;
    this.owned = what.owned ?? false;
    this.alive = true;
    this.running = false;
    /** @type {(() => void) | undefined} */
    this.onstop = undefined;
    /** @type {number | undefined} */
    this.id = open();
  }

  /** stop() ends the interest; harmless when it has ended. */
  stop() {
    if (this.alive) {
      this.alive = false;
      this.#table.forget(this);
      this.onstop?.();
    }
  }

  /** resume() begins a suspended watch again. */
  resume() {
    this.id = this.#open();
  }
}

module.exports = { Watch };
