// The same module in a plain Node program, where Node's own loop calls back:
//   node node-echo.js
const fs = require("node:fs");
const Dtls = require("../../bindings/node"); // elsewhere: require("@jsre/dtls")

const server = Dtls.createServer(
  { cert: fs.readFileSync("./cert.pem"), key: fs.readFileSync("./cert.key") },
  Dtls.sockaddr("127.0.0.1", 0),
);
if (!server) {
  throw Dtls.lastError();
}

server.accept(undefined, (peer) => {
  peer.onreadable = () => {
    const buffer = Buffer.alloc(16384);
    let n;
    while ((n = peer.recv(buffer, 0, buffer.length, 0)) > 0) {
      peer.send(buffer, 0, n);
    }
    if (n < 0) {
      peer.close();
      server.close();
    }
  };
});

const options = {
  rejectUnauthorized: true,
  ca: fs.readFileSync("./ca.pem"),
  server: "localhost",
};

Dtls.createClient(options, server.sockName(), (client) => {
  if (!client) {
    throw Dtls.lastError();
  }
  client.send("Hello from Node");
  client.onreadable = () => {
    const buffer = Buffer.alloc(16384);
    const n = client.recv(buffer, 0, buffer.length, 0);
    console.log("Echo:", buffer.toString("utf8", 0, n));
    client.close();
  };
});
