"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");
const { freePort } = require("./support/ports");
const { PATIENCE_MS, serve } = require("./support/pair");
const { Program, missing } = require("./support/program");

const authority = createAuthority();
const identities = {
  ECDSA: authority.leaf("ecdsa", { key: "ecdsa" }),
  RSA: authority.leaf("rsa", { key: "rsa" }),
};
const addresses = {
  IPv4: { host: "127.0.0.1", type: "udp4", sockaddr: Dtls.sockaddr },
  IPv6: { host: "::1", type: "udp6", sockaddr: Dtls.sockaddr6 },
};

const bracketed = (host) => (host.includes(":") ? `[${host}]` : host);

/** How each program is told to do the same, and what it says when connected. */
const PEERS = {
  openssl: {
    client: ({ host, port }) => [
      ...["s_client", "-dtls1_2", "-connect", `${bracketed(host)}:${port}`],
      ...["-CAfile", authority.caFile, "-verify_return_error"],
      ...["-servername", "localhost", "-verify_hostname", "localhost"],
      ...["-quiet", "-no_ign_eof"],
    ],
    server: ({ port, identity, type }) => [
      ...["s_server", "-dtls1_2", "-accept", String(port), "-quiet"],
      ...["-cert", identity.certFile, "-key", identity.keyFile],
      type === "udp6" ? "-6" : "-4",
    ],
  },
  gnutls: {
    client: ({ host, port }) => [
      ...["--udp", "--port", String(port), "--x509cafile", authority.caFile],
      ...["--verify-hostname", "localhost", "--sni-hostname", "localhost"],
      host,
    ],
    server: ({ port, identity }) => [
      ...["--udp", "--echo", "--port", String(port), "--disable-client-cert"],
      ...["--x509certfile", identity.certFile],
      ...["--x509keyfile", identity.keyFile],
    ],
  },
};
const COMMANDS = {
  openssl: { client: "openssl", server: "openssl" },
  gnutls: { client: "gnutls-cli", server: "gnutls-serv" },
};

/** Resolves with the next message, by way of Node's loop. */
function message(dtls) {
  return new Promise((resolve, reject) => {
    dtls.onreadable = () => {
      const buffer = Buffer.alloc(16384);
      const n = dtls.recv(buffer, 0, buffer.length, 0);
      if (n !== 0) {
        dtls.onreadable = null;
        n > 0
          ? resolve(buffer.toString("utf8", 0, n))
          : reject(Dtls.lastError());
      }
    };
  });
}

/**
 * A client that tries again for as long as the server is not up.
 *
 * @returns {Promise<object>}
 */
async function connectTo(address, program) {
  const options = {
    rejectUnauthorized: true,
    ca: authority.ca,
    server: "localhost",
  };
  for (;;) {
    const client = await new Promise((resolve) =>
      Dtls.createClient(options, address, resolve),
    );
    if (client) {
      return client;
    }
    const error = Dtls.lastError();
    assert.equal(error.code, "ECONNREFUSED", error.message);
    assert.ok(!program.ended, program.output);
  }
}

for (const [peer, { client, server }] of Object.entries(PEERS)) {
  for (const [key, identity] of Object.entries(identities)) {
    for (const [family, { host, type, sockaddr }] of Object.entries(
      addresses,
    )) {
      describe(`with ${peer}, ${key} and ${family}`, () => {
        test(
          "its client verifies our server and talks to it",
          { skip: missing(COMMANDS[peer].client) },
          async (t) => {
            const own = serve(t, identity, sockaddr(host));
            const accepted = new Promise((resolve) =>
              own.accept(undefined, resolve),
            );
            const { port } = own.sockName();
            const program = new Program(
              t,
              COMMANDS[peer].client,
              client({ host, port }),
            );
            const dtls = await accepted;
            t.after(() => dtls.close());
            assert.equal(dtls.send("greetings", PATIENCE_MS), 9);
            await program.sees(/greetings/);
            program.write("hello\n");
            assert.equal(await message(dtls), "hello\n");
          },
        );

        test(
          "our client verifies its server and talks to it",
          { skip: missing(COMMANDS[peer].server) },
          async (t) => {
            const port = await freePort(type);
            const program = new Program(
              t,
              COMMANDS[peer].server,
              server({ port, identity, type }),
            );
            const dtls = await connectTo(sockaddr(host, port), program);
            t.after(() => dtls.close());
            assert.equal(dtls.authorized, true);
            assert.equal(dtls.send("hello\n"), 6);
            if (peer === "openssl") {
              await program.sees(/hello/);
              program.write("greetings\n");
              assert.equal(await message(dtls), "greetings\n");
            } else {
              assert.match(await message(dtls), /hello/);
            }
          },
        );
      });
    }
  }
}
