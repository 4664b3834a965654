"use strict";

// The sentences that the library can say are those in docs/guide/sentences.md, and what the guides
// quote is one of them.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { stringsOfCpp } = require("./support/cpp_strings");
const { stringsOfJs } = require("./support/js_strings");
const { parse } = require("./support/markdown");
const { pages, read } = require("./support/pages");
const { makeIsSaid } = require("./support/said");
const {
  INTERNAL,
  PAGE,
  lineOf,
  page,
  sentences,
  sources,
  stringsOf,
} = require("./support/sentences");

const REMEDY = "`npm run sentences` in bindings/node writes the page anew";
const texts = (found) => found.map(({ text }) => text);

describe(PAGE, () => {
  const written = new Set(read(PAGE).split("\n"));

  for (const [part, all] of sentences()) {
    test(`has every sentence of "${part}"`, () => {
      assert.ok(all.size > 5);
      for (const sentence of all.values()) {
        const line = lineOf(sentence);
        assert.ok(
          written.has(line),
          `${sentence.file} can say a sentence that is missing under "${part}":\n${line}\n${REMEDY}`,
        );
      }
    });
  }

  test("has sentences in lower case, without a full stop", () => {
    const all = [...sentences().values()].flatMap((each) => [...each.keys()]);
    // Names are written as they are; "Unknown error" is strerror(3)'s.
    const NAME = /^(?:OpenSSL|DTLS|Node's|Unknown error$)/;
    const wrong = all.filter(
      (each) => /\.$/.test(each) || (/^\p{Lu}/u.test(each) && !NAME.test(each)),
    );
    assert.deepEqual(wrong, []);
  });

  test("has no sentence that nothing says any more, and its order", () => {
    const now = new Set(page().split("\n"));
    const stale = [...written].filter((line) => !now.has(line));
    assert.deepEqual(stale, [], REMEDY);
    assert.equal(read(PAGE), page(), REMEDY);
  });
});

describe("the guides", () => {
  const isSaid = makeIsSaid(
    [...sentences().values()].flatMap((all) => [...all.keys()]),
  );
  const quoting = pages()
    .filter((name) => name !== PAGE)
    .flatMap((name) =>
      parse(read(name)).tables.map((table) => ({ name, ...table })),
    )
    .filter(({ header }) => /^sentence\b/.test(header[0]));

  test("quote sentences in tables", () => {
    assert.ok(quoting.length > 5);
  });
  for (const { name, heading, rows } of quoting) {
    test(`quote only what can be said: ${name}, "${heading}"`, () => {
      const wrong = rows.flatMap(({ line, cells: [cell], code: [[said]] }) => {
        if (said !== cell.trim()) {
          return `${name}:${line}: a sentence stands in backquotes, so that it is shown as it is printed`;
        }
        return isSaid(said) ? [] : `${name}:${line}: no source says "${said}"`;
      });
      assert.deepEqual(wrong, [], `${PAGE} has what can be said`);
    });
  }
});

describe("sentences are found", () => {
  test("in C++, whole, with what is joined to them", () => {
    const source = String.raw`
      // "no comment is"  and no 'quote
      #include "no/header of.hpp"
      Error a(int n) { return {kMisuse, EINVAL, "adjacent " /* "not this" */
                               "strings are one", {}}; }
      auto b = "before " + name(1, "an inner one") + " after " + std::string("wrapped one");
      text += " is added";
      auto c = std::string("chosen ") + (on ? "on and on" : "off and off") + ".";
      auto d = R"x(raw "text" here)x";
      auto e = 'a' + "a \"quoted\" word";
      auto f = 1'000 + "digits are apart";
    `;
    assert.deepEqual(texts(stringsOfCpp(source)), [
      "adjacent strings are one",
      "an inner one",
      "before … after wrapped one",
      "… is added",
      "on and on",
      "off and off",
      "chosen ….",
      'raw "text" here',
      '…a "quoted" word',
      "…digits are apart",
    ]);
  });

  test("in JavaScript, whole, with what is joined to them", () => {
    const source = `
      // "no comment is"
      fail(EINVAL, "left " + name + \` and \${inner("an inner one")} template\`);
      const a = on ? "on and on" : 'off and off';
    `;
    assert.deepEqual(texts(stringsOfJs(source)), [
      "an inner one",
      "left … and … template",
      "on and on",
      "off and off",
    ]);
  });

  test("with the call that they are given to", () => {
    const [, cpp] = stringsOfCpp(
      'f(1); return g::h(kAlert, x(), "a b" + c);',
    ).concat(stringsOfCpp('g::h(kAlert, "a b")'));
    assert.equal(cpp.context, "g :: h ( kAlert ,");
    const [js] = stringsOfJs('check(a.b(name, ok ? "a b" : c))');
    assert.equal(js.context, "a.b name");
  });

  test("in every source that has some", () => {
    const files = sources();
    for (const file of [
      "src/handshake/v13/server_13.cpp",
      "src/net/sockaddr.cpp",
      "bindings/node/src/task_registry.cpp",
      "bindings/node/lib/core/validate.js",
      "bindings/node/lib/jsre/host/run.js",
      "bindings/node/bin/jsre",
    ]) {
      assert.ok(files.includes(file), file);
    }
  });

  test("except those that are never printed, which are there", () => {
    const all = new Set(
      sources()
        .flatMap(stringsOf)
        .map(({ text }) => text),
    );
    for (const text of Object.keys(INTERNAL)) {
      assert.ok(all.has(text), `no source has "${text}" any more`);
    }
  });
});

describe("a sentence of a guide", () => {
  const isSaid = makeIsSaid([
    "the peer at … is not trusted: …",
    "it expired on …, and … reads it",
    "… ends with two words",
  ]);
  for (const [text, said] of [
    ["the peer at 192.0.2.1:2049 is not trusted: x", true],
    ["the peer at 192.0.2.1:2049 is not trusted: …", true],
    ["the peer at 192.0.2.1:2049 is trusted: x", false],
    ["the peer at 192.0.2.1:2049 is not trusted: of old", false],
    [
      "the peer at ::1 is not trusted: it expired on Nov 28 06:00:00 2026 GMT, and who reads it",
      true,
    ],
    ["it expired on a day, and nobody reads it", false],
    ["a b ends with two words", false],
  ]) {
    test(`${said ? "can" : "cannot"} be said: ${text}`, () => {
      assert.equal(isSaid(text), said);
    });
  }
});
