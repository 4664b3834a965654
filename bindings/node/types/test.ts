// Compiled by tsc, never run: declarations that reject this are wrong.
import Dtls = require("./index");
import iosched = require("./iosched");
import Task = require("./task");

const server = Dtls.createServer(
  { cert: "pem", handshakeTimeout: 2000 },
  Dtls.sockaddr(Dtls.INADDR_ANY, 3000),
);
if (server) {
  const remote: Partial<Dtls.SockAddr> = {};
  const peer: Dtls.Connection | undefined = server.accept(remote, 100);
  const either: Dtls[] = peer ? [server, peer] : [server];
  for (const each of either) each.close();
  // What a server has been bound to is an address for a client.
  Dtls.createClient(
    { renegotiate: true },
    server.sockName(),
    100,
  )?.renegotiate();
  server.onhandshakefailed = (failure, same) => {
    const identity: string | Buffer | undefined = failure.pskIdentity;
    console.log(failure.peer.addr, identity, failure.subject, failure.alert);
    same.onhandshakefailed = null;
  };
  // @ts-expect-error a server has no peer to send to
  server.send("x");
  server.accept(undefined, (dtls, address) => {
    dtls.send(address.addr);
    // @ts-expect-error a connection accepts nobody
    dtls.accept();
    dtls.onestablished = (same) => console.log(same.protocol);
    dtls.onwritable = (same) => same.send("x", 0);
    dtls.onmessage = (message, same) =>
      same.send(message, 0, message.length, 0);
    const accepted: number = dtls.sendMany(["a", Buffer.from("b")], 10);
    if (accepted < 2) {
      Dtls.lastError()?.index?.toFixed();
    }
    dtls.abort();
    // @ts-expect-error a message is no number
    dtls.sendMany([1]);
    dtls.onreadable = (same) => same.recv(Buffer.alloc(10), 0, 10, 0);
  });
  const added: boolean = server.addcert({
    name: "*.example",
    cert: Buffer.alloc(0),
  });
  const size: number | undefined = peer?.getRecvBufferSize();
  console.log(added, size, server.sockName()?.port);
  // @ts-expect-error an address is no string
  Dtls.createServer({ cert: "pem" }, "127.0.0.1");
  Dtls.createServer(
    {
      psk: [
        { identity: "a", key: new Uint8Array(16) },
        { identity: Buffer.from([0xff]), key: new Uint8Array(16) },
      ],
      pskCallback: async (identity) => Buffer.from(identity as string),
      alpn: ["coap"],
      mtu: 1200,
      srtp: ["SRTP_AEAD_AES_128_GCM"],
    },
    Dtls.sockaddr(),
  );
}

const client = Dtls.createClient(
  { server: "localhost", minVersion: "DTLSv1.2", maxVersion: "DTLSv1.3" },
  { addr: "::1", port: 3000 },
  500,
);
const sent: number | undefined = client?.send(
  new Uint8Array([1, 2, 3]),
  0,
  2,
  100,
);
const protocol: Dtls.Version | undefined = client?.protocol;
const material: Buffer | undefined = client?.exportKeyingMaterial(32, "x");
Dtls.createClient(
  { session: client?.session, pskCallback: () => null },
  Dtls.sockaddr(),
  0,
);
// @ts-expect-error there is no such version
Dtls.createClient({ minVersion: "DTLSv1.0" }, Dtls.sockaddr(), 0);
const early: Dtls.Connection | undefined = Dtls.createClient(
  undefined,
  Dtls.sockaddr6(Dtls.IN6ADDR_LOOPBACK, 1),
  (dtls, address) => console.log(dtls?.authorizationError, address.domain),
);
Dtls.createByFd("name", 3, (dtls) => dtls?.close());
const alert: number | undefined = Dtls.lastError()?.alert;
// @ts-expect-error only the module's functions make objects
new Dtls();

const event = iosched.event(iosched.READ, 0, (arg: string) => arg === "", "x");
iosched.add(event);
const withErrback = iosched.event<Dtls.Connection | undefined>(
  iosched.WRITE,
  client?.sockFd ?? -1,
  (dtls) => dtls?.pending() === 0,
  (dtls) => dtls?.close(),
  client,
);
iosched.once(withErrback);
const [readable] = iosched.select([[0], [], []], 10);
iosched.forever(() => readable.length > 0, 10);
iosched.forever({ quit: true });
console.log(
  sent,
  early,
  alert,
  protocol,
  material,
  iosched.fds()[2],
  iosched.poll(0),
);

const task = new Task("./task.js", { any: 1 }, { directory: "/" });
const delivered: boolean = task.send({ sockFd: 1 }) && Task.send(1, "text");
const from: Task.Sender = {};
console.log(Task.recv(from, 100)?.sockFd, from.id, delivered, ARGUMENT);
Task.on("message", (msg, { id }) => Task.send(id, msg)).nextTick(
  (n: number) => console.log(n, Task.create("x")?.isAlive()),
  1,
);
// @ts-expect-error recv() could not tell it from silence
task.send(undefined);
// @ts-expect-error there are messages only
Task.on("exit", () => {});
const same: globalThis.Task = new globalThis.Task("./task.js");
Task.exit(same.cancel());
