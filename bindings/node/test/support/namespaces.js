"use strict";

const { execFileSync, spawnSync } = require("node:child_process");
const { Remote } = require("./remote");

const ip = (...args) => execFileSync("ip", args, { encoding: "utf8" });

/** A link that was set up is used by the kernel a moment later. */
function untilUp(name, link) {
  const TRIES = 1000;
  for (let i = 0; i < TRIES; i++) {
    if (ip("-n", name, "link", "show", link).includes("state UP")) {
      return;
    }
  }
  throw new Error(`${link} in ${name} did not come up`);
}

/**
 * Why network namespaces cannot be had here; false when they can.
 *
 * @returns {string | false}
 */
function noNamespaces() {
  if (process.getuid?.() !== 0) {
    return "network namespaces need root";
  }
  const probe = `dtls-probe-${process.pid}`;
  const added = spawnSync("ip", ["netns", "add", probe], { encoding: "utf8" });
  if (added.error || added.status !== 0) {
    return `\`ip netns\` is not possible: ${added.error?.message ?? added.stderr.trim()}`;
  }
  const entered = spawnSync("ip", ["netns", "exec", probe, "true"]);
  ip("netns", "delete", probe);
  return entered.status === 0 ? false : "namespaces cannot be entered";
}

let last = 0;

/**
 * Two network namespaces with two links between them, removed when the test
 * ends:
 *
 *     here   l0 10.77.0.1, fe80::1 ─── l0 10.77.0.2, fe80::2   there
 *            l1 10.77.1.1, fe80::1 ─── l1 10.77.1.2, fe80::2
 */
class Namespaces {
  #names;

  /** @param {import("node:test").TestContext} t */
  constructor(t) {
    const id = `${process.pid}-${++last}`;
    this.#names = { here: `dtls-here-${id}`, there: `dtls-there-${id}` };
    const names = Object.values(this.#names);
    t.after(() => names.forEach((name) => ip("netns", "delete", name)));
    for (const name of names) {
      ip("netns", "add", name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    const [here, there] = names;
    for (const link of ["l0", "l1"]) {
      ip(
        ...["-n", here, "link", "add", link, "type", "veth"],
        ...["peer", "name", link, "netns", there],
      );
      for (const [index, name] of names.entries()) {
        const host = index + 1;
        const add = (address) =>
          ip("-n", name, "address", "add", address, "dev", link, "nodad");
        // No other link-local address than ours, which needs no time to settle.
        ip("-n", name, "link", "set", link, "addrgenmode", "none");
        ip(
          ...["-n", name, "address", "add"],
          ...[`10.77.${link[1]}.${host}/24`, "dev", link],
        );
        add(`fe80::${host}/64`);
        ip("-n", name, "link", "set", link, "up");
      }
      names.forEach((name) => untilUp(name, link));
    }
  }

  /**
   * @param {import("node:test").TestContext} t
   * @param {"here" | "there"} where
   * @param {NodeJS.ProcessEnv} [env]
   * @returns {Remote} a process in a namespace
   */
  remote(t, where, env) {
    const through = ["ip", "netns", "exec", this.#names[where]];
    return new Remote(t, { through, env });
  }

  /**
   * Packets that an interface has sent and received.
   *
   * @param {"here" | "there"} where
   * @param {string} link
   * @returns {{ sent: number, received: number }}
   */
  packets(where, link) {
    const name = this.#names[where];
    const shown = ip("-n", name, "-s", "-j", "link", "show", link);
    const { tx, rx } = JSON.parse(shown)[0].stats64;
    return { sent: tx.packets, received: rx.packets };
  }
}

/**
 * A path whose middle hop is narrow, between two routers that send no ICMP
 * message of IPv4, as where a firewall drops them. Removed when the test ends:
 *
 *     here 10.78.0.1 ─── near ─── narrow ─── far ─── 10.78.2.2 there
 *          fd78::1                                   fd78:2::2
 */
class NarrowPath {
  /** Where the host `there` is. */
  static there4 = "10.78.2.2";
  static there6 = "fd78:2::2";

  #names;

  /**
   * @param {import("node:test").TestContext} t
   * @param {number} mtu of the middle hop
   */
  constructor(t, mtu) {
    const id = `${process.pid}-${++last}`;
    const places = ["here", "near", "far", "there"];
    const names = places.map((place) => `dtls-${place}-${id}`);
    const [here, near, far, there] = names;
    this.#names = { here, there };
    t.after(() => names.forEach((name) => ip("netns", "delete", name)));
    for (const name of names) {
      ip("netns", "add", name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    for (const hop of [0, 1, 2]) {
      const ends = names.slice(hop, hop + 2);
      const link = `hop${hop}`;
      ip(
        ...["-n", ends[0], "link", "add", link, "type", "veth"],
        ...["peer", "name", link, "netns", ends[1]],
      );
      for (const [index, name] of ends.entries()) {
        const add = (address) =>
          ip("-n", name, "address", "add", address, "dev", link, "nodad");
        // A link of less than 1280 bytes has no IPv6.
        if (hop === 1) ip("-n", name, "link", "set", link, "mtu", `${mtu}`);
        ip(
          ...["-n", name, "address", "add"],
          ...[`10.78.${hop}.${index + 1}/24`, "dev", link],
        );
        if (hop !== 1 || mtu >= 1280) add(`fd78:${hop}::${index + 1}/64`);
        ip("-n", name, "link", "set", link, "up");
      }
      ends.forEach((name) => untilUp(name, link));
    }
    const forwards =
      "echo 1 > /proc/sys/net/ipv4/ip_forward && " +
      "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";
    for (const router of [near, far]) {
      ip("netns", "exec", router, "sh", "-c", forwards);
    }
    const routes = [
      [here, "0", 2],
      [near, "1", 2],
      [far, "1", 1],
      [there, "2", 1],
    ];
    for (const [name, hop, host] of routes) {
      ip("-n", name, "route", "add", "default", "via", `10.78.${hop}.${host}`);
      if (hop === "1" && mtu < 1280) continue;
      const via = `fd78:${hop}::${host}`;
      ip("-n", name, "-6", "route", "add", "default", "via", via);
    }
    for (const router of [near, far]) {
      // Of IPv4, what the router sends by itself goes nowhere.
      ip("-n", router, "rule", "add", "iif", "lo", "pref", "1", "blackhole");
    }
  }

  /**
   * @param {import("node:test").TestContext} t
   * @param {"here" | "there"} where
   * @param {NodeJS.ProcessEnv} [env]
   * @returns {Remote} a process at an end of the path
   */
  remote(t, where, env) {
    const through = ["ip", "netns", "exec", this.#names[where]];
    return new Remote(t, { through, env });
  }
}

module.exports = { Namespaces, NarrowPath, noNamespaces };
