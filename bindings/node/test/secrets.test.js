"use strict";

// What is left of secrets in the memory of a Node process: it is searched from outside.

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const { runNode } = require("./support/program");

const CHUNK = 1 << 22;

/**
 * @param {number} pid
 * @param {Map<string, Buffer>} needles
 * @returns {string[]} the names of those that are found
 */
function search(pid, needles) {
  const found = new Set();
  const longest = 64;
  const memory = fs.openSync(`/proc/${pid}/mem`, "r");
  const buffer = Buffer.alloc(CHUNK + longest);
  for (const line of fs.readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (!match) {
      continue;
    }
    const [begin, end] = [parseInt(match[1], 16), parseInt(match[2], 16)];
    for (let at = begin; at < end; at += CHUNK) {
      let got = 0;
      try {
        const wanted = Math.min(buffer.length, end - at);
        got = fs.readSync(memory, buffer, 0, wanted, at);
      } catch {
        break; // reserved, and not backed by memory
      }
      const bytes = buffer.subarray(0, got);
      for (const [name, needle] of needles) {
        if (bytes.includes(needle)) {
          found.add(name);
        }
      }
    }
  }
  fs.closeSync(memory);
  return [...found].sort();
}

/** @param {string} file */
function keyLog(file) {
  const needles = new Map();
  for (const line of fs.readFileSync(file, "utf8").trim().split("\n")) {
    const [label, random, secret] = line.split(" ");
    needles.set(`${label} ${random}`, Buffer.from(secret, "hex"));
    // The line itself, whose end is as good as the secret.
    needles.set(`${label} ${random} in hex`, Buffer.from(secret.slice(-64)));
  }
  return needles;
}

/** @param {Map<string, Buffer>} needles */
function addPrivateKey(needles, pem) {
  const { d } = crypto.createPrivateKey(pem).export({ format: "jwk" });
  const number = Buffer.from(d, "base64url");
  needles.set("private key", number);
  needles.set("private key as a BIGNUM", Buffer.from(number).reverse());
}

for (const version of ["DTLSv1.2", "DTLSv1.3"]) {
  describe(`the secrets of ${version}`, () => {
    const go = async (t, { options, client, needles, prepare = "" }) => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "secrets-"));
      t.after(() => fs.rmSync(folder, { recursive: true }));
      const log = path.join(folder, "keys");
      const program = runNode(
        t,
        `
        const fs = require("node:fs");
        const common = { keyLogFile: ${JSON.stringify(log)}, minVersion: "${version}", maxVersion: "${version}" };
        ${prepare}
        const server = Dtls.createServer({ ...common, ...(${options}) }, Dtls.sockaddr(Dtls.INADDR_LOOPBACK));
        const client = Dtls.createClient({ ...common, ...(${client}) }, server.sockName(), () => {});
        const peer = server.accept({}, 10000);
        client.send("x", 10000);
        const buffer = Buffer.alloc(10);
        peer.recv(buffer, 0, 10, 10000);
        peer.send("y");
        client.recv(buffer, 0, 10, 10000);
        if (typeof done === "function") done();
        console.log("talked");
        process.stdin.once("data", () => {
          client.close();
          peer.close();
          server.close();
          console.log("closed");
          process.stdin.resume();
        });
        globalThis.held = { server, client, peer };
        `,
        { env: { ...process.env, NODE_NO_WARNINGS: "1" } },
      );
      await program.sees(/talked/);
      const all = new Map([...keyLog(log), ...needles]);
      assert.notDeepEqual(
        search(program.child.pid, all),
        [],
        "the search finds nothing",
      );
      program.write("close\n");
      await program.sees(/closed/);
      assert.deepEqual(search(program.child.pid, all), []);
    };

    test("of certificates are gone at close(), though the objects are held", (t) => {
      const { cert, key } = createAuthority().leaf("server");
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "identity-"));
      t.after(() => fs.rmSync(folder, { recursive: true }));
      fs.writeFileSync(path.join(folder, "key"), key);
      fs.writeFileSync(path.join(folder, "cert"), cert);
      const needles = new Map();
      addPrivateKey(needles, key);
      return go(t, {
        needles,
        // A Buffer, as fs.readFileSync() gives it, is the program's to wipe.
        prepare: `
          const read = (name) => fs.readFileSync(${JSON.stringify(folder)} + "/" + name);
          const key = read("key");
          const done = () => key.fill(0);
        `,
        options: `{ cert: read("cert"), key }`,
        client: "{ tickets: true }",
      });
    });

    test("of pre-shared keys are gone at close(), though the objects are held", (t) => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "psk-"));
      t.after(() => fs.rmSync(folder, { recursive: true }));
      const key = crypto.randomBytes(32);
      fs.writeFileSync(path.join(folder, "psk"), key);
      return go(t, {
        needles: new Map([["PSK", key]]),
        prepare: `
          const key = Buffer.alloc(32);
          const file = fs.openSync(${JSON.stringify(path.join(folder, "psk"))});
          fs.readSync(file, key);
          const psk = { identity: "a", key };
          const done = () => key.fill(0);
        `,
        options: "{ psk }",
        client: "{ psk }",
      });
    });
  });
}
