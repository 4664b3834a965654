"use strict";

const { loop } = require("../../core/loop");
const { callback } = require("../../core/validate");
const buffer = require("./buffer");
const EventEmitter = require("./events");
const sys = require("./sys");
const Task = require("./task");
const timers = require("./timers");

/**
 * unbreakable() runs a function during whose waits no timer, message, tick or
 * promise job is delivered. synchronize() is the same function.
 *
 * @template T
 * @param {() => T} func
 * @returns {T}
 */
function unbreakable(func) {
  callback("func", func);
  return loop().hold(func);
}

/**
 * install() sets up the global names of a JSRE program in this thread.
 *
 * @param {unknown} argument the argument of new Task()
 */
function install(argument) {
  buffer.install();
  const names = {
    ...timers,
    ARGUMENT: argument,
    EventEmitter,
    Task,
    synchronize: unbreakable,
    sys,
    unbreakable,
  };
  for (const [name, value] of Object.entries(names)) {
    Object.defineProperty(globalThis, name, {
      value,
      writable: true,
      configurable: true,
      enumerable: true,
    });
  }
}

module.exports = { install };
