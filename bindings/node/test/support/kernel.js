"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");

/**
 * What a descriptor of this process stands for, such as "socket:[4711]".
 *
 * @param {number} fd
 * @returns {string | undefined} undefined when it is not open
 */
function linkOf(fd) {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/**
 * The kernel's number of the socket under a descriptor.
 *
 * @param {number} fd
 * @returns {string | undefined} undefined when it is no socket
 */
function inodeOf(fd) {
  return linkOf(fd)?.match(/^socket:\[(\d+)\]$/)?.[1];
}

/**
 * The descriptors of this process that stand for a socket.
 *
 * @param {string} inode
 * @returns {number[]}
 */
function descriptorsOf(inode) {
  return fs
    .readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => inodeOf(fd) === inode);
}

/** Words in the byte order of the machine, as the kernel prints addresses. */
function addressOf(text) {
  const [host, port] = text.split(":");
  const bytes = Buffer.from(host, "hex");
  if (require("node:os").endianness() === "LE") {
    bytes.swap32();
  }
  const ipv6 = () =>
    new URL(`http://[${bytes.toString("hex").match(/..../g).join(":")}]`)
      .hostname;
  return {
    addr: bytes.length === 4 ? bytes.join(".") : ipv6().slice(1, -1),
    port: parseInt(port, 16),
  };
}

/**
 * What the kernel lists about a UDP socket.
 *
 * @param {string | undefined} inode
 * @returns {{ local: { addr: string, port: number }, remote: { addr: string, port: number },
 *   waiting: number } | undefined} waiting: bytes in its receive queue; undefined when there is
 *   no such UDP socket
 */
function udpSocket(inode) {
  for (const table of ["udp", "udp6"]) {
    const file = `/proc/net/${table}`;
    const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    const found = text
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .find((columns) => columns.length > 9 && columns[9] === inode);
    if (found) {
      return {
        local: addressOf(found[1]),
        remote: addressOf(found[2]),
        waiting: parseInt(found[4].split(":")[1], 16),
      };
    }
  }
  return undefined;
}

/**
 * The sizes of a UDP socket's buffers as the kernel accounts for them: twice
 * what was set (socket(7)).
 *
 * @param {string | undefined} inode
 * @returns {{ receive: number, send: number }}
 */
function kernelBuffers(inode) {
  const lines = execFileSync("ss", ["-uaneHmO"], { encoding: "utf8" });
  const line = lines.split("\n").find((each) => each.includes(`ino:${inode} `));
  const [, receive, send] = line.match(/skmem:\(r\d+,rb(\d+),t\d+,tb(\d+)/);
  return { receive: Number(receive), send: Number(send) };
}

module.exports = { descriptorsOf, inodeOf, kernelBuffers, linkOf, udpSocket };
