"use strict";

// Descriptors that go from one object, task or process to another.

const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const dgram = require("node:dgram");
const { once } = require("node:events");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { describe, test } = require("node:test");
const Dtls = require("..");
const { getErrno, setErrno } = require("../lib/jsre/errno");
const iosched = require("../lib/jsre/host/iosched");
const { createAuthority } = require("./support/certificates");
const {
  descriptorsOf,
  inodeOf,
  linkOf,
  udpSocket,
} = require("./support/kernel");
const {
  PATIENCE_MS,
  SHOWN,
  connect,
  join,
  must,
  receive,
  serve,
} = require("./support/pair");
const { Program, missing } = require("./support/program");
const { Relay } = require("./support/relay");
const { Remote } = require("./support/remote");
const { LIMIT, passes } = require("./support/tasks");

const { EBADF, EBUSY, ECONNABORTED, EINVAL, ENOENT } = os.constants.errno;
const { ENOTCONN, ENOTSOCK, EPROTOTYPE, ETIMEDOUT } = os.constants.errno;

const authority = createAuthority();
const identity = authority.leaf("server");
const relayed = { skip: missing("python3") };

let servers = 0;
/** Options of a server with a name of its own. */
const named = () => ({ ...identity, name: `server ${++servers}` });

/** A peer that was accepted and whose handshake has not begun. */
function acceptEarly(t, server, address = server.sockName()) {
  const client = must(Dtls.createClient({}, address, () => {}));
  t.after(() => client.close());
  const peer = must(server.accept(undefined, PATIENCE_MS));
  t.after(() => peer.close());
  return { client, peer };
}

describe("flyAway", () => {
  test(
    "leaves the socket open, without a word to the peer",
    relayed,
    async (t) => {
      const server = serve(t, named());
      const wire = new Relay(t, server.sockName());
      const { client, peer } = join(t, server, {}, await wire.address());
      const fd = peer.sockFd;
      const inode = inodeOf(fd);
      const before = (await wire.datagrams()).length;
      peer.flyAway();
      assert.equal(peer.sockFd, -1);
      assert.deepEqual(descriptorsOf(inode), [fd]);
      assert.equal(udpSocket(inode).remote.port, peer.peerName().port);
      assert.equal(peer.send("x"), -EBADF);
      peer.close();
      assert.deepEqual(descriptorsOf(inode), [fd]);
      assert.equal((await wire.datagrams()).length, before);
      // The peer knows nothing of it.
      assert.equal(client.recv(Buffer.alloc(1), 0, 1, 0), 0);
      assert.equal(client.send("x"), 1);
      fs.closeSync(fd);
    },
  );

  test("right after accept comes before the handshake", relayed, async (t) => {
    const options = { ...named(), ...SHOWN };
    const server = serve(t, options);
    const wire = new Relay(t, server.sockName());
    const early = acceptEarly(t, server, await wire.address());
    const { sockFd } = early.peer;
    early.peer.flyAway();
    // RFC 6347 §4.2.1: ClientHello, HelloVerifyRequest, ClientHello with the cookie,
    // which a client repeats when nothing comes for 100 ms.
    const messages = (await wire.datagrams()).map((d) => d.message);
    assert.deepEqual(messages.slice(0, 3), [1, 3, 1]);
    assert.deepEqual(new Set(messages), new Set([1, 3]));
    const taken = must(Dtls.createByFd(options.name, sockFd, PATIENCE_MS));
    t.after(() => taken.close());
    assert.ok((await wire.datagrams()).some((d) => d.epoch > 0));
    assert.equal(early.client.send("hello", PATIENCE_MS), 5);
    assert.equal(receive(taken), "hello");
  });

  test("of a server without a name leaves a plain descriptor to the program", (t) => {
    const { server, peer } = connect(t, identity);
    const fd = peer.sockFd;
    const inode = inodeOf(fd);
    peer.flyAway();
    assert.deepEqual(descriptorsOf(inode), [fd]);
    fs.closeSync(fd);
    assert.equal(udpSocket(inode), undefined);
    server.flyAway();
    assert.equal(getErrno(), EINVAL);
    assert.ok(server.sockFd >= 0);
  });

  test("takes an event on the descriptor from iosched", (t) => {
    const { peer } = connect(t, named());
    const event = iosched.event(iosched.READ, peer.sockFd, () => {});
    iosched.add(event);
    const fd = peer.sockFd;
    peer.flyAway();
    assert.equal(iosched.listening(event), false);
    fs.closeSync(fd);
  });
});

