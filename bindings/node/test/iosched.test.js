"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const dgram = require("node:dgram");
const fs = require("node:fs");
const os = require("node:os");
const { test } = require("node:test");
const Dtls = require("..");
const iosched = require("../lib/jsre/host/iosched");
const { getErrno, setErrno } = require("../lib/jsre/errno");
const { createAuthority } = require("./support/certificates");
const { inodeOf, udpSocket } = require("./support/kernel");
const { connect, receive, serve } = require("./support/pair");

const { EBADF, EPERM } = os.constants.errno;
const identity = createAuthority().leaf("server");
const NOTHING = [[], [], []];

/** Two descriptors: one that stays silent, and one that is readable. */
function pipes(t) {
  const open = (file, flags) => {
    const fd = fs.openSync(file, flags);
    t.after(() => fs.closeSync(fd));
    return fd;
  };
  const folder = fs.mkdtempSync(`${os.tmpdir()}/iosched-`);
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const made = ["idle", "ready"].map((name) => {
    execFileSync("mkfifo", [`${folder}/${name}`]);
    return open(
      `${folder}/${name}`,
      fs.constants.O_RDWR | fs.constants.O_NONBLOCK,
    );
  });
  fs.writeSync(made[1], "x");
  return { idle: made[0], ready: made[1] };
}

/** @param {number} port of a UDP socket in this process */
function descriptorOf(port) {
  return fs
    .readdirSync("/proc/self/fd")
    .map(Number)
    .find((fd) => udpSocket(inodeOf(fd))?.local.port === port);
}

test("select returns descriptors that were asked for, and no others", (t) => {
  const server = serve(t, identity);
  const user = pipes(t);
  let accepted = 0;
  let finished = 0;
  server.accept(undefined, (peer) => {
    accepted++;
    t.after(() => peer.close());
  });
  const client = Dtls.createClient({}, server.sockName(), () => finished++);
  t.after(() => client.close());
  while (accepted === 0 || finished === 0) {
    assert.deepEqual(iosched.select([[user.idle], [], []], 5000), NOTHING);
  }
  const event = iosched.event(iosched.WRITE, client.sockFd, () => {});
  iosched.add(event);
  t.after(() => iosched.remove(event));
  assert.deepEqual(iosched.select([[user.idle, user.ready], [], []], 5000), [
    [user.ready],
    [client.sockFd],
    [],
  ]);
});

test("a descriptor that is none is told in a sentence", () => {
  assert.equal(Dtls.createByFd("x", 9999), undefined);
  assert.equal(getErrno(), EBADF);
  assert.match(
    Dtls.lastError().message,
    /descriptor 9999 is not open in this process/,
  );
  assert.equal(Dtls.createByFd("x", -1), undefined);
  assert.match(
    Dtls.lastError().message,
    /`sockFd` is not a descriptor: -1 \(that of a closed object is -1\)/,
  );
});

test("an event is called while data waits, with its argument and itself", (t) => {
  const { client, peer } = connect(t, identity);
  const calls = [];
  const event = iosched.event(
    iosched.READ,
    peer.sockFd,
    (...args) => void calls.push(args),
    "arg",
  );
  assert.equal(iosched.add(event), true);
  assert.equal(iosched.listening(event), true);
  assert.deepEqual(iosched.poll(0), NOTHING);
  client.send("x");
  assert.deepEqual(iosched.poll(5000), [[peer.sockFd], [], []]);
  iosched.poll(0);
  assert.deepEqual(calls, [
    ["arg", event],
    ["arg", event],
  ]);
  receive(peer);
  assert.deepEqual(iosched.poll(0), NOTHING);
  iosched.remove(event);
  assert.equal(iosched.listening(event), false);
});

test("an event ends when its callback returns false, and errback is told", (t) => {
  const { client, peer } = connect(t, identity);
  const calls = [];
  const results = [undefined, 0, null, false];
  const event = iosched.event(
    iosched.READ,
    peer.sockFd,
    () => results.shift(),
    (...args) => calls.push(args),
    7,
  );
  iosched.add(event);
  client.send("x");
  for (let i = 0; i < 4; i++) {
    assert.deepEqual(calls, []);
    iosched.poll(5000);
  }
  assert.deepEqual(calls, [[7, event]]);
  assert.equal(iosched.listening(event), false);
  assert.deepEqual(iosched.poll(0), NOTHING);
});

