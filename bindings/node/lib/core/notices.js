"use strict";

const { loop } = require("./loop");
const { native } = require("./native");

/** @typedef {import("../../types/native").Connection} NativeConnection */
/** @typedef {import("../../types/native").Server} NativeServer */

/**
 * A connection gives notice when its handshake wants a key or has finished or a ticket has come, a
 * server when a handshake has failed. Notices are delivered in every wait, as timers are: a program that
 * blocks until a handshake is finished must not block the callback that the handshake waits for.
 *
 * @type {WeakMap<NativeConnection | NativeServer, () => void>}
 */
const listeners = new WeakMap();
let installed = false;

/**
 * notice() registers `callback` for the notices of an object whose notify() was called.
 *
 * @param {NativeConnection | NativeServer} object
 * @param {() => void} callback
 */
function notice(object, callback) {
  listeners.set(object, callback);
  if (installed) {
    return;
  }
  installed = true;
  loop().addSource({
    untilNext: () => (native().hasNotices() ? 0 : Infinity),
    run(afterEach) {
      let called = false;
      for (;;) {
        // One at a time: the others still wait if a callback throws.
        const next = native().takeNotice();
        if (next === undefined) {
          return called;
        }
        called = true;
        let returned = false;
        try {
          listeners.get(next)?.();
          afterEach();
          returned = true;
        } finally {
          if (!returned && native().hasNotices()) {
            // The others' wake-up ended the wait that this exception leaves.
            native().wake();
          }
        }
      }
    },
  });
}

module.exports = { notice };
