"use strict";

// The sentences that the library can say, found in its sources.
//
// A sentence is a string of at least two words, with what the source joins to it. No function that
// makes errors has to be known for that, so none can be forgotten; COMPLETE only puts the helpers'
// own words around what they are given, so that a sentence is found as it is printed.

const fs = require("node:fs");
const path = require("node:path");
const { stringsOfCpp } = require("./cpp_strings");
const { GAP } = require("./gap");
const { stringsOfJs } = require("./js_strings");
const { ROOT } = require("./pages");

/** The page with all sentences. */
const PAGE = "docs/guide/sentences.md";

/**
 * @typedef {object} Found
 * @property {string} text GAP stands for each part that the program fills in
 * @property {string} context the call that it is an argument of, and the arguments before it
 */

/** Strings of several words that are never printed, and what they are. */
const INTERNAL = Object.freeze({
  "PRIVATE KEY-----": "line of PEM (RFC 7468)",
  "c ap traffic": "label (RFC 8446 §7.1)",
  "c hs traffic": "label (RFC 8446 §7.1)",
  "client finished": "label (RFC 5246 §7.4.9)",
  "dtls cookie secret": "label of a key derivation",
  "exp master": "label (RFC 8446 §7.1)",
  "ext binder": "label (RFC 8446 §7.1)",
  "extended master secret": "label (RFC 7627 §4)",
  "key expansion": "label (RFC 5246 §6.3)",
  "master secret": "label (RFC 5246 §8.1)",
  "res binder": "label (RFC 8446 §7.1)",
  "res master": "label (RFC 8446 §7.1)",
  "s ap traffic": "label (RFC 8446 §7.1)",
  "s hs traffic": "label (RFC 8446 §7.1)",
  "server finished": "label (RFC 5246 §7.4.9)",
  "TLS 1.3, client CertificateVerify": "context (RFC 8446 §4.4.3)",
  "TLS 1.3, server CertificateVerify": "context (RFC 8446 §4.4.3)",
  "traffic upd": "label (RFC 8446 §7.2)",
  "use strict": "directive of JavaScript",
});

const PEER = `the peer at ${GAP}`;

/**
 * What helpers put around a text, and which errno they give it: the first rule that fits holds.
 *
 * @type {{ file: RegExp, context: RegExp, before?: string, after?: string, errno?: string }[]}
 */
