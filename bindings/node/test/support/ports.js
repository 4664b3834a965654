"use strict";

const dgram = require("node:dgram");
const { once } = require("node:events");

/**
 * A UDP port that was free a moment ago, for programs that cannot tell which
 * one they were given.
 *
 * @param {"udp4" | "udp6"} [type]
 * @returns {Promise<number>}
 */
async function freePort(type = "udp4") {
  const socket = dgram.createSocket(type).bind(0);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}

module.exports = { freePort };
