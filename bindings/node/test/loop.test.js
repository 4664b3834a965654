"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { Loop } = require("../lib/core/loop");

/** An addon whose readiness the test sets: `ready` holds names of what is ready. */
function fakeAddon() {
  const names = new Map();
  let lastId = 0;
  const addon = {
    ready: new Set(),
    waits: [],
    wakes: 0,
    alive: false,
    setNotify: (notify) => (addon.notify = notify),
    ref: () => (addon.alive = true),
    unref: () => (addon.alive = false),
    unwatch: (id) => names.delete(id),
    wake: () => addon.wakes++,
    open: (name) => () => {
      names.set(++lastId, name);
      return lastId;
    },
    wait(ms, all) {
      addon.waits.push(ms);
      addon.onWait?.(ms);
      const ids = [...names].filter(([, name]) => addon.ready.has(name));
      return all ? ids.map(([id]) => id) : [];
    },
  };
  return addon;
}

function fakeLoop() {
  const addon = fakeAddon();
  const loop = new Loop(addon, () => {});
  const calls = [];
  const watch = (name, deliver = () => {}) => {
    const own = loop.watch(
      addon.open(name),
      () => {
        calls.push(name);
        deliver(own);
        return true;
      },
      { interest: 0 },
    );
    return own;
  };
  return { addon, calls, loop, watch };
}

describe("the loop", () => {
  test("keeps Node's loop alive while something is watched", () => {
    const { addon, watch } = fakeLoop();
    const first = watch("a");
    const second = watch("b");
    assert.equal(addon.alive, true);
    first.stop();
    first.stop();
    assert.equal(addon.alive, true);
    second.stop();
    assert.equal(addon.alive, false);
  });

  test("delivers again what is still ready", () => {
    const { addon, calls, loop, watch } = fakeLoop();
    watch("a");
    addon.ready.add("a");
    loop.poll(0);
    loop.poll(0);
    assert.deepEqual(calls, ["a", "a"]);
  });

  test("delivers first what an exception overtook", () => {
    const { addon, calls, loop, watch } = fakeLoop();
    watch("a", () => {
      throw new Error("boom");
    });
    watch("b");
    addon.ready.add("a").add("b");
    assert.throws(() => loop.poll(0), /boom/);
    assert.deepEqual(calls, ["a"]);
    assert.throws(() => loop.poll(0), /boom/);
    assert.deepEqual(calls, ["a", "b", "a"]);
  });

  test("does not deliver what a callback before has stopped", () => {
    const { addon, calls, loop, watch } = fakeLoop();
    const watches = ["a", "b"].map((name) =>
      watch(name, () => watches.forEach((each) => each.stop())),
    );
    addon.ready.add("a").add("b");
    loop.poll(0);
    assert.deepEqual(calls, ["a"]);
  });

  test("leaves out a callback that polls itself, and takes it back afterwards", () => {
    const { addon, calls, loop, watch } = fakeLoop();
    watch("a", () => {
      if (calls.length === 1) {
        loop.poll(0);
      }
    });
    watch("b");
    addon.ready.add("a").add("b");
    loop.poll(0);
    assert.deepEqual(calls, ["a", "b"]);
    loop.poll(0);
    assert.deepEqual(calls.slice(2).sort(), ["a", "b"]);
  });

  test("asks the condition of a wait once more after its time", () => {
    const { addon, loop } = fakeLoop();
    let done;
    addon.onWait = () => (done = "arrived");
    assert.equal(
      loop.waitUntil(() => done, 0),
      "arrived",
    );
  });

  test("delivers no events in a blocking wait", () => {
    const { addon, calls, loop, watch } = fakeLoop();
    watch("a");
    addon.ready.add("a");
    assert.equal(
      loop.waitUntil(() => undefined, 0),
      undefined,
    );
    assert.deepEqual(calls, []);
  });

  test("waits no longer than until the next timer", () => {
    const { addon, loop } = fakeLoop();
    let due = true;
    loop.addSource({
      untilNext: () => (due ? 7 : Infinity),
      run: () => due && !(due = false),
    });
    loop.poll(undefined);
    assert.equal(addon.waits[0], 7);
  });

  test("calls no timers and ticks while they are held", () => {
    const { loop } = fakeLoop();
    let runs = 0;
    loop.addSource({ untilNext: () => 0, run: () => ++runs > 0 });
    loop.hold(() => loop.poll(0));
    assert.equal(runs, 0);
    loop.poll(0);
    assert.equal(runs, 1);
  });

  test("tells sources of every wait, before and after, and whether deliveries are held", () => {
    const { addon, loop } = fakeLoop();
    const told = [];
    loop.addSource({
      untilNext: () => Infinity,
      run: () => false,
      woken: (held) => told.push(held),
    });
    loop.poll(0);
    loop.hold(() => loop.hold(() => loop.poll(0)));
    assert.deepEqual(told, [false, false, true, true]);
    assert.equal(addon.wakes, 1);
  });

  test("asks readiness anew when a timer was called before the events", () => {
    const { addon, calls, loop, watch } = fakeLoop();
    watch("a");
    addon.ready.add("a");
    loop.addSource({
      untilNext: () => 0,
      run: () => addon.ready.delete("a"),
    });
    loop.poll(0);
    assert.deepEqual(calls, []);
  });

  test("delivers what waits when Node's loop notifies", () => {
    const { addon, calls, watch } = fakeLoop();
    watch("a");
    addon.ready.add("a");
    addon.notify();
    assert.deepEqual(calls, ["a"]);
  });
});
