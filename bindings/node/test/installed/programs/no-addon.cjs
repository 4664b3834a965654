"use strict";

// On a processor for which the package has no addon.

Object.defineProperty(process, "arch", { value: "riscv64" });
const Dtls = require("@jsre/dtls");

try {
  Dtls.createServer({ cert: "x" }, Dtls.sockaddr());
} catch (error) {
  console.log(error.message);
}
