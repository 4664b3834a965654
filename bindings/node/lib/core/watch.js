"use strict";

/** @typedef {import("./loop").Loop} Loop */

/**
 * One interest in readiness. While it is alive, Node's loop is kept alive too.
 */
class Watch {
  #loop;
  #open;

  /**
   * @param {Loop} loop
   * @param {() => number} open begins the native watch and returns its id
   * @param {() => boolean} deliver does what readiness asks for; false if there was nothing to do
   * @param {{ interest: number, fd?: number, owned?: boolean }} what
   */
  constructor(loop, open, deliver, what) {
    this.#loop = loop;
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

  /** Ends the interest; harmless when it has ended. */
  stop() {
    if (this.alive) {
      this.alive = false;
      this.#loop.forget(this);
      this.onstop?.();
    }
  }

  /** Begins anew after a time of suspension. */
  resume() {
    this.id = this.#open();
  }
}

module.exports = { Watch };
