"use strict";

/**
 * drainTicks() runs the ticks and promise jobs of this thread. Normally they run
 * when Node's loop gets control back, which it never does while a task waits
 * here. In a program that is an ES module the top level is itself a promise
 * job, and the jobs stay where they are.
 */
function drainTicks() {
  /** @type {any} */ (process)._tickCallback();
}

module.exports = { drainTicks };