describe("createByFd", () => {
  test("takes the same socket up, with what has come meanwhile", (t) => {
    const options = named();
    const { client, peer } = connect(t, options);
    const { sockFd } = peer;
    const inode = inodeOf(sockFd);
    client.send("before");
    peer.flyAway();
    client.send("meanwhile");
    const taken = must(Dtls.createByFd(options.name, sockFd, 500));
    t.after(() => taken.close());
    assert.notEqual(taken, peer);
    assert.equal(taken.sockFd, sockFd);
    assert.equal(inodeOf(sockFd), inode);
    assert.deepEqual(taken.peerName(), client.sockName());
    assert.equal(receive(taken), "before");
    assert.equal(receive(taken), "meanwhile");
    taken.send("back");
    assert.equal(receive(client), "back");
    taken.close();
    assert.deepEqual(descriptorsOf(inode), []);
    assert.equal(udpSocket(inode), undefined);
  });

  test("with a callback returns the object at once and hands over the same", (t) => {
    const options = named();
    const server = serve(t, options);
    const { client, peer } = acceptEarly(t, server);
    const { sockFd } = peer;
    peer.flyAway();
    let handed;
    const taken = must(
      Dtls.createByFd(options.name, sockFd, (dtls) => (handed = dtls)),
    );
    t.after(() => taken.close());
    assert.equal(handed, undefined);
    while (handed === undefined) {
      assert.notDeepEqual(iosched.poll(PATIENCE_MS), [[], [], []]);
    }
    assert.equal(handed, taken);
    assert.equal(taken.sockFd, sockFd);
    client.send("hello");
    assert.equal(receive(taken), "hello");
  });

  test("may come before flyAway, as the page has it", (t) => {
    const options = named();
    const { client, peer } = connect(t, options);
    const { sockFd } = peer;
    const results = [];
    const taken = must(
      Dtls.createByFd(options.name, sockFd, (dtls) => results.push(dtls)),
    );
    t.after(() => taken.close());
    // Somebody else cannot have it any more, and whoever waits for nothing is told.
    refused(() => Dtls.createByFd(options.name, sockFd, 0), EBUSY);
    peer.flyAway();
    iosched.poll(PATIENCE_MS);
    assert.deepEqual(results, [taken]);
    client.send("hello");
    assert.equal(receive(taken), "hello");
  });

  test("fails with ECONNABORTED when the owner closes instead", (t) => {
    const options = named();
    const { peer } = connect(t, options);
    const results = [];
    must(
      Dtls.createByFd(options.name, peer.sockFd, (dtls) => results.push(dtls)),
    );
    peer.close();
    setErrno(0);
    iosched.poll(PATIENCE_MS);
    assert.deepEqual(results, [undefined]);
    assert.equal(getErrno(), ECONNABORTED);
  });

  test(
    "fails with ETIMEDOUT when the peer is silent, and closes the descriptor",
    relayed,
    async (t) => {
      const options = named();
      const server = serve(t, options);
      const wire = new Relay(t, server.sockName());
      const address = await wire.address();
      await wire.command("after 2");
      const { peer } = acceptEarly(t, server, address);
      const { sockFd } = peer;
      const inode = inodeOf(sockFd);
      peer.flyAway();
      const start = performance.now();
      refused(() => Dtls.createByFd(options.name, sockFd, 200), ETIMEDOUT);
      const waited = performance.now() - start;
      assert.ok(waited >= 199 && waited < 1500, String(waited));
      assert.deepEqual(descriptorsOf(inode), []);
    },
  );

  test("leaves a descriptor that it cannot use to the caller, and says why", async (t) => {
    const options = named();
    serve(t, options);
    const file = fs.openSync(__filename);
    t.after(() => fs.closeSync(file));
    const tcp = net.createServer().listen(0, "127.0.0.1");
    t.after(() => tcp.close());
    await once(tcp, "listening");
    const udp = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    t.after(() => udp.close());
    await once(udp, "listening");
    const descriptor = (port, table) => {
      const hex = port.toString(16).toUpperCase().padStart(4, "0");
      const line = fs
        .readFileSync(`/proc/net/${table}`, "utf8")
        .split("\n")
        .find((each) => each.includes(`0100007F:${hex} `));
      return descriptorsOf(line.trim().split(/\s+/)[9])[0];
    };
    for (const [fd, errno] of [
      [file, ENOTSOCK],
      [descriptor(tcp.address().port, "tcp"), EPROTOTYPE],
      [descriptor(udp.address().port, "udp"), ENOTCONN],
    ]) {
      const link = linkOf(fd);
      refused(() => Dtls.createByFd(options.name, fd), errno);
      assert.equal(linkOf(fd), link);
      let handed = "nothing";
      refused(
        () => Dtls.createByFd(options.name, fd, (d) => (handed = d)),
        errno,
      );
      assert.equal(handed, "nothing");
    }
    for (const fd of [-1, 999999, 2 ** 31, 1.5]) {
      refused(() => Dtls.createByFd(options.name, fd), EBADF);
    }
  });

  test("wants the name of the server that the connection is of", (t) => {
    const options = named();
    const { name: other } = named();
    serve(t, { ...identity, name: other });
    const { client, peer } = connect(t, options);
    const { sockFd } = peer;
    peer.flyAway();
    refused(() => Dtls.createByFd(other, sockFd), EINVAL);
    refused(() => Dtls.createByFd("nobody", sockFd), ENOENT);
    assert.match(Dtls.lastError().message, /nobody/);
    const taken = must(Dtls.createByFd(options.name, sockFd));
    t.after(() => taken.close());
    client.send("still there");
    assert.equal(receive(taken), "still there");
  });
});