test("once is called one time and may be added again by its callback", (t) => {
  const { client, peer } = connect(t, identity);
  let calls = 0;
  const event = iosched.event(iosched.READ, peer.sockFd, () => {
    if (++calls === 1) {
      iosched.once(event);
    }
  });
  iosched.once(event);
  client.send("x");
  iosched.poll(5000);
  iosched.poll(5000);
  assert.deepEqual(iosched.poll(0), NOTHING);
  assert.equal(calls, 2);
});

test("a descriptor closed by another callback is not called any more", (t) => {
  const { client, peer } = connect(t, identity);
  let calls = 0;
  const close = () => {
    calls++;
    peer.close();
  };
  const events = [close, close].map((callback) =>
    iosched.event(iosched.READ, peer.sockFd, callback),
  );
  events.forEach(iosched.add);
  client.send("x");
  iosched.poll(5000);
  iosched.poll(0);
  assert.equal(calls, 1);
  assert.deepEqual(events.map(iosched.listening), [false, false]);
});

test("a callback may remove all events, its own too", (t) => {
  const { client, peer } = connect(t, identity);
  let calls = 0;
  const callback = () => {
    calls++;
    iosched.remove();
  };
  for (let i = 0; i < 3; i++) {
    iosched.add(iosched.event(iosched.READ, peer.sockFd, callback));
  }
  client.send("x");
  iosched.poll(5000);
  iosched.poll(0);
  assert.equal(calls, 1);
});

test("a callback may poll itself", (t) => {
  const { client, peer } = connect(t, identity);
  const seen = [];
  iosched.add(
    iosched.event(iosched.READ, peer.sockFd, () => {
      seen.push("in");
      assert.deepEqual(iosched.poll(20), NOTHING);
      seen.push(receive(peer));
    }),
  );
  client.send("x");
  iosched.poll(5000);
  assert.deepEqual(seen, ["in", "x"]);
  client.send("y");
  iosched.poll(5000);
  assert.deepEqual(seen, ["in", "x", "in", "y"]);
  iosched.remove();
});

test("select waits for descriptors that are not events", (t) => {
  const { client, peer } = connect(t, identity);
  const fd = peer.sockFd;
  assert.deepEqual(iosched.select([[fd], [], []], 0), NOTHING);
  client.send("x");
  assert.deepEqual(iosched.select([[fd]], 5000), [[fd], [], []]);
});

test("select waits for descriptors of the kernel", async (t) => {
  const socket = dgram.createSocket("udp4");
  t.after(() => socket.close());
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  // Node has no public way to a socket's descriptor; the kernel lists it.
  const fd = descriptorOf(socket.address().port);
  assert.deepEqual(iosched.select([[fd], [fd], []], 1000), [[], [fd], []]);
});

test("fds merges events with what is given", (t) => {
  const { client, peer } = connect(t, identity);
  const event = iosched.event(iosched.READ, peer.sockFd, () => {});
  iosched.add(event);
  const merged = iosched.fds([[peer.sockFd], [client.sockFd], []]);
  assert.deepEqual(merged, [[peer.sockFd], [client.sockFd], []]);
  iosched.remove(event);
  assert.deepEqual(iosched.fds(), NOTHING);
});

test("what cannot be waited for is told by errno", () => {
  const callback = () => {};
  const file = fs.openSync(__filename);
  for (const [fd, errno] of [
    [-1, EBADF],
    [99999, EBADF],
    [file, EPERM],
  ]) {
    setErrno(0);
    const event = iosched.event(iosched.READ, fd, callback);
    assert.equal(iosched.add(event), false);
    assert.equal(getErrno(), errno);
    assert.equal(iosched.listening(event), false);
    setErrno(0);
    assert.deepEqual(iosched.select([[fd], [], []], 0), NOTHING);
    assert.equal(getErrno(), errno);
  }
  fs.closeSync(file);
});

test("a negative timeout waits for ever", () => {
  const { setTimeout } = require("../lib/jsre/host/timers");
  let fired = 0;
  setTimeout(() => fired++, 5);
  iosched.poll(-1);
  assert.equal(fired, 1);
  setTimeout(() => fired++, 5);
  let asked = 0;
  iosched.forever(() => ++asked > 0 && fired === 2, -1);
  assert.ok(asked < 10, `asked ${asked} times`);
});

test("arguments of the wrong type throw a TypeError that names them", () => {
  const saysThat = (message) => ({ name: "TypeError", message });
  assert.throws(() => iosched.add({}), saysThat(/ioevent/));
  assert.throws(() => iosched.poll("5"), saysThat(/timeout/));
  assert.throws(() => iosched.select(5, 0), saysThat(/fds/));
  assert.throws(() => iosched.select([["x"]], 0), saysThat(/fds\[read\]/));
  assert.throws(() => iosched.forever(5), saysThat(/check/));
});
