"use strict";

const { GAP } = require("./gap");

// Comments and preprocessor lines are matched too, so that quotes in them begin nothing.
const TOKEN = new RegExp(
  [
    /\/\/[^\n]*|\/\*[^]*?\*\//, // a comment
    /^[ \t]*#(?:[^\n]*\\\n)*[^\n]*/, // a line of the preprocessor
    /R"([^(]*)\(([^]*?)\)\1"/,
    /(?:u8|[uUL])?"((?:[^"\\\n]|\\[^])*)"/,
    /'(?:[^'\\\n]|\\.)+'/,
    /[A-Za-z_]\w*|\.?\d(?:[\w.]|'\d)*/,
    /::|->|\+=|\+\+|<<|>>|[=!<>]=|&&|\|\||\S/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gm",
);

const ESCAPES = { n: "\n", t: "\t", r: "\r", 0: "\0" };

/** @param {string} text the inside of a literal as it stands in the source */
const unescape = (text) =>
  text.replace(/\\x([0-9a-fA-F]+)|\\([^])/g, (_, hex, plain) =>
    hex === undefined
      ? (ESCAPES[plain] ?? plain)
      : String.fromCharCode(parseInt(hex, 16)),
  );

/**
 * @typedef {{ word: string, literal?: string }} Token literal: the text of a string; adjacent ones
 *   are one token
 */

/**
 * @param {string} source
 * @returns {Token[]} without comments and preprocessor lines
 */
function tokens(source) {
  /** @type {Token[]} */
  const found = [];
  for (const [word, , raw, quoted] of source.matchAll(TOKEN)) {
    if (/^\s*(?:\/\/|\/\*|#)/.test(word)) {
      continue;
    }
    const literal =
      raw ?? (quoted === undefined ? undefined : unescape(quoted));
    const last = found.at(-1);
    if (literal !== undefined && last?.literal !== undefined) {
      last.literal += literal;
    } else {
      found.push({ word: literal === undefined ? word : '""', literal });
    }
  }
  return found;
}

const OPENS = new Set(["(", "[", "{"]);
const CLOSES = new Set([")", "]", "}"]);
const ENDS = new Set([",", ";", "?", ":", "=", "<<", "==", "&&", "||", "+"]);

/** Where the operand that begins at `from` ends: before a `+`, or with the expression. */
function endOfOperand(all, from) {
  let depth = 0;
  let at = from;
  for (; at < all.length; at++) {
    const { word } = all[at];
    if (OPENS.has(word)) {
      depth++;
    } else if (CLOSES.has(word)) {
      if (depth === 0) {
        break;
      }
      depth--;
    } else if (depth === 0 && ENDS.has(word)) {
      break;
    }
  }
  return at;
}

const isStringType = (token) => /^string(?:_view)?$/.test(token?.word);

/**
 * The operand of `+` that begins at `from`: a literal, `std::string(literal)`, or something else.
 *
 * @returns {{ to: number, literal: string | undefined }}
 */
function operand(all, from) {
  const to = endOfOperand(all, from);
  const inside = all.slice(from, to);
  if (inside.length === 1) {
    return { to, literal: inside[0].literal };
  }
  const wraps = inside.length <= 6 && isStringType(inside.at(-4));
  return { to, literal: wraps ? inside.at(-2)?.literal : undefined };
}

/** What stands before a token, back to the call or the braces that it is an argument of. */
function contextOf(all, at) {
  let depth = 0;
  let from = at - 1;
  for (; from >= 0; from--) {
    const { word } = all[from];
    if (CLOSES.has(word)) {
      depth++;
    } else if (OPENS.has(word)) {
      if (depth === 0) {
        break;
      }
      depth--;
    } else if (depth === 0 && word === ";") {
      break;
    }
  }
  let callee = Math.max(from - 1, 0);
  while (all[callee - 1]?.word === "::") {
    callee -= 2;
  }
  return all
    .slice(Math.max(callee, 0), at)
    .map(({ word }) => word)
    .join(" ");
}

/**
 * The strings of a C++ source, each with what is joined to it by `+`.
 *
 * @param {string} source
 * @returns {import("./sentences").Found[]}
 */
function stringsOfCpp(source) {
  const all = tokens(source);
  const found = [];
  const take = (from, to) => {
    for (let at = from; at < to; at++) {
      if (all[at].literal === undefined) {
        continue;
      }
      let text = all[at].literal;
      let first = at;
      let next = at + 1;
      if (isStringType(all[at - 2]) && all[next]?.word === ")") {
        next++;
        first -= all[at - 3]?.word === "::" ? 4 : 2;
      }
      if (/^\+=?$/.test(all[first - 1]?.word)) {
        text = GAP + text;
      }
      while (all[next]?.word === "+") {
        const { to: end, literal } = operand(all, next + 1);
        if (literal === undefined) {
          take(next + 1, end);
        }
        text += literal ?? GAP;
        next = end;
      }
      found.push({ text, context: contextOf(all, first) });
      at = next - 1;
    }
  };
  take(0, all.length);
  return found;
}

module.exports = { stringsOfCpp };
