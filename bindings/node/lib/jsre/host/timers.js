"use strict";

const nodeTimers = require("node:timers");
const util = require("node:util");
const { loop } = require("../../core/loop");
const validate = require("../../core/validate");
const { Immediate, Timeout } = require("./timeout");
const { TimerQueue } = require("./timer_queue");

const MAX_DELAY_MS = 2 ** 31 - 1;

const queue = new TimerQueue(() => loop().drain(), {
  attended: () => loop().turningNode,
});
loop().addSource(queue);

/** @type {Map<number, Timeout>} timers that a program has turned into numbers */
const numbered = new Map();
let lastNumber = 0;

/** Node lets a timer stand for a number; programs keep those in maps and JSON. */
class NumberedTimeout extends Timeout {
  #number = 0;

  [Symbol.toPrimitive]() {
    this.#number ||= ++lastNumber;
    numbered.set(this.#number, this);
    return this.#number;
  }

  call() {
    if (this.repeat === undefined) {
      numbered.delete(this.#number);
    }
    super.call();
  }

  close() {
    numbered.delete(this.#number);
    return super.close();
  }
}

/**
 * @param {unknown} ms
 * @returns {number} as in Node: 1 for anything that is no valid delay
 */
function delayOf(ms) {
  const delay = Number(ms);
  return delay >= 1 && delay <= MAX_DELAY_MS ? delay : 1;
}

/**
 * setTimeout() calls `callback` once after a time. The call happens while the
 * task waits: in iosched.poll(), in a blocking call, or after the script's end.
 *
 * @param {Function} callback
 * @param {number} [ms] milliseconds, at least 1
 * @param {...unknown} args for the callback
 */
function setTimeout(callback, ms, ...args) {
  validate.callback("callback", callback);
  return new NumberedTimeout(queue, callback, args, delayOf(ms));
}

/**
 * setInterval() calls `callback` again and again.
 *
 * @param {Function} callback
 * @param {number} [ms] milliseconds, at least 1
 * @param {...unknown} args for the callback
 */
function setInterval(callback, ms, ...args) {
  validate.callback("callback", callback);
  const delay = delayOf(ms);
  return new NumberedTimeout(queue, callback, args, delay, delay);
}

/**
 * setImmediate() calls `callback` when the task waits the next time.
 *
 * @param {Function} callback
 * @param {...unknown} args for the callback
 */
function setImmediate(callback, ...args) {
  validate.callback("callback", callback);
  return new Immediate(queue, callback, args);
}

/**
 * clearTimeout() stops a timer; harmless with one that is gone. clearInterval()
 * and clearImmediate() are the same function.
 *
 * @param {unknown} timer
 */
function clearTimeout(timer) {
  const found =
    typeof timer === "number" || typeof timer === "string"
      ? numbered.get(Number(timer))
      : timer;
  if (found instanceof Timeout || found instanceof Immediate) {
    found.close();
  }
}

/**
 * Timer is JSRE's timer object, which can be started again and again.
 */
class Timer {
  /** @type {Timeout | undefined} */
  #timeout;

  /**
   * start() calls `func` after `count` milliseconds, and with an interval again
   * after each `interval`. A running timer starts anew.
   *
   * @param {number} count milliseconds
   * @param {number | Function} interval milliseconds; may be left out
   * @param {...any} rest the function, and its arguments
   */
  start(count, interval, ...rest) {
    validate.number("count", count);
    const repeats = typeof interval !== "function";
    const [func, ...args] = repeats ? rest : [interval, ...rest];
    validate.callback("func", func);
    const repeat = repeats
      ? delayOf(validate.number("interval", interval))
      : undefined;
    this.stop();
    this.#timeout = new Timeout(queue, func, args, delayOf(count), repeat);
  }

  /** stop() stops the timer; harmless if it does not run. */
  stop() {
    this.#timeout?.close();
    this.#timeout = undefined;
  }

  /**
   * remain() returns the milliseconds until the next call, Infinity if there is none.
   *
   * @returns {number}
   */
  remain() {
    return this.#timeout?.remain() ?? Infinity;
  }

  /**
   * isRepeat() returns whether the timer was started with an interval.
   *
   * @returns {boolean}
   */
  isRepeat() {
    return this.#timeout?.repeat !== undefined;
  }
}

Object.defineProperty(setTimeout, util.promisify.custom, {
  value: (/** @type {number} */ ms, /** @type {unknown} */ value) =>
    new Promise((resolve) => setTimeout(resolve, ms, value)),
});
Object.defineProperty(setImmediate, util.promisify.custom, {
  value: (/** @type {unknown} */ value) =>
    new Promise((resolve) => setImmediate(resolve, value)),
});

// The other members of the host's module, such as its promises, stay reachable.
module.exports = Object.assign(Object.create(nodeTimers), {
  Timer,
  clearImmediate: clearTimeout,
  clearInterval: clearTimeout,
  clearTimeout,
  setImmediate,
  setInterval,
  setTimeout,
});
