"use strict";

const path = require("node:path");
const { Worker } = require("node:worker_threads");
const { ERRNO, failure } = require("../../core/errors");
const { native } = require("../../core/native");
const { keepInternal } = require("../../core/node_loop");
const validate = require("../../core/validate");
const { attempt, fail } = require("../errno");
const mailbox = require("./mailbox");
const { objection } = require("./run");
const { findScript } = require("./task_file");

const ENTRY = path.join(__dirname, "task_entry.js");
const MAX_ID = 2 ** 32 - 1;
const EVENT = "message";

/** @typedef {(msg: any, from: { id: number }) => void} Listener */

/**
 * @param {unknown} event
 * @param {unknown} listener
 * @returns {Listener}
 */
function checkListener(event, listener) {
  if (event !== EVENT) {
    throw validate.typeError("event", `"${EVENT}"`, event);
  }
  return /** @type {Listener} */ (validate.callback("listener", listener));
}

/**
 * @param {string} file
 * @param {unknown} arg
 * @param {number} id
 */
function startThread(file, arg, id) {
  const worker = keepInternal(
    () =>
      new Worker(ENTRY, {
        workerData: { file, id, parent: mailbox.me(), arg },
        // Descriptors go from task to task, so none of them is one thread's to close.
        trackUnmanagedFds: false,
      }),
  );
  // A running task reports its own exceptions; these listeners are for a task that failed to start.
  worker.on("error", (error) =>
    process.stderr.write(`jsre: the task ${file} failed: ${error.stack}\n`),
  );
  worker.on("exit", () => native().closeMailbox(id));
}

/**
 * Task is a thread that runs a script of its own. Tasks share nothing but the
 * process (its descriptors among others) and send each other messages.
 */
class Task {
  #id;

