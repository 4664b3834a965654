"use strict";

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { TimerHeap } = require("../lib/jsre/host/timer_heap");
const { Immediate, Timeout } = require("../lib/jsre/host/timeout");
const { TimerQueue } = require("../lib/jsre/host/timer_queue");

const nothing = () => {};

/** A queue whose clock and host timers are the test's. */
function virtualQueue() {
  const clock = { now: 0 };
  const armed = [];
  const host = {
    setTimeout(callback, ms) {
      const timer = { callback, at: clock.now + ms, refs: true };
      timer.ref = () => (timer.refs = true);
      timer.unref = () => (timer.refs = false);
      armed.push(timer);
      return timer;
    },
    clearTimeout(timer) {
      const index = armed.indexOf(timer);
      if (index >= 0) {
        armed.splice(index, 1);
      }
    },
    setImmediate: nothing,
  };
  const queue = new TimerQueue(nothing, { host, now: () => clock.now });
  const calls = [];
  return {
    armed,
    calls,
    clock,
    queue,
    after: (ms, name, repeat) =>
      new Timeout(queue, () => calls.push(name), [], ms, repeat),
    at(time) {
      clock.now = time;
      return queue.run(nothing);
    },
  };
}

describe("the heap of timers", () => {
  test("gives back what was added in the order of time, whatever is removed between", () => {
    const heap = new TimerHeap();
    let seed = 7;
    const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
    const entries = Array.from({ length: 500 }, (_, order) => ({
      due: random(100),
      order,
      index: -1,
    }));
    entries.forEach((entry) => heap.add(entry));
    const kept = entries.filter((entry) => {
      const drop = random(3) === 0;
      return !(drop && heap.remove(entry));
    });
    const popped = [];
    for (let entry = heap.first(); entry; entry = heap.first()) {
      heap.remove(entry);
      popped.push(entry);
    }
    kept.sort((a, b) => a.due - b.due || a.order - b.order);
    assert.deepEqual(popped, kept);
  });

  test("says that an entry outside of it was not removed", () => {
    assert.equal(
      new TimerHeap().remove({ due: 0, order: 0, index: -1 }),
      false,
    );
  });
});

describe("the queue of timers", () => {
  test("calls what is due, and tells how long the next one takes", () => {
    const { after, at, calls, queue } = virtualQueue();
    after(30, "late");
    after(10, "early");
    assert.equal(queue.untilNext(), 10);
    assert.equal(at(9), false);
    assert.equal(at(10), true);
    assert.deepEqual(calls, ["early"]);
    assert.equal(queue.untilNext(), 20);
    at(30);
    assert.deepEqual(calls, ["early", "late"]);
    assert.equal(queue.untilNext(), Infinity);
  });

  test("keeps an interval to its times, and skips what was missed", () => {
    const { after, at, calls, queue } = virtualQueue();
    after(10, "tick", 10);
    at(12);
    assert.equal(queue.untilNext(), 8);
    at(75);
    assert.deepEqual(calls, ["tick", "tick"]);
    assert.equal(queue.untilNext(), 10);
  });

  test("lets an interval be cleared by its own callback", () => {
    const { at, queue } = virtualQueue();
    const interval = new Timeout(queue, () => interval.close(), [], 5, 5);
    at(5);
    assert.equal(queue.untilNext(), Infinity);
  });

  test("leaves what an exception overtakes for the next run", () => {
    const { after, at, calls, queue } = virtualQueue();
    const boom = () => {
      throw new Error("boom");
    };
    const interval = new Timeout(queue, boom, [], 5, 20);
    after(5, "after");
    assert.throws(() => at(5), /boom/);
    assert.deepEqual(calls, []);
    at(5);
    assert.deepEqual(calls, ["after"]);
    assert.equal(interval.remain(), 20);
  });

  test("runs an immediate once, and one made meanwhile in the next run", () => {
    const { at, calls, queue } = virtualQueue();
    new Immediate(queue, () => {
      calls.push("first");
      new Immediate(queue, () => calls.push("second"), []);
    }, []);
    assert.equal(queue.untilNext(), 0);
    at(0);
    assert.deepEqual(calls, ["first"]);
    at(0);
    assert.deepEqual(calls, ["first", "second"]);
  });

  test("has one timer of the host at the nearest deadline, for as long as there is one", () => {
    const { after, armed } = virtualQueue();
    const late = after(50, "late");
    const early = after(20, "early");
    assert.deepEqual(
      armed.map(({ at }) => at),
      [20],
    );
    early.close();
    late.close();
    assert.deepEqual(armed, []);
  });

  test("keeps the program alive only for timers that are referenced", () => {
    const { after, armed } = virtualQueue();
    const timer = after(10, "x").unref();
    assert.equal(armed[0].refs, false);
    timer.ref();
    assert.equal(armed[0].refs, true);
  });

  test("is driven by the host when nobody polls", () => {
    const { after, armed, calls, clock } = virtualQueue();
    after(10, "first");
    after(30, "second");
    clock.now = 10;
    armed.pop().callback();
    assert.deepEqual(calls, ["first"]);
    assert.equal(armed[0].at, 30);
  });
});