const COMPLETE = [
  {
    file: /^bindings\/node\/lib\/jsre\/host\/run/,
    context: /^refuse/,
    before: "jsre: ",
  },
  {
    file: /^src\/handshake\/peer_alert/,
    context: / \+=$/,
    before: `${PEER} ended the association with the alert "${GAP}"`,
    errno: "ECONNRESET",
  },
  {
    file: /^src\/handshake\/peer_alert/,
    context: / =$/,
    before: `${PEER} `,
    errno: "ECONNRESET",
  },
  {
    file: /^src\/credentials\/trust/,
    context: / \+=$/,
    before: `${PEER} is not trusted: the peer's certificate (${GAP})`,
    errno: "EACCES",
  },
  {
    file: /^src\/credentials\/names/,
    context: / return(?: .* [?:])?$/,
    before: `option \`${GAP}\`: the host name "${GAP}" `,
    errno: "EINVAL",
  },
  {
    file: /^src\/credentials\/pem/,
    context: /^unusable \( quoted/,
    before: `option \`${GAP}\`: `,
    errno: "EINVAL",
  },
  {
    file: /^src\/association\/host_identities/,
    context: /^(?:\w+ :: )*refuse_key /,
    before: "option `cert`: ",
    errno: "EINVAL",
  },
  {
    file: /^src\/association\/protocol_options/,
    context: /^(?:\w+ :: )*refuse /,
    before: "option ",
    errno: "EINVAL",
  },
  {
    file: /^src\/net\/sockaddr/,
    context: / return$/,
    before: `${GAP}: `,
  },
  {
    file: /^src\/handshake\/flight\/channel_|^src\/record\/inbound/,
    context: /^/,
    before: `${PEER} broke the protocol: `,
    errno: "EPROTO",
  },
  {
    file: /^src\/(?:handshake\/|association\/(?:engine|renegotiation))/,
    context: /^(?:\w+ :: )*broken /,
    before: `${PEER} broke the protocol: `,
    errno: "EPROTO",
  },
  {
    file: /^src\/(?:handshake\/|association\/(?:engine|renegotiation))/,
    context: /^(?:\w+ :: )*incompatible /,
    before: `${PEER} `,
    errno: "EPROTO",
  },
  {
    file: /^src\/(?:handshake\/|association\/(?:engine|renegotiation))/,
    context: /ErrorKind :: k(?:Peer|Timeout|Untrusted|Malformed)/,
    before: `${PEER} `,
  },
  {
    file: /^src\/association\/decisions/,
    context: /\. reason =$/,
    before: `${PEER} `,
    errno: "EACCES",
  },
  {
    file: /^src\/credentials\/verify/,
    context: /^(?:\w+ :: )*reject /,
    before: `${PEER} is not trusted: `,
    errno: "EACCES",
  },
  {
    file: /^src\/(?:handshake\/|association\/(?:engine|renegotiation))/,
    context: /^(?:\w+ :: )*unable |kSystem , EPIPE/,
    before: `the association with ${GAP} failed: `,
    errno: "EIO",
  },
  {
    file: /^src\/crypto\//,
    context: /^(?:\w+ :: )*libcrypto_failed /,
    before: "OpenSSL could not ",
    after: `: ${GAP}`,
    errno: "EIO",
  },
  { file: /^src\//, context: /^(?:\w+ :: )*unusable /, errno: "EINVAL" },
  {
    file: /^src\/net\//,
    context: /^(?:\w+ :: )*(?:refused|cannot_use|address_by|system_error) /,
    after: `: ${GAP}`,
  },
  {
    file: /^bindings\/node\/lib\//,
    context: /(?:secretT|t)ypeError \S+$/,
    before: `argument \`${GAP}\` must be `,
    after: `, but is ${GAP}`,
    errno: "TypeError",
  },
  {
    file: /^bindings\/node\//,
    context: /^TypeError|^Napi :: TypeError/,
    errno: "TypeError",
  },
  {
    file: /^bindings\/node\/lib\//,
    context: /^(?:validate\.)?invalid/,
    errno: "EINVAL",
  },
];

const ERRNO = /\bE(?!RRNO)[A-Z]{3,}\b/;

/** Where sentences stand on the page: the first part whose sources match. */
const PARTS = Object.freeze({
  "Options, certificates and keys":
    /^src\/(?:association\/(?!engine|renegotiation)|credentials\/)/,
  "What the peer did, and handshakes":
    /^src\/(?:(?:handshake|record|wire)\/|association\/(?:engine|renegotiation))/,
  "Addresses and sockets": /^src\/(?:net|process)\//,
  "Servers, clients and connections":
    /^(?:src\/(?:runtime|endpoint)|include)\//,
  Cryptography: /^src\/crypto\//,
  "JSRE: tasks, `iosched`, the command `jsre`":
    /^bindings\/node\/(?:lib\/jsre\/host|bin|src\/task)/,
  "The module for JavaScript": /^bindings\/node\//,
});

/** Whether a text has two words at least: a name, a label or a format has one. */
const isSentence = (text) =>
  text
    .replaceAll(GAP, " ")
    .split(/\s+/)
    .filter((word) => /\p{L}/u.test(word)).length > 1;

/** @param {string} text */
const isPrinted = (text) =>
  // Texts of several lines are the help of a command.
  isSentence(text) && !/\n./.test(text) && !(text in INTERNAL);

/**
 * @param {string} file path inside the repository
 * @param {Found} found
 * @returns {{ sentence: string, errno: string }}
 */
function complete(file, { text, context }) {
  const rule = COMPLETE.find(
    (each) => each.file.test(file) && each.context.test(context),
  );
  const before = rule?.before ?? "";
  // In C++ what is put in front takes the place of what the source joins there.
  const known =
    before !== "" && file.endsWith("pp") && text.startsWith(GAP)
      ? GAP.length
      : 0;
  return {
    sentence: (before + text.trim().slice(known) + (rule?.after ?? ""))
      .replace(/\s+/g, " ")
      .replace(/…+/g, GAP)
      .replace(/:$/, `: ${GAP}`),
    errno: context.match(ERRNO)?.[0] ?? rule?.errno ?? "",
  };
}

/** @param {string} folder @param {RegExp} kind @returns {string[]} */
function files(folder, kind) {
  return fs
    .readdirSync(path.join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const name = path.posix.join(folder, entry.name);
      if (entry.isDirectory()) {
        return files(name, kind);
      }
      return kind.test(entry.name) ? [name] : [];
    });
}

/** @returns {string[]} the product's sources */
function sources() {
  const cpp = /\.[ch]pp$/;
  return [
    ...["include", "src", "bindings/node/src"].flatMap((f) => files(f, cpp)),
    ...files("bindings/node/lib", /\.js$/),
    ...files("bindings/node/bin", /./),
  ];
}

/**
 * @param {string} file path inside the repository
 * @returns {Found[]} all strings of a source
 */
function stringsOf(file) {
  const source = fs.readFileSync(path.join(ROOT, file), "utf8");
  return /\.[ch]pp$/.test(file) ? stringsOfCpp(source) : stringsOfJs(source);
}

/** @typedef {{ sentence: string, errno: string[], file: string }} Sentence */

/** @returns {Map<string, Map<string, Sentence>>} by the part of the page, then by itself */
function sentences() {
  const parts = new Map(Object.keys(PARTS).map((part) => [part, new Map()]));
  for (const file of sources()) {
    const [part] = Object.entries(PARTS).find(([, of]) => of.test(file));
    for (const found of stringsOf(file)) {
      if (
        !isPrinted(found.text.trim()) ||
        /^static_assert/.test(found.context)
      ) {
        continue;
      }
      const { sentence, errno } = complete(file, found);
      const all = parts.get(part);
      const known = all.get(sentence) ?? { sentence, errno: [], file };
      if (errno !== "" && !known.errno.includes(errno)) {
        known.errno.push(errno);
      }
      all.set(sentence, known);
    }
  }
  return parts;
}

/** A cell of a table with a sentence as it is printed. */
const cell = (sentence) => {
  const text = sentence.replaceAll("|", "\\|");
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
};

/** The line of the page for a sentence. @param {Sentence} sentence */
const lineOf = ({ sentence, errno }) =>
  `| ${cell(sentence)} | ${errno.map((name) => `\`${name}\``).join(", ")} |`;

/** The order on the page: that of the words, whatever stands before them. */
const byWords = (a, b) => {
  const [x, y] = [a, b].map(({ sentence }) =>
    sentence.replace(/^[^\p{L}]+/u, "").toLowerCase(),
  );
  return x < y ? -1 : Number(x > y);
};

const INTRODUCTION = `# Every sentence

