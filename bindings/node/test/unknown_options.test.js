"use strict";

// An option that nobody reads never passes in silence.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const Dtls = require("..");
const known = require("../lib/core/known");
const { createAuthority } = require("./support/certificates");
const { runNode } = require("./support/program");
const { serve } = require("./support/pair");

const identity = createAuthority().leaf("server");
const psk = { identity: "a", key: Buffer.alloc(16, 1) };
const here = Dtls.sockaddr(Dtls.INADDR_LOOPBACK);
const nowhere = Dtls.sockaddr(Dtls.INADDR_LOOPBACK, 1);

/**
 * @param {() => void} action
 * @returns {Promise<string[]>} the module's warnings
 */
async function warnings(action) {
  const seen = [];
  const note = (warning) => {
    if (warning.code === "DTLS_UNKNOWN_OPTION") {
      seen.push(warning.message);
    }
  };
  process.on("warning", note);
  action();
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  return seen;
}

describe("an unknown option", () => {
  test("of each call is warned of, and the closest known one is named", async (t) => {
    const server = serve(t, identity);
    const calls = [
      [
        () => Dtls.createClient({ rejectUnauthorised: true }, nowhere, 0),
        /opt\.rejectUnauthorised.*`rejectUnauthorized`/,
      ],
      [
        () => Dtls.createServer({ ...identity, certt: "" }, here)?.close(),
        /opt\.certt.*`cert`/,
      ],
      [
        () => server.addcert({ ...identity, name: "x", pasword: "" }),
        /opt\.pasword.*`passwd`/,
      ],
      [
        () =>
          Dtls.createServer({ psk: [{ ...psk, idenity: "" }] }, here)?.close(),
        /opt\.psk\[0\]\.idenity.*`identity`/,
      ],
      [
        () => Dtls.createClient({ psk: { ...psk, Key2: "" } }, nowhere, 0),
        /opt\.psk\.Key2.*`key`/,
      ],
    ];
    for (const [call, expected] of calls) {
      const seen = await warnings(call);
      assert.equal(seen.length, 1, seen.join("\n"));
      assert.match(seen[0], expected);
    }
  });

  test("is warned of once for each name", async () => {
    const call = () => Dtls.createClient({ sever: "x" }, nowhere, 0);
    assert.equal((await warnings(call)).length, 1);
    assert.equal((await warnings(call)).length, 0);
  });

  test("of the other kind of object is told where it belongs", async () => {
    const seen = await warnings(() =>
      Dtls.createServer(
        { ...identity, rejectUnauthorized: true },
        here,
      )?.close(),
    );
    assert.match(seen.join(), /rejectUnauthorized.*createClient\(\)/);
  });

  test("that is inherited is ignored and warned of", async () => {
    const seen = await warnings(() =>
      Dtls.createClient(Object.create({ loadDefaultCerts: 5 }), nowhere, 0),
    );
    assert.match(seen.join(), /loadDefaultCerts.*inherited/);
  });

  test("that is a getter of a class is ignored and warned of", async () => {
    class Options {
      get rejectUnauthorized() {
        return true;
      }
    }
    class Limits {
      get halfOpen() {
        return 5;
      }
    }
    class Address {
      addr = "127.0.0.1";
      port = 0;
      get scope() {
        return 1;
      }
    }
    class Psk {
      identity = "a";
      get key() {
        return Buffer.alloc(16);
      }
    }
    const calls = [
      [
        () => Dtls.createClient(new Options(), nowhere, 0),
        /`opt\.rejectUnauthorized` is ignored: it is inherited/,
      ],
      [
        () =>
          Dtls.createServer(
            { ...identity, limits: new Limits() },
            here,
          )?.close(),
        /`opt\.limits\.halfOpen` is ignored: it is inherited/,
      ],
      [
        () => Dtls.createServer(identity, new Address())?.close(),
        /`sockaddr\.scope` is ignored: it is inherited/,
      ],
      [
        () =>
          assert.throws(
            () => Dtls.createServer({ psk: new Psk() }, here),
            TypeError,
          ),
        /`opt\.psk\.key` is ignored: it is inherited/,
      ],
    ];
    for (const [call, expected] of calls) {
      const seen = await warnings(call);
      assert.equal(seen.length, 1, seen.join("\n"));
      assert.match(seen[0], expected);
    }
  });

  test("that resembles a known one is warned of after any number of others", async (t) => {
    const program = runNode(
      t,
      `
      const nowhere = Dtls.sockaddr("127.0.0.1", 1);
      const connect = (names) =>
        Dtls.createClient(Object.fromEntries(names.map((name) => [name, true])), nowhere, 0);
      const strange = Array.from({ length: 1000 }, (_, i) => "strange" + i);
      connect([...strange, "rejectUnauthorised"]);
      connect(Array.from({ length: 1000 }, (_, i) => "server".repeat(9) + i));
      connect(["sesion"]);
      `,
    );
    const { output } = await program.exited;
    assert.match(output, /opt\.rejectUnauthorised.*`rejectUnauthorized`/);
    assert.match(output, /opt\.sesion.*`session`/);
    assert.match(output, /further unknown options are ignored/);
    // Those that resemble none fill no log.
    assert.equal(output.match(/is unknown and ignored/g).length, 256 + 2);
  });

  test("is told to a program that waits in the module", async (t) => {
    const program = runNode(
      t,
      `Dtls.createClient({ rejectUnauthorised: true }, Dtls.sockaddr("127.0.0.1", 1), 0);`,
    );
    const { output } = await program.exited;
    assert.match(output, /DTLS_UNKNOWN_OPTION.*rejectUnauthorised/);
  });

  test("is not seen in the options that are known", async () => {
    const all = Object.fromEntries(
      known.KNOWN.createClient.map((name) => [name, undefined]),
    );
    const seen = await warnings(() => Dtls.createClient(all, nowhere, 0));
    assert.deepEqual(seen, []);
  });
});
