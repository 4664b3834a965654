"use strict";

const { lastError } = require("../errno");

/**
 * promised() makes a promise of a function that begins something and calls back: of the object, or
 * rejected with lastError(). util.promisify() takes it for functions of the module, which do not call
 * back with an error first.
 *
 * @template T
 * @param {(callback: (result: T | undefined) => void) => unknown} begin returns undefined if it failed
 * @returns {Promise<T>}
 */
function promised(begin) {
  return new Promise((resolve, reject) => {
    const begun = begin((result) =>
      result === undefined ? reject(lastError()) : resolve(result),
    );
    if (begun === undefined) {
      reject(lastError());
    }
  });
}

module.exports = { promised };