All that the library says when something fails, generated from its sources. \`${GAP}\` stands for what it fills in:
addresses, numbers, names, or another sentence of this page. So search for the words around it. Options
stand as C++ programs write them; JavaScript sees \`keyLogFile\` for \`key_log_file\`. What
to do about the most frequent ones: [troubleshooting.md](troubleshooting.md). The numbers of the errnos, and what each
means: [compatibility.md](../compatibility.md#errno).

After a change of a sentence, \`npm run sentences\` in \`bindings/node\` writes this page anew; the tests
compare it with the sources.
`;

const ALERTS = `## Alerts

The names that stand in \`the peer at ${GAP} ended the association with the alert "${GAP}"\`, and the numbers in
\`alert\` (RFC 5246 §7.2, RFC 8446 §6).

| alert | number |
| --- | --- |`;

/** @returns {string[]} the lines for the alerts that the library knows by name */
function alerts() {
  const source = fs.readFileSync(path.join(ROOT, "src/wire/alert.cpp"), "utf8");
  return [...source.matchAll(/case (\d+):\s*return "(\w+)"/g)].map(
    ([, number, name]) => `| \`${name}\` | ${number} |`,
  );
}

/** @returns {string} the page as the sources have it */
function page() {
  const parts = [...sentences()].flatMap(([part, all]) => [
    `## ${part}\n`,
    "| sentence | errno |",
    "| --- | --- |",
    ...[...all.values()].sort(byWords).map(lineOf),
    "",
  ]);
  return [INTRODUCTION, ...parts, ALERTS, ...alerts(), ""].join("\n");
}

if (require.main === module) {
  fs.writeFileSync(path.join(ROOT, PAGE), page());
}

module.exports = {
  INTERNAL,
  PAGE,
  lineOf,
  page,
  sentences,
  sources,
  stringsOf,
};
