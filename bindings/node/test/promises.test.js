"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { promisify } = require("node:util");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");

const authority = createAuthority();
const { cert, key } = authority.leaf("server");
const client = {
  rejectUnauthorized: true,
  ca: authority.ca,
  server: "localhost",
};

/** Closes what a test has opened. */
function serve(t, options = {}) {
  const server = Dtls.createServer(
    { cert, key, ...options },
    Dtls.sockaddr("127.0.0.1", 0),
  );
  t.after(() => server.close());
  return server;
}

describe("util.promisify", () => {
  const connect = promisify(Dtls.createClient);
  const take = promisify(Dtls.createByFd);

  test("createClient: the connection, when its handshake is finished", async (t) => {
    const server = serve(t);
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    const connection = await connect(client, server.sockName());
    t.after(() => connection.close());
    assert.ok(connection instanceof Dtls);
    assert.equal(connection.authorized, true);
    assert.match(connection.protocol, /^DTLSv1\./);
  });

  test("createClient: the reason of a handshake that failed", async (t) => {
    const server = serve(t);
    server.accept(undefined, (peer) => t.after(() => peer.close()));
    const stranger = { ...client, ca: createAuthority("Another").ca };
    const failed = connect(stranger, server.sockName());
    await assert.rejects(failed, (error) => {
      assert.equal(error, Dtls.lastError());
      assert.equal(error.code, "EACCES");
      return true;
    });
  });

  test("createClient: the reason why it could not begin", async () => {
    const nowhere = { addr: "127.0.0.1", port: 0 };
    await assert.rejects(connect(client, nowhere), { code: "EINVAL" });
    await assert.rejects(connect(client, "127.0.0.1"), TypeError);
  });

  test("createByFd: the connection that another object has given away", async (t) => {
    const server = serve(t, { name: "promises" });
    const taken = new Promise((resolve, reject) => {
      server.accept(undefined, (peer) => {
        const fd = peer.sockFd;
        peer.flyAway();
        take("promises", fd).then(resolve, reject);
      });
    });
    const connection = await connect(client, server.sockName());
    t.after(() => connection.close());
    const peer = await taken;
    t.after(() => peer.close());
    assert.deepEqual(peer.peerName(), connection.sockName());
  });

  test("createByFd: the reason of a failure", async () => {
    await assert.rejects(take("none", -1), { code: "EBADF" });
  });

  test("accept: that there is no promise of many peers", (t) => {
    const server = serve(t);
    assert.throws(() => promisify(server.accept).call(server), /every peer/);
  });
});