function refused(call, errno) {
  setErrno(0);
  assert.equal(call(), undefined);
  assert.equal(getErrno(), errno, Dtls.lastError()?.message);
}

describe("a task that took a connection up leaves no descriptor", () => {
  const ends = {
    "when its script ends": ``,
    "when it exits": `Task.exit();`,
    "when it throws": `process.on("uncaughtException", () => {}); throw new Error("boom");`,
    "when it is cancelled": `iosched.forever();`,
  };
  const env = { ...process.env, CERT: identity.cert, KEY: identity.key };
  for (const [how, text] of Object.entries(ends)) {
    test(how, LIMIT, (t) =>
      passes(
        t,
        {
          "main.js": `
const Dtls = require("dtls"), fs = require("fs");
const { CERT: cert, KEY: key } = process.env;
const server = Dtls.createServer({ name: "n", cert, key }, Dtls.sockaddr("127.0.0.1", 0));
const client = Dtls.createClient({}, server.sockName(), () => {});
const peer = server.accept();
const task = new Task("./task.js");
const link = fs.readlinkSync("/proc/self/fd/" + peer.sockFd);
const open = () => fs.readdirSync("/proc/self/fd").some((fd) => {
  try { return fs.readlinkSync("/proc/self/fd/" + fd) === link; } catch { return false; }
});
task.send(peer.sockFd);
peer.flyAway();
assert.equal(Task.recv(), "up");
assert.equal(open(), true);
task.send("end");
task.cancel();
const buffer = new Buffer(10);
assert.equal(client.recv(buffer, 0, 10, 10000), 5);
assert.equal(buffer.toString(5), "hello");
while (task.isAlive() || open()) sys.sleep(1);
client.close();
server.close();`.replace(
            "task.cancel();",
            how.includes("cancel") ? "task.cancel();" : "",
          ),
          "task.js": `
const Dtls = require("dtls");
const dtls = Dtls.createByFd("n", Task.recv(), 10000);
assert.equal(dtls.send("hello"), 5);
Task.send(Task.parent(), "up");
${how.includes("cancel") ? "" : "Task.recv();"}
${text}`,
        },
        { env },
      ),
    );
  }
});

