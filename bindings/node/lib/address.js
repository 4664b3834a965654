"use strict";

const known = require("./known");
const { native } = require("./native");
const validate = require("./validate");

/** @typedef {import("../types/native").Address} Address */

const constants = Object.freeze({
  AF_INET: 2,
  AF_INET6: 10,
  INADDR_NONE: "255.255.255.255",
  INADDR_LOOPBACK: "127.0.0.1",
  INADDR_ANY: "0.0.0.0",
  INADDR_BROADCAST: "255.255.255.255",
  IN6ADDR_ANY: "::",
  IN6ADDR_LOOPBACK: "::1",
  IN6ADDR_NODELOCAL_ALLNODES: "ff01::1",
  IN6ADDR_LINKLOCAL_ALLNODES: "ff02::1",
  IN6ADDR_LINKLOCAL_ALLROUTERS: "ff01::2",
});

const MAX_PORT = 65535;
const MAX_SCOPE = 0xffffffff;

/**
 * sockaddr() makes an IPv4 address object. Only types are checked here: whether
 * `addr` is an address shows when it is used.
 *
 * @param {string} [addr] dotted address; default: INADDR_ANY
 * @param {number} [port] 0 to 65535; default: 0, chosen by the system
 * @returns {Address}
 * @throws {TypeError} when an argument has the wrong type
 */
function sockaddr(addr = constants.INADDR_ANY, port = 0) {
  return {
    domain: constants.AF_INET,
    addr: validate.string("addr", addr),
    port: validate.number("port", port),
  };
}

/**
 * sockaddr6() makes an IPv6 address object.
 *
 * @param {string} [addr] address; default: IN6ADDR_ANY
 * @param {number} [port] 0 to 65535; default: 0, chosen by the system
 * @param {number} [scope] interface index of a link-local address (RFC 4007 §11)
 * @returns {Address}
 * @throws {TypeError} when an argument has the wrong type
 */
function sockaddr6(addr = constants.IN6ADDR_ANY, port = 0, scope) {
  /** @type {Address} */
  const address = {
    domain: constants.AF_INET6,
    addr: validate.string("addr", addr),
    port: validate.number("port", port),
  };
  if (scope !== undefined) {
    address.scope = validate.number("scope", scope);
  }
  return address;
}

/**
 * parse() checks an address object that a program has given.
 *
 * @param {unknown} value
 * @param {number} minPort 0 where the system may choose, 1 for a peer
 * @returns {Address}
 * @throws {TypeError} when a member has the wrong type
 * @throws {Error} EINVAL when a member's value makes no address
 */
function parse(value, minPort) {
  const given = validate.object("sockaddr", value);
  const { domain, addr, port, scope } = known.own("sockaddr", given, [
    "domain",
    "addr",
    "port",
    "scope",
  ]);
  const text = validate.string("sockaddr.addr", addr);
  const number = validate.integer("sockaddr.port", port, minPort, MAX_PORT);
  if (domain !== undefined) {
    validate.number("sockaddr.domain", domain);
  }
  const address =
    scope === undefined
      ? native().parseAddress(text, number)
      : native().parseAddress(
          text,
          number,
          validate.integer("sockaddr.scope", scope, 0, MAX_SCOPE),
        );
  if (domain !== undefined && domain !== address.domain) {
    throw validate.invalid(
      `\`sockaddr.domain\` is ${domain}, but \`sockaddr.addr\` (${text}) is an address of domain ` +
        `${address.domain}: use Dtls.sockaddr() for IPv4, Dtls.sockaddr6() for IPv6, or leave \`domain\` out`,
    );
  }
  return address;
}

/**
 * toText() shows an address to people.
 *
 * @param {Address | undefined} address
 * @returns {string | undefined}
 */
function toText(address) {
  if (address === undefined) {
    return undefined;
  }
  const { domain, addr, port } = address;
  return domain === constants.AF_INET6
    ? `[${addr}]:${port}`
    : `${addr}:${port}`;
}

module.exports = { constants, parse, sockaddr, sockaddr6, toText };
