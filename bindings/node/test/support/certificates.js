"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const SAN = "DNS:localhost,IP:127.0.0.1,IP:::1";
const KEYS = Object.freeze({
  ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  rsa: ["-newkey", "rsa:2048"],
});

/**
 * Makes a folder with a CA (ca.pem) and certificates that it signs, removed
 * when the process ends. `leaf(name)` returns paths and texts.
 *
 * @param {string} [caName] common name of the CA
 */
function createAuthority(caName = "Test CA") {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "dtls-test-"));
  process.on("exit", () => fs.rmSync(folder, { recursive: true, force: true }));
  const at = (name) => path.join(folder, name);
  const text = (name) => fs.readFileSync(at(name), "utf8");
  const openssl = (...args) =>
    execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });

  openssl(
    ...["req", "-x509", "-nodes", ...KEYS.ecdsa, "-days", "30"],
    ...["-subj", `/CN=${caName}`, "-keyout", "ca.key", "-out", "ca.pem"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  );

  /**
   * @param {string} name file name and common name
   * @param {{ key?: "ecdsa" | "rsa", san?: string, passwd?: string, days?: number }} [options]
   */
  function leaf(name, { key = "ecdsa", san = SAN, passwd, days = 30 } = {}) {
    const secret = passwd ? ["-passout", `pass:${passwd}`] : ["-nodes"];
    openssl(
      ...["req", "-new", ...KEYS[key], ...secret, "-subj", `/CN=${name}`],
      ...["-keyout", `${name}.key`, "-out", `${name}.csr`],
    );
    fs.writeFileSync(at(`${name}.ext`), `subjectAltName=${san}\n`);
    openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-days", String(days)],
      ...["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-extfile", `${name}.ext`, "-out", `${name}.pem`],
    );
    return {
      cert: text(`${name}.pem`),
      key: text(`${name}.key`),
      certFile: at(`${name}.pem`),
      keyFile: at(`${name}.key`),
    };
  }

  return { folder, ca: text("ca.pem"), caFile: at("ca.pem"), leaf, text };
}

module.exports = { createAuthority };
