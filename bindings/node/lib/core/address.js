"use strict";

const known = require("./known");
const { native } = require("./native");
const validate = require("./validate");

/** @typedef {import("../../types/native").Address} Address */

const AF_INET = 2;
const AF_INET6 = 10;

const MAX_PORT = 65535;
const MAX_SCOPE = 0xffffffff;

/**
 * parse() checks an address object of the program.
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
 * toText() formats an address for people to read.
 *
 * @param {Address | undefined} address
 * @returns {string | undefined}
 */
function toText(address) {
  if (address === undefined) {
    return undefined;
  }
  const { domain, addr, port } = address;
  return domain === AF_INET6 ? `[${addr}]:${port}` : `${addr}:${port}`;
}

module.exports = { AF_INET, AF_INET6, parse, toText };
