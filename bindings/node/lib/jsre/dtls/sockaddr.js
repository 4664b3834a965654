"use strict";

const { AF_INET, AF_INET6 } = require("../../core/address");
const validate = require("../../core/validate");

/** @typedef {import("../../../types/native").Address} Address */

const constants = Object.freeze({
  AF_INET,
  AF_INET6,
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

/**
 * sockaddr() makes an IPv4 address object. It checks types only; the call that
 * uses the object checks whether `addr` is an address.
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

module.exports = { constants, sockaddr, sockaddr6 };
