"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const Dtls = require("..");
const options = require("../lib/core/options");
const iosched = require("../lib/jsre/host/io_event");

const saysThat = (name) => ({
  name: "TypeError",
  message: new RegExp(name.replace(/[.[\]]/g, "\\$&")),
});

describe("addresses", () => {
  test("sockaddr and sockaddr6 have defaults for everything", () => {
    assert.deepEqual(Dtls.sockaddr(), { domain: 2, addr: "0.0.0.0", port: 0 });
    assert.deepEqual(Dtls.sockaddr6(), { domain: 10, addr: "::", port: 0 });
    assert.deepEqual(Dtls.sockaddr6("fe80::1", 5, 2), {
      domain: 10,
      addr: "fe80::1",
      port: 5,
      scope: 2,
    });
  });

  test("sockaddr names the argument of the wrong type", () => {
    assert.throws(() => Dtls.sockaddr(1), saysThat("addr"));
    assert.throws(() => Dtls.sockaddr("::1", "80"), saysThat("port"));
    assert.throws(() => Dtls.sockaddr6("::1", 80, "lo"), saysThat("scope"));
  });

  test("the constants have the values of the page", () => {
    const { AF_INET, AF_INET6, INADDR_NONE, IN6ADDR_LINKLOCAL_ALLROUTERS } =
      Dtls;
    assert.deepEqual(
      [AF_INET, AF_INET6, INADDR_NONE, IN6ADDR_LINKLOCAL_ALLROUTERS],
      [2, 10, "255.255.255.255", "ff01::2"],
    );
  });
});

describe("options", () => {
  test("a server's are completed with the defaults of the page", () => {
    assert.deepEqual(options.serverOptions({ cert: "pem" }), {
      name: undefined,
      ca: undefined,
      cert: "pem",
      key: undefined,
      passwd: undefined,
      ipcert: false,
      renegotiate: false,
      handshakeTimeout: 60000,
      limits: undefined,
      cookieSecret: undefined,
      keyLogFile: undefined,
    });
  });

  test("limits are known by name and positive", () => {
    const limitsOf = (limits) =>
      options.serverOptions({ cert: "pem", limits }).limits;
    assert.deepEqual(limitsOf({ halfOpen: 5 }), { halfOpen: 5 });
    const isRefused = (message) => ({ code: "EINVAL", message });
    assert.throws(() => limitsOf({ halfopen: 5 }), isRefused(/halfOpen,/));
    assert.throws(() => limitsOf({ halfOpen: 0 }), isRefused(/halfOpen/));
    assert.throws(() => limitsOf(5), saysThat("opt.limits"));
  });

  test("a cookie secret has 32 bytes", () => {
    const secretOf = (cookieSecret) =>
      options.serverOptions({ cert: "pem", cookieSecret }).cookieSecret;
    assert.equal(secretOf(Buffer.alloc(32, 1)).length, 32);
    assert.throws(() => secretOf(Buffer.alloc(31)), {
      code: "EINVAL",
      message: /cookieSecret.*32.*31/,
    });
    assert.throws(() => secretOf("text"), saysThat("opt.cookieSecret"));
  });

  test("a client does not reject by default, and both spellings do", () => {
    const rejects = (opt) => options.clientOptions(opt).rejectUnauthorized;
    assert.equal(rejects(undefined), false);
    assert.equal(rejects({ rejectUnauthorized: true }), true);
    assert.equal(rejects({ rejectUnauthorinzed: true }), true);
    assert.equal(
      rejects({ rejectUnauthorized: false, rejectUnauthorinzed: true }),
      false,
    );
  });

  test("PEM may come in a Buffer, of which no string is made", () => {
    const pem = Buffer.from("pem\n");
    const { cert } = options.serverOptions({ cert: pem });
    assert.equal(cert, pem);
  });

  test("the wrong type of an option throws a TypeError that names it", () => {
    const cases = {
      name: 1,
      ca: 1,
      cert: undefined,
      key: true,
      passwd: 1,
      ipcert: 1,
      renegotiate: "no",
      handshakeTimeout: "1000",
    };
    for (const [name, value] of Object.entries(cases)) {
      assert.throws(
        () => options.serverOptions({ cert: "pem", [name]: value }),
        saysThat(`opt.${name}`),
      );
    }
    assert.throws(() => options.serverOptions("pem"), saysThat("opt"));
    assert.throws(
      () => options.clientOptions({ server: 5 }),
      saysThat("opt.server"),
    );
    assert.throws(
      () => options.identityOptions({ cert: "pem" }),
      saysThat("opt.name"),
    );
  });

  test("what may be a secret is not repeated in the message", () => {
    for (const name of ["passwd", "key", "cert"]) {
      assert.throws(
        () => options.serverOptions({ cert: "pem", [name]: 271828 }),
        (error) => !error.message.includes("271828"),
      );
    }
  });

  test("a handshake timeout out of range is EINVAL and says the range", () => {
    for (const handshakeTimeout of [1999, 120001, 2000.5]) {
      assert.throws(() => options.clientOptions({ handshakeTimeout }), {
        code: "EINVAL",
        message: /handshakeTimeout.*2000 to 120000/,
      });
    }
    assert.equal(
      options.clientOptions({ handshakeTimeout: 2000 }).handshakeTimeout,
      2000,
    );
  });
});

describe("iosched.event", () => {
  const callback = () => {};

  test("takes a fourth argument that is no function as arg", () => {
    const event = iosched.event(0, 5, callback, "arg");
    assert.deepEqual([event.errback, event.arg], [undefined, "arg"]);
  });

  test("takes a fourth argument that is a function as errback", () => {
    const errback = () => {};
    const event = iosched.event(0, 5, callback, errback, "arg");
    assert.deepEqual([event.errback, event.arg], [errback, "arg"]);
  });

  test("takes undefined as no errback", () => {
    const event = iosched.event(0, 5, callback, undefined, "arg");
    assert.deepEqual([event.errback, event.arg], [undefined, "arg"]);
  });

  test("names the argument of the wrong type", () => {
    assert.throws(() => iosched.event(3, 5, callback), saysThat("method"));
    assert.throws(() => iosched.event(0, "5", callback), saysThat("fd"));
    assert.throws(() => iosched.event(0, 5), saysThat("callback"));
    assert.throws(
      () => iosched.event(0, 5, callback, "x", "y"),
      saysThat("errback"),
    );
  });
});

test("a Dtls object cannot be made by hand", () => {
  assert.throws(() => new Dtls(), /createServer/);
});
