"use strict";

// Whatever JavaScript passes: an error, never the end of the process. Each attack runs in a child, so
// that a crash is one failed test.

const assert = require("node:assert/strict");
const path = require("node:path");
const { describe, test } = require("node:test");
const { createAuthority } = require("./support/certificates");
const { runNode } = require("./support/program");

const LIB = path.resolve(__dirname, "..", "lib");
const identity = createAuthority().leaf("server");

/**
 * Runs source text, which ends by printing "survived".
 *
 * @param {import("node:test").TestContext} t
 * @param {string} source
 * @param {string[]} [flags]
 */
async function survives(t, source) {
  const prelude = `
    const { native } = require(${JSON.stringify(path.join(LIB, "core/native.js"))});
    const IDENTITY = ${JSON.stringify(identity)};
    const here = Dtls.sockaddr(Dtls.INADDR_LOOPBACK);
    const key = Buffer.alloc(16, 1);
    const psk = { identity: "a", key };
    /** Runs an attack, which may throw or not. */
    function attack(action) { try { return action(); } catch (error) { return error; } }
    function expectThrow(name, action) {
      try { action(); } catch (error) {
        if (error instanceof TypeError || error instanceof RangeError || error.errno) return;
        throw error;
      }
      throw new Error(name + " was taken");
    }
  `;
  const program = runNode(t, `${prelude}\n${source}\nconsole.log("survived");`);
  const { code, signal, output } = await program.exited;
  assert.equal(signal, null, output);
  assert.match(output, /survived/);
  assert.equal(code, 0, output);
}

describe("options that JavaScript makes up", () => {
  test("a list of keys with a hole is refused", (t) =>
    survives(
      t,
      `
      expectThrow("a hole", () => Dtls.createServer({ psk: [, psk] }, here));
      expectThrow("a hole", () => Dtls.createServer({ psk: new Array(3) }, here));
      `,
    ));

  test("a list of keys whose methods were replaced is read without them", (t) =>
    survives(
      t,
      `
      for (const made of [[undefined], [null, 5], "text", [Object.create(null)]]) {
        const list = [psk];
        list.map = () => made;
        list[Symbol.iterator] = () => { throw new Error("never called"); };
        const server = Dtls.createServer({ psk: list }, here);
        server.close();
      }
      class Own extends Array { map() { return [undefined]; } }
      Dtls.createServer({ psk: Own.from([psk]) }, here).close();
      `,
    ));

  test("getters that change their mind are asked once", (t) =>
    survives(
      t,
      `
      let asked = 0;
      const changing = {
        get identity() { return asked++ === 0 ? "a" : Symbol("no"); },
        key,
      };
      Dtls.createServer({ psk: [changing] }, here).close();
      if (asked !== 1) throw new Error("asked " + asked + " times");
      const throwing = { get psk() { throw new RangeError("mine"); } };
      const error = attack(() => Dtls.createServer(throwing, here));
      if (error.message !== "mine") throw new Error("lost");
      const shrinking = [psk, psk];
      Object.defineProperty(shrinking, 0, { get() { shrinking.length = 0; return psk; } });
      expectThrow("a list that shrinks", () => Dtls.createServer({ psk: shrinking }, here));
      const endless = new Proxy([], { get: (_, name) => (name === "length" ? 2 ** 32 - 1 : psk) });
      attack(() => Dtls.createServer({ psk: endless }, here));
      `,
    ));

  test("every option of a server and of a client is read once", (t) =>
    survives(
      t,
      `
      const { KNOWN } = require(${JSON.stringify(path.join(LIB, "core/known.js"))});
      const given = { psk, pskCallback: () => key };
      for (const call of ["createServer", "createClient"]) {
        const asked = {};
        const opt = {};
        for (const name of KNOWN[call]) {
          asked[name] = 0;
          const get = () => (asked[name]++, given[name]);
          Object.defineProperty(opt, name, { enumerable: true, get });
        }
        const made = call === "createServer"
          ? Dtls.createServer(opt, here)
          : Dtls.createClient(opt, Dtls.sockaddr(Dtls.INADDR_LOOPBACK, 1), () => {});
        if (!made) throw Dtls.lastError();
        made.close();
        for (const [name, times] of Object.entries(asked)) {
          if (times !== 1) throw new Error(call + " read " + name + " " + times + " times");
        }
      }
      `,
    ));

  test("buffers that have no bytes any more are refused", (t) =>
    survives(
      t,
      `
      const detached = new Uint8Array(16);
      structuredClone(detached, { transfer: [detached.buffer] });
      attack(() => Dtls.createServer({ psk: { identity: "a", key: detached } }, here));
      const fake = Object.create(Uint8Array.prototype);
      for (const bytes of [fake, Object.create(Buffer.prototype), new Proxy(key, {})]) {
        expectThrow("a fake", () => Dtls.createServer({ psk: { identity: "a", key: bytes } }, here));
        expectThrow("a fake", () => Dtls.createServer({ ...IDENTITY, cookieSecret: bytes }, here));
        attack(() => Dtls.createServer({ cert: bytes }, here));
      }
      const shared = new Uint8Array(new SharedArrayBuffer(16));
      Dtls.createServer({ psk: { identity: "a", key: shared } }, here).close();
      attack(() => {
        const resizable = new ArrayBuffer(16, { maxByteLength: 64 });
        const view = new Uint8Array(resizable);
        const late = { get identity() { resizable.resize(0); return "a"; }, key: view };
        return Dtls.createServer({ psk: late }, here);
      });
      `,
    ));

  test("a prototype that somebody has changed gives no options", (t) =>
    survives(
      t,
      `
      const fs = require("node:fs");
      const file = require("node:path").join(require("node:os").tmpdir(), "polluted-" + process.pid);
      Object.assign(Object.prototype, {
        keyLogFile: file, rejectUnauthorized: "yes", psk: [5], session: 5, alpn: [5], srtp: 7,
        minVersion: 9, limits: 3, cookieSecret: 4, pskCallback: 5, scope: "x", domain: "y",
        handshakeTimeout: -1, recordSizeLimit: 1e9, firstRetransmission: NaN,
      });
      const server = Dtls.createServer(IDENTITY, here);
      if (!server) throw Dtls.lastError();
      const client = Dtls.createClient({}, server.sockName(), () => {});
      const peer = server.accept({}, 5000);
      if (client.send("x", 5000) !== 1) throw Dtls.lastError();
      if (fs.existsSync(file)) throw new Error("the keys were logged");
      for (const dtls of [client, peer, server]) dtls.close();
      for (const name of Object.keys(Object.prototype)) delete Object.prototype[name];
      `,
    ));
});

