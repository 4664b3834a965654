"use strict";

const { GAP } = require("./gap");

// What the program fills in itself: one word, such as an address, a number or a name …
const WORD = /^\S+$/;
// … the date in a certificate, and reasons that are OpenSSL's own.
const DATE = /^[A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4} GMT$/;
const OPENSSL = /^(?:ee key too small|unable to get local issuer certificate)$/;

const isValue = (text) =>
  WORD.test(text) || DATE.test(text) || OPENSSL.test(text);

const quote = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/**
 * Makes a function that tells whether a text can be printed: it is one of the sentences, with a value
 * or another sentence in each gap. GAP in the text stands for anything there.
 *
 * @param {Iterable<string>} sentences with GAP where something is filled in
 * @returns {(text: string) => boolean}
 */
function makeIsSaid(sentences) {
  const patterns = [...sentences].map(
    (each) => new RegExp(`^${each.split(GAP).map(quote).join("(.+?)")}$`, "u"),
  );
  const isSaid = (text) =>
    patterns.some((pattern) => {
      const gaps = text.match(pattern)?.slice(1);
      return gaps?.every(
        (gap) => isValue(gap) || (gap.length < text.length && isSaid(gap)),
      );
    });
  return isSaid;
}

module.exports = { makeIsSaid };
