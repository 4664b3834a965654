"use strict";
// What the measured programs of `./dev bench node` share: their command line, and counters on the
// page that bench/harness/processes.py reads.
const fs = require("node:fs");

// The order of dtls::bench::Counters (bench/net/counters.hpp).
const COUNTERS = ["port", "ready", "received", "sent", "established"];
// Node cannot map a file. To write it this often costs less than a thousandth of the processor.
const PERIOD_MS = 5;

function readArguments() {
  const values = process.argv.slice(2);
  const named = {};
  for (let i = 0; i < values.length; i += 2) {
    named[values[i].slice(2)] = values[i + 1];
  }
  return named;
}

/** openJob gives the arguments, and counters that reach the page by themselves once in a while. */
function openJob() {
  const named = readArguments();
  const file = fs.openSync(named.counters, "r+");
  const page = new BigUint64Array(COUNTERS.length);
  const counters = Object.fromEntries(COUNTERS.map((name) => [name, 0]));
  const publish = () => {
    COUNTERS.forEach((name, index) => (page[index] = BigInt(counters[name])));
    fs.writeSync(file, page, 0, page.byteLength, 0);
  };
  setInterval(publish, PERIOD_MS);
  return {
    task: named.task,
    size: Number(named.size),
    version: `DTLSv${named.version}`,
    read: (name) => fs.readFileSync(named[name]),
    named,
    counters,
    publish,
  };
}

module.exports = { openJob };
