"use strict";

const NodeEmitter = require("node:events");
const v8 = require("node:v8");
const { loop } = require("../../core/loop");
const { native } = require("../../core/native");
const { typeError } = require("../../core/validate");
const { attempt } = require("../errno");

/**
 * @typedef {object} Message
 * @property {unknown} message
 * @property {number} from the sender's task id
 */

/** The bits of native().mailboxState(). */
const STATE = Object.freeze({ MESSAGE: 1, CANCELLED: 2, ENDING: 4 });
const NO_TASK = 0;
// Timers are not kept waiting longer than by so many messages.
const MOST_AT_ONCE = 64;
const EVENT = "message";

/** @type {number | undefined} */
let own;
let parentId = NO_TASK;
/** How many receive() are under way: they take the messages before the listeners. */
let receiving = 0;
const listeners = new NodeEmitter();

/** @param {number} bit */
const is = (bit) => (native().mailboxState() & bit) !== 0;

const deliverable = () =>
  receiving === 0 && listeners.listenerCount(EVENT) > 0 && is(STATE.MESSAGE);

/**
 * The task's loop delivers messages, and ends the task when another task has cancelled it.
 *
 * @type {import("../../core/loop").Source}
 */
const source = {
  untilNext: () => (deliverable() ? 0 : Infinity),
  run(afterEach) {
    let count = 0;
    for (; count < MOST_AT_ONCE && deliverable(); count++) {
      const { message, from } = /** @type {Message} */ (take());
      listeners.emit(EVENT, message, { id: from });
      afterEach();
    }
    return count > 0;
  },
  woken(held) {
    if (is(STATE.ENDING) || (is(STATE.CANCELLED) && !held)) {
      process.exit();
    }
  },
};

/**
 * adopt() makes a mailbox this thread's.
 *
 * @param {number} id
 * @param {number} parent task id, 0 for the main task
 */
function adopt(id, parent) {
  own = id;
  parentId = parent;
  loop().addSource(source);
  native().adoptMailbox(id);
  // A thread that ends waits for those it has started, and they may be blocked.
  process.on("exit", () => native().endChildren());
}

/**
 * me() returns this task's id. The main task has none before it asks.
 *
 * @returns {number}
 */
function me() {
  if (own === undefined) {
    adopt(native().openMailbox(NO_TASK), NO_TASK);
  }
  return /** @type {number} */ (own);
}

/**
 * pack() makes bytes of a message.
 *
 * @param {string} name the argument's name
 * @param {unknown} value
 * @returns {Buffer}
 * @throws {TypeError} when `value` holds something that cannot leave its task
 */
function pack(name, value) {
  try {
    return v8.serialize(value);
  } catch (error) {
    const expected = `something that can be copied (${/** @type {Error} */ (error).message})`;
    throw typeError(name, expected, value);
  }
}

/**
 * send() puts a message into a task's mailbox, which holds 64 MiB.
 *
 * @param {number} to
 * @param {unknown} message
 * @returns {boolean} false with errno ESRCH, ENOBUFS or EMSGSIZE
 * @throws {TypeError} when the message cannot be copied
 */
function send(to, message) {
  if (message === undefined) {
    // recv() returns undefined when no message has come.
    throw typeError("msg", "a message", message);
  }
  const bytes = pack("msg", message);
  me();
  return attempt(() => {
    native().postMessage(to, bytes);
    return true;
  }, false);
}

/** @returns {Message | undefined} */
function take() {
  const taken = native().takeMessage();
  return taken && { message: v8.deserialize(taken.bytes), from: taken.from };
}

/**
 * receive() waits for a message.
 *
 * @param {number | undefined} timeoutMs undefined waits for ever
 * @returns {Message | undefined} undefined when the time has passed
 */
function receive(timeoutMs) {
  me();
  receiving++;
  try {
    return loop().waitUntil(take, timeoutMs);
  } finally {
    receiving--;
  }
}

/**
 * listen() registers a listener for messages. While there is one, Node's
 * loop stays alive.
 *
 * @param {(message: any, from: { id: number }) => void} listener
 */
function listen(listener) {
  me();
  listeners.on(EVENT, listener);
  native().listen(true);
}

/** @param {(message: any, from: { id: number }) => void} listener */
function unlisten(listener) {
  me();
  listeners.off(EVENT, listener);
  native().listen(listeners.listenerCount(EVENT) > 0);
}

/**
 * fd() returns a descriptor that is readable while a message waits.
 *
 * @returns {number}
 */
function fd() {
  me();
  return native().mailboxFd();
}

/**
 * cancelled() returns whether this task was asked to end.
 *
 * @returns {boolean}
 */
function cancelled() {
  me();
  return is(STATE.CANCELLED) || is(STATE.ENDING);
}

module.exports = {
  adopt,
  cancelled,
  fd,
  listen,
  me,
  pack,
  parent: () => parentId,
  receive,
  send,
  unlisten,
};
