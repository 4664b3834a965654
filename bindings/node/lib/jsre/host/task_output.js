"use strict";

const fs = require("node:fs");
const tty = require("node:tty");

// In Node the output of a thread passes through its parent's loop. It would not be printed while
// the parent waits in iosched.poll().

const RETRY_MS = 5;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * @param {number} fd
 * @param {Uint8Array} bytes
 * @returns {number} how many were written; 0 if the reader does not keep up
 */
function writeSome(fd, bytes) {
  try {
    return fs.writeSync(fd, bytes);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EAGAIN") {
      throw error;
    }
    return 0;
  }
}

/**
 * @param {number} fd
 * @param {Uint8Array} bytes
 */
function writeAll(fd, bytes) {
  for (let rest = bytes; rest.length > 0;) {
    const written = writeSome(fd, rest);
    if (written === 0) {
      Atomics.wait(never, 0, 0, RETRY_MS);
    }
    rest = rest.subarray(written);
  }
}

/**
 * redirect() changes Node's own stream, because Node uses it, too.
 *
 * @param {any} stream
 * @param {number} fd
 */
function redirect(stream, fd) {
  stream.fd = fd;
  stream.isTTY = tty.isatty(fd);
  stream._writev = undefined;
  stream._write = (
    /** @type {string | Uint8Array} */ chunk,
    /** @type {BufferEncoding} */ encoding,
    /** @type {(error?: unknown) => void} */ done,
  ) => {
    try {
      writeAll(
        fd,
        typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk,
      );
      done();
    } catch (error) {
      done(error);
    }
  };
}

/** install() makes this thread write its output itself, and at once. */
function install() {
  redirect(process.stdout, 1);
  redirect(process.stderr, 2);
}

module.exports = { install };
