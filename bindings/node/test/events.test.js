"use strict";

const assert = require("node:assert/strict");
const NodeEmitter = require("node:events");
const { test } = require("node:test");
const EventEmitter = require("../lib/jsre/host/events");

test("inherits makes an emitter of an object that exists", () => {
  class Thing {
    #secret = 42;
    reveal() {
      return this.#secret;
    }
  }
  const thing = EventEmitter.inherits(new Thing());
  const seen = [];
  thing.on("message", (...args) => seen.push(args));
  assert.equal(thing.emit("message", 1, 2), true);
  assert.deepEqual(seen, [[1, 2]]);
  assert.equal(thing.reveal(), 42);
  assert.deepEqual(Object.keys(thing).includes("on"), false);
});

test("two objects that inherit do not share listeners", () => {
  const [a, b] = [{}, {}].map((each) => EventEmitter.inherits(each));
  a.on("x", () => {});
  assert.equal(b.emit("x"), false);
});

test("on takes several names at once", () => {
  const emitter = new EventEmitter();
  const seen = [];
  const listener = (value) => seen.push(value);
  emitter.on(["a", "b"], listener);
  emitter.emit("a", 1);
  emitter.emit("b", 2);
  emitter.removeListener(["a", "b"], listener);
  emitter.emit("a", 3);
  assert.deepEqual(seen, [1, 2]);
});

test("once is called one time", () => {
  const emitter = new EventEmitter();
  let calls = 0;
  emitter.once("a", () => calls++);
  emitter.emit("a");
  emitter.emit("a");
  assert.equal(calls, 1);
});

test("an emitter of ours is one of Node's, and Node's stays as it was", () => {
  class Sub extends EventEmitter {}
  assert.ok(new Sub() instanceof NodeEmitter);
  assert.equal("inherits" in NodeEmitter, false);
  const names = ["a", "b"];
  const emitter = new NodeEmitter();
  emitter.on(names, () => {});
  assert.deepEqual(emitter.eventNames(), ["a,b"]);
});

test("the emitter can be called on an object, as before there were classes", () => {
  const object = Object.create(EventEmitter.prototype);
  EventEmitter.call(object);
  assert.equal(object.emit("x"), false);
});

test("inherits refuses what is no object", () => {
  assert.throws(() => EventEmitter.inherits(undefined), TypeError);
});
