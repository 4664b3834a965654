"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { createAuthority } = require("./support/certificates");
const { freePort } = require("./support/ports");
const { PATIENCE_MS, serve } = require("./support/pair");
const {
  accepted,
  connectTo,
  gnutlsClient,
  gnutlsServer,
  message,
  opensslClient,
  opensslServer,
} = require("./support/peers");
const { missing } = require("./support/program");

const authority = createAuthority();
const identities = {
  ECDSA: authority.leaf("ecdsa", { key: "ecdsa" }),
  RSA: authority.leaf("rsa", { key: "rsa" }),
};
const addresses = {
  IPv4: { host: "127.0.0.1", type: "udp4", sockaddr: Dtls.sockaddr },
  IPv6: { host: "::1", type: "udp6", sockaddr: Dtls.sockaddr6 },
};

/** How each program is told to do the same. */
const PEERS = {
  openssl: {
    command: ["openssl", "openssl"],
    client: (t, place) =>
      opensslClient(
        t,
        place,
        ...["-CAfile", authority.caFile, "-verify_return_error"],
        ...["-servername", "localhost", "-verify_hostname", "localhost"],
        ...["-quiet", "-no_ign_eof"],
      ),
    server: (t, { port, type }, identity) =>
      opensslServer(t, port, identity, "-quiet", type === "udp6" ? "-6" : "-4"),
  },
  gnutls: {
    command: ["gnutls-cli", "gnutls-serv"],
    client: (t, place) =>
      gnutlsClient(
        t,
        place,
        ...["--x509cafile", authority.caFile],
        ...["--verify-hostname", "localhost", "--sni-hostname", "localhost"],
      ),
    server: (t, { port }, identity) =>
      gnutlsServer(t, port, identity, "--disable-client-cert"),
  },
};
const trusting = {
  rejectUnauthorized: true,
  ca: authority.ca,
  server: "localhost",
};

for (const [peer, { command, client, server }] of Object.entries(PEERS)) {
  for (const [key, identity] of Object.entries(identities)) {
    for (const [family, { host, type, sockaddr }] of Object.entries(
      addresses,
    )) {
      describe(`with ${peer}, ${key} and ${family}`, () => {
        test(
          "its client verifies our server and talks to it",
          { skip: missing(command[0]) },
          async (t) => {
            const own = serve(t, identity, sockaddr(host));
            const program = client(t, own.sockName());
            const dtls = await accepted(t, own);
            assert.equal(dtls.send("greetings", PATIENCE_MS), 9);
            await program.sees(/greetings/);
            program.write("hello\n");
            assert.equal(await message(dtls), "hello\n");
          },
        );

        test(
          "our client verifies its server and talks to it",
          { skip: missing(command[1]) },
          async (t) => {
            const port = await freePort(type);
            const program = server(t, { port, type }, identity);
            const address = sockaddr(host, port);
            const dtls = await connectTo(t, trusting, address, program);
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