describe("a connection goes to another process", () => {
  const secret = randomBytes(32);
  const options = { name: "shared", cookieSecret: secret };

  /** What the process does to which the descriptor went as number \`fd\`. */
  const take = (remote, fd) =>
    remote.run(`
      var { cert, key } = ${JSON.stringify(identity)};
      var cookieSecret = Buffer.from("${secret.toString("hex")}", "hex");
      var server = Dtls.createServer({ name: "shared", cert, key, cookieSecret }, Dtls.sockaddr("127.0.0.1", 0));
      var said = [];
      var dtls = Dtls.createByFd("shared", ${fd}, (same) => {
        var read = () => {
          var buffer = Buffer.alloc(100);
          var n = dtls.recv(buffer, 0, 100, 0);
          if (n > 0) dtls.send("you said " + buffer.toString("utf8", 0, n));
        };
        dtls.onreadable = read;
      });
      [dtls.sockFd, require("fs").readlinkSync("/proc/self/fd/" + dtls.sockFd)];`);

  /**
   * Accepts a peer and lets go of it here at once: Node's loop would begin its
   * handshake.
   *
   * @param {(fd: number) => any} give gives the descriptor to somebody else
   */
  function start(t, give) {
    const server = serve(t, { ...identity, ...options });
    let client;
    const established = new Promise((resolve) => {
      client = must(
        Dtls.createClient(
          { rejectUnauthorized: true, server: "localhost", ca: authority.ca },
          server.sockName(),
          resolve,
        ),
      );
    });
    t.after(() => client.close());
    const peer = must(server.accept(undefined, PATIENCE_MS));
    const fd = peer.sockFd;
    const inode = inodeOf(fd);
    const taker = give(fd);
    peer.flyAway();
    fs.closeSync(fd);
    assert.deepEqual(descriptorsOf(inode), []);
    assert.notEqual(udpSocket(inode), undefined);
    return { inode, established, taker };
  }

  /** Talks to the other process, which has the socket as a descriptor of its own. */
  async function talk({ inode, established }, remote, number) {
    const [taken, link] = await take(remote, number);
    assert.equal(taken, number);
    assert.equal(link, `socket:[${inode}]`);
    const client = must(await established);
    assert.equal(client.authorized, true);
    client.send("hello");
    assert.equal(receive(client), "you said hello");
    await remote.run(`dtls.close()`);
    assert.ok(client.recv(Buffer.alloc(1), 0, 1, PATIENCE_MS) < 0);
    assert.equal(udpSocket(inode), undefined);
  }

  test("that inherits its descriptor", async (t) => {
    const started = start(t, (fd) => {
      const stdio = ["pipe", "pipe", "pipe", fd];
      return new Remote(t, { stdio });
    });
    await talk(started, started.taker, 3);
  });

  test("over a UNIX socket", relayed, async (t) => {
    const script = path.join(__dirname, "support", "pass_descriptor.py");
    const socket = path.join(authority.folder, "handover.sock");
    const through = ["python3", script, "receive", socket];
    const remote = new Remote(t, { through });
    await remote.program.sees(/waiting/);
    const started = start(t, (fd) => {
      const stdio = ["pipe", "pipe", "pipe", fd];
      return new Program(t, "python3", [script, "send", socket], { stdio });
    });
    const { code, output } = await started.taker.exited;
    assert.equal(code, 0, output);
    const number = await remote.run(`Number(process.argv.at(-1))`);
    await talk(started, remote, number);
  });
});