describe("native entries", () => {
  // Functions that do something to this process: what they may be given is listed.
  const WALK = `
    const detached = new Uint8Array(8);
    structuredClone(detached, { transfer: [detached.buffer] });
    const values = () => [
      undefined, null, true, 0, -1, 1.5, NaN, 1e300, 2 ** 53, -(2 ** 31), "", "x\\0y", "\\ud800",
      Symbol("s"), 5n, {}, [], [,], [undefined], () => {}, Object.create(null), new Proxy({}, {}),
      new Proxy(() => {}, {}), new Proxy([], {}), new Date(), /x/, Promise.resolve(), new Uint8Array(0),
      new Uint8Array(8), new Float64Array(2), new DataView(new ArrayBuffer(3)), detached,
      new Uint8Array(new SharedArrayBuffer(8)), Object.create(Uint8Array.prototype), new Error("e"),
      { get addr() { throw new Error("addr"); } },
      { addr: "127.0.0.1", port: 0 }, { addr: 5, port: {} },
      { psk: [,] }, { psk: [undefined] }, { psk: [{}] }, { psk: [{ identity: 5, key: 5 }] },
      { psk: [{ identity: "a", key: detached }] }, { psk: { length: 5 } },
      { alpn: [5] }, { alpn: [,] }, { srtp: [{}] }, { session: {} }, { session: 5 }, { limits: [] },
      { limits: { halfOpen: -5 } }, { handshakeTimeout: 1e300 }, { recordSizeLimit: 1e300 },
      { recordSizeLimit: -1 }, { firstRetransmission: -(2 ** 60) }, { cert: {} }, { cert: new Float64Array(2) },
      { cookieSecret: "short" }, { get psk() { throw new Error("psk"); } },
    ];
    // Not given to what closes or blocks for ever.
    function walk(name, call) {
      const all = values();
      attack(() => call());
      for (const first of all) {
        attack(() => call(first));
        for (let i = 0; i < all.length; i += 6) attack(() => call(first, all[i]));
      }
      for (const third of all) {
        attack(() => call("127.0.0.1", 5, third));
        attack(() => call(new Uint8Array(8), 0, third));
        attack(() => call(new Uint8Array(8), "label", third));
        attack(() => call(new Uint8Array(8), third, 8));
      }
    }
  `;

  test("functions of the module throw for whatever they do not take", (t) =>
    survives(
      t,
      `${WALK}
      const addon = native();
      process.on("uncaughtException", () => {}); // what uncaught() is for
      // What waits is not given times that are longer than a test.
      const briefly = (name) => (ms, all) =>
        addon[name](typeof ms === "number" && (ms < 0 || ms > 5) ? 0 : ms, all);
      const safely = Object.fromEntries(
        ["wait", "turnNode", "awaitSignals"].map((name) => [name, briefly(name)]),
      );
      const walked = [];
      for (const name of Object.keys(addon)) {
        if (name === "Server" || name === "Connection") continue;
        walked.push(name);
        walk(name, safely[name] ?? ((...args) => addon[name](...args)));
      }
      attack(() => addon.listen(false));
      addon.unref();
      if (walked.length < 24) throw new Error("not all were walked: " + walked);
      `,
    ));

  test("constructors throw for whatever they do not take", (t) =>
    survives(
      t,
      `${WALK}
      const { Server, Connection } = native();
      const opened = [];
      const keep = (made) => { if (made && typeof made.close === "function") made.close(); return made; };
      walk("Server", (...args) => keep(new Server(...args)));
      walk("Server()", (...args) => Server(...args));
      walk("Connection", (...args) => new Connection(...args));
      walk("Connection()", (...args) => Connection(...args));
      walk("connect", (...args) => keep(Connection.connect(...args)));
      walk("fromFd", (name, fd, limit) => Connection.fromFd(name, -1, limit));
      `,
    ));

  test("methods throw for other objects and other arguments, also when closed", (t) =>
    survives(
      t,
      `${WALK}
      const addon = native();
      const { Server, Connection } = addon;
      require(${JSON.stringify(path.join(LIB, "core/loop.js"))}).loop();
      const server = new Server({ ...IDENTITY, handshakeTimeout: 5000 }, { addr: "127.0.0.1", port: 0 });
      const client = Connection.connect(
        { handshakeTimeout: 5000, tickets: true }, { addr: "127.0.0.1", port: server.sockName().port },
      );
      let peer;
      for (let i = 0; i < 1000 && !(client.state === 1 && peer?.state === 1); i++) {
        addon.wait(5, true);
        peer ??= server.accept();
      }
      if (peer?.state !== 1) throw new Error("no connection");
      const ends = new Set(["constructor", "close", "flyAway"]);
      const objects = [server, client, peer];
      const descriptors = (object) => Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object)));
      let walked = 0;
      const pass = () => {
        for (const object of objects) {
          for (const [name, { value, get }] of descriptors(object)) {
            if (ends.has(name)) continue;
            const method = value ?? get;
            walked++;
            walk(name, (...args) => method.apply(object, args));
            for (const other of [...objects, undefined, null, 5, "x", {}, Server.prototype, addon, new Proxy(object, {})]) {
              if (other !== object) attack(() => method.call(other, 0, 0, 0));
            }
          }
        }
      };
      pass();
      // An External of one kind is not taken for another.
      const ticket = client.takeTicket();
      attack(() => new Connection(ticket));
      attack(() => Connection.connect({ session: ticket, psk: [psk] }, { addr: "127.0.0.1", port: 9 }));
      for (const object of objects) { object.close(); object.close(); }
      pass();
      if (walked < 100) throw new Error("not all were walked: " + walked);
      `,
    ));

  test("a watch that was replaced does not outlive its object", (t) =>
    survives(
      t,
      `
      require("node:v8").setFlagsFromString("--expose-gc");
      const gc = require("node:vm").runInNewContext("gc");
      const addon = native();
      require(${JSON.stringify(path.join(LIB, "core/loop.js"))}).loop();
      const ids = [];
      for (let i = 0; i < 50; i++) {
        const server = new addon.Server(IDENTITY, { addr: "127.0.0.1", port: 0 });
        ids.push(server.watch(0), server.watch(0));
        const client = addon.Connection.connect({}, { addr: "127.0.0.1", port: server.sockName().port });
        ids.push(client.watch(0), client.watch(0), client.watch(1), client.watch(1));
      }
      setImmediate(() => {
        gc();
        setImmediate(() => {
          for (const id of ids) addon.unwatch(id);
          console.log("unwatched");
        });
      });
      `,
    ));
});