  /**
   * Starts a task. Its `Task` and the other globals are its own; `arg` is its
   * global ARGUMENT. Messages may be sent to it at once.
   *
   * @param {string} file looked for in the folder of the calling script, then in
   *   the current directory
   * @param {unknown} [arg] anything that can be copied; default: ''
   * @param {{ directory?: string }} [opt] directory: the only place to look for `file`; relative to the
   *   folder of the calling script
   * @throws {Error} ENOENT when there is no such script, EINVAL when it is an ES module
   * @throws {TypeError} when an argument has the wrong type
   */
  constructor(file, arg = "", opt = {}) {
    validate.string("file", file);
    const { directory } = validate.object("opt", opt);
    const bytes = mailbox.pack("arg", arg);
    const script = findScript(
      file,
      validate.optionalString("opt.directory", directory),
    );
    const objected = objection(file, script);
    if (objected !== undefined) {
      throw failure(ERRNO.EINVAL, objected);
    }
    this.#id = native().openMailbox(mailbox.me());
    try {
      startThread(script, bytes, this.#id);
    } catch (error) {
      native().closeMailbox(this.#id);
      throw error;
    }
  }

  /**
   * create() is `new Task(…)` that reports failures by errno.
   *
   * @param {string} file
   * @param {unknown} [arg]
   * @param {{ directory?: string }} [opt]
   * @returns {Task | undefined} undefined with errno ENOENT when there is no such script, EINVAL when it
   *   is an ES module
   */
  static create(file, arg, opt) {
    return attempt(() => new Task(file, arg, opt), undefined);
  }

  /**
   * id() returns the task's number, which no other task of the program ever has.
   *
   * @returns {number}
   */
  id() {
    return this.#id;
  }

  /**
   * send() sends the task a message, see Task.send().
   *
   * @param {unknown} msg
   * @returns {boolean}
   */
  send(msg) {
    return mailbox.send(this.#id, msg);
  }

  /**
   * isAlive() returns whether the task has not ended.
   *
   * @returns {boolean}
   */
  isAlive() {
    return native().hasMailbox(this.#id);
  }

  /**
   * cancel() asks the task to end. It does so in its next wait (poll, recv,
   * sleep, …) or when Node's loop has control, but not inside unbreakable(); a
   * task that never waits asks Task.testCancel().
   *
   * @returns {number} 0, or -ESRCH with errno set when it has ended
   */
  cancel() {
    return attempt(() => {
      native().cancelTask(this.#id);
      return 0;
    }, -ERRNO.ESRCH);
  }

  /**
   * Task.send() puts a copy of `msg` into the mailbox of any task of the
   * program. Messages of one sender arrive in their order, each by itself.
   *
   * @param {number} id
   * @param {unknown} msg anything but undefined that can be copied: strings, numbers,
   *   plain objects, arrays, Buffers, …
   * @returns {boolean} false with errno ESRCH when there is no such task (any more), ENOBUFS
   *   when 64 MiB wait for it already, or EMSGSIZE
   * @throws {TypeError} when `id` is no number or `msg` cannot be copied
   */
  static send(id, msg) {
    validate.number("id", id);
    const valid = Number.isInteger(id) && id >= 0 && id <= MAX_ID;
    return mailbox.send(valid ? id : 0, msg);
  }

  /**
   * Task.recv() waits for a message. While it does, messages are its own and
   * not those of Task.on() listeners.
   *
   * @param {{ id?: number } | null} [from] gets the sender's `id`
   * @param {number} [timeout] milliseconds, default: for ever
   * @returns {any} undefined with errno ETIMEDOUT when the time has passed
   * @throws {TypeError} when an argument has the wrong type
   */
  static recv(from, timeout) {
    if (from != null) {
      validate.object("from", from);
    }
    return attempt(() => {
      const received = mailbox.receive(validate.timeout("timeout", timeout));
      if (received === undefined) {
        const text = `no message came within ${timeout} ms`;
        return fail(failure(ERRNO.ETIMEDOUT, text), undefined);
      }
      if (from != null) {
        from.id = received.from;
      }
      return received.message;
    }, undefined);
  }

  /**
   * Task.on() calls `listener` with each message, in every wait of this
   * task but unbreakable ones. A task whose script has ended stays alive while it listens.
   *
   * @param {"message"} event
   * @param {Listener} listener gets the message and {id} of the sender
   * @returns {typeof Task}
   * @throws {TypeError} when an argument has the wrong type
   */
  static on(event, listener) {
    mailbox.listen(checkListener(event, listener));
    return Task;
  }

  /**
   * Task.off() removes a listener; harmless if it was not registered.
   *
   * @param {"message"} event
   * @param {Listener} listener
   * @returns {typeof Task}
   * @throws {TypeError} when an argument has the wrong type
   */
  static off(event, listener) {
    mailbox.unlisten(checkListener(event, listener));
    return Task;
  }

  /**
   * Task.me() returns this task's id.
   *
   * @returns {number}
   */
  static me() {
    return mailbox.me();
  }

  /**
   * Task.parent() returns the id of the task that started this one.
   *
   * @returns {number} 0 in the main task
   */
  static parent() {
    return mailbox.parent();
  }

  /**
   * Task.isMain() returns whether this is the task that the program began with.
   *
   * @returns {boolean}
   */
  static isMain() {
    return mailbox.parent() === 0;
  }

  /**
   * Task.fd() returns a descriptor for iosched that is readable while a message
   * waits. It belongs to the task; only Task.recv() may read from it.
   *
   * @returns {number}
   */
  static fd() {
    return mailbox.fd();
  }

  /**
   * Task.exit() ends this task and those it has started. In the main task that
   * is the whole program.
   *
   * @param {number} [value] the program's exit code; default: 0
   * @returns {never}
   * @throws {TypeError} when `value` is no number
   */
  static exit(value = 0) {
    return process.exit(Math.trunc(validate.number("value", value)));
  }

  /**
   * Task.testCancel() returns whether cancel() was called on this task.
   * It does not wait: a task that computes asks it now and then, cleans up and
   * leaves by Task.exit().
   *
   * @returns {boolean}
   */
  static testCancel() {
    return mailbox.cancelled();
  }

  /**
   * Task.nextTick() calls a function before this task does anything else.
   *
   * @param {Function} callback
   * @param {...unknown} args for the callback
   * @throws {TypeError} when `callback` is no function
   */
  static nextTick(callback, ...args) {
    process.nextTick(validate.callback("callback", callback), ...args);
  }
}

module.exports = Task;
