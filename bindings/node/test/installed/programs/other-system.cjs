"use strict";

// What needs no addon works on every system.

Object.defineProperty(process, "platform", { value: "darwin" });
const Dtls = require("@jsre/dtls");
require("@jsre/dtls/iosched");
require("@jsre/dtls/task");

console.log(Dtls.sockaddr("127.0.0.1", 5684).port);
try {
  Dtls.createClient({}, Dtls.sockaddr("127.0.0.1", 5684), 100);
} catch (error) {
  console.log(error.message);
}
