"use strict";

const { loop } = require("./loop");
const { native } = require("./native");

/** @typedef {import("../../types/native").Connection} NativeConnection */
/** @typedef {import("../../types/native").Server} NativeServer */

/**
 * What a connection has to tell besides data (its handshake wants a key or has
 * finished, a ticket has come), and a server (a handshake has failed). That is
 * delivered in every wait, as timers are, because a program that blocks until a
 * handshake is finished must not wait for itself.
 *
 * @type {WeakMap<NativeConnection | NativeServer, () => void>}
 */
const listeners = new WeakMap();
let installed = false;

/**
 * notice() has `callback` called when the object, whose notify() was called, has
 * something to tell.
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
            // Their wake-up was for this call, which ends here.
            native().wake();
          }
        }
      }
    },
  });
}

module.exports = { notice };
