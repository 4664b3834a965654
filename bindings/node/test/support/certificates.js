"use strict";

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const SAN = "DNS:localhost,IP:127.0.0.1,IP:::1";
const KEYS = Object.freeze({
  ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  p384: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
  ed25519: ["-newkey", "ed25519"],
  rsa: ["-newkey", "rsa:2048"],
});
const CA_EXTENSIONS =
  "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n";

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

  /** Has `issuer` sign a new key's certificate. */
  function sign(name, { key, days, extensions, issuer }) {
    openssl(
      ...["req", "-new", ...KEYS[key], "-nodes", "-subj", `/CN=${name}`],
      ...["-keyout", `${name}.key`, "-out", `${name}.csr`],
    );
    fs.writeFileSync(at(`${name}.ext`), extensions);
    openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-days", String(days)],
      ...["-CA", `${issuer}.pem`, "-CAkey", `${issuer}.key`, "-CAcreateserial"],
      ...["-extfile", `${name}.ext`, "-out", `${name}.pem`],
    );
  }

  /**
   * Makes an authority below the CA, as the `issuer` of leaves.
   *
   * @param {string} name file name and common name
   * @returns {string} its certificate
   */
  function intermediate(name) {
    const extensions = CA_EXTENSIONS;
    sign(name, { key: "ecdsa", days: 30, extensions, issuer: "ca" });
    return text(`${name}.pem`);
  }

  /**
   * @param {string} name file name and common name
   * @param {{ key?: keyof typeof KEYS, san?: string, days?: number, issuer?: string,
   *   passwd?: string, traditional?: boolean }} [options] passwd encrypts the key, as PKCS#8
   *   or in the traditional format
   */
  function leaf(
    name,
    {
      key = "ecdsa",
      san = SAN,
      days = 30,
      issuer = "ca",
      passwd,
      traditional = false,
    } = {},
  ) {
    sign(name, { key, days, issuer, extensions: `subjectAltName=${san}\n` });
    if (passwd) {
      const format = traditional ? ["-traditional"] : [];
      openssl(
        ...["pkey", "-in", `${name}.key`, "-out", `${name}.locked`],
        ...["-aes256", "-passout", `pass:${passwd}`, ...format],
      );
      fs.renameSync(at(`${name}.locked`), at(`${name}.key`));
    }
    // What a test spreads into options are options only.
    const hidden = (value) => ({ value, enumerable: false });
    return Object.defineProperties(
      { cert: text(`${name}.pem`), key: text(`${name}.key`) },
      {
        certFile: hidden(at(`${name}.pem`)),
        keyFile: hidden(at(`${name}.key`)),
      },
    );
  }

  const ca = text("ca.pem");
  return { folder, ca, caFile: at("ca.pem"), intermediate, leaf, text };
}

module.exports = { createAuthority };
