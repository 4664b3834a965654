"use strict";

// stage.js FOLDER ARCHITECTURE...: makes the tarball of the npm package in FOLDER, out of this clone and
// the addons in build/package/prebuilds, and tells what is inside. `./dev package` runs it.

const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const PACKAGE = path.resolve(__dirname, "..");
const ROOT = path.resolve(PACKAGE, "..", "..");
const PREBUILDS = path.join(ROOT, "build/package/prebuilds");
/** Of the packed tarball, in bytes: every `npm install` fetches it. */
const MOST = 15e6;

/** Documents of the package that stand elsewhere in the clone. */
const DOCUMENTS = Object.freeze({
  "README.md": "bindings/node/README.md",
  "CHANGELOG.md": "CHANGELOG.md",
  LICENSE: "LICENSE",
  NOTICE: "bindings/node/NOTICE",
});

/** What serves the clone only. */
const UNPUBLISHED = ["scripts", "devDependencies"];

/**
 * webAddress() turns the address of a git remote into one that everybody can clone from.
 *
 * @param {string} remote
 * @returns {string | undefined} undefined for a path of this machine
 */
function webAddress(remote) {
  const [, host, where] =
    remote.match(/^(?:\w[\w+.-]*:\/\/)(?:[^@/]*@)?([^/:]+)(?::\d+)?\/(.+)$/) ??
    remote.match(/^(?:[^@/]+@)?([^/:]{2,}):(?!\/\/)\/?(.+)$/) ??
    [];
  return host && `https://${host}/${where.replace(/(?:\.git)?\/*$/, "")}.git`;
}

/** @returns {string | undefined} the address of this clone's remote */
function remoteOfClone() {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync("git", ["-C", ROOT, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    const [first] = git("remote").split("\n");
    return first ? webAddress(git("remote", "get-url", first)) : undefined;
  } catch {
    return undefined; // an archive of the sources
  }
}

/**
 * manifest() is the package.json of the package.
 *
 * @param {string | undefined} address of the repository
 */
function manifest(address) {
  const own = require("../package.json");
  const web = address?.replace(/\.git$/, "");
  return {
    ...Object.fromEntries(
      Object.entries(own).filter(([name]) => !UNPUBLISHED.includes(name)),
    ),
    ...(address && {
      homepage: `${web}#readme`,
      bugs: { url: `${web}/issues` },
      repository: {
        type: "git",
        url: `git+${address}`,
        directory: "bindings/node",
      },
    }),
  };
}

/**
 * relink() keeps a document's links to files of the package. Registries read all others in the
 * repository, beside its package.json; without a repository only their text is left.
 *
 * @param {string} text
 * @param {string} from the document's path in the clone
 * @param {boolean} hasRepository
 */
function relink(text, from, hasRepository) {
  return text.replace(
    /\[([^\]]*)\]\((?!\w+:|#)([^)#]+)(#[^)]*)?\)/g,
    (_, label, target, anchor = "") => {
      const file = path.posix.join(path.posix.dirname(from), target);
      const packed = Object.entries(DOCUMENTS).find(([, at]) => at === file);
      if (packed) {
        return `[${label}](${packed[0]}${anchor})`;
      }
      return hasRepository
        ? `[${label}](${path.posix.relative("bindings/node", file)}${anchor})`
        : label;
    },
  );
}

/**
 * stage() puts the package's files together.
 *
 * @param {string} folder is emptied first
 * @param {object} what
 * @param {string[]} what.architectures with an addon in `prebuilds`
 * @param {string} [what.prebuilds]
 * @param {string} [what.address] of the repository
 */
function stage(folder, { architectures, prebuilds = PREBUILDS, address }) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  for (const each of ["bin", "lib", "types"]) {
    fs.cpSync(path.join(PACKAGE, each), path.join(folder, each), {
      recursive: true,
    });
  }
  for (const architecture of architectures) {
    const addon = path.join(`linux-${architecture}`, "dtls.node");
    const target = path.join(folder, "prebuilds", addon);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.copyFileSync(path.join(prebuilds, addon), target);
  }
  for (const [name, from] of Object.entries(DOCUMENTS)) {
    const text = fs.readFileSync(path.join(ROOT, from), "utf8");
    fs.writeFileSync(
      path.join(folder, name),
      name.endsWith(".md") ? relink(text, from, Boolean(address)) : text,
    );
  }
  fs.writeFileSync(
    path.join(folder, "package.json"),
    `${JSON.stringify(manifest(address), undefined, 2)}\n`,
  );
}

/**
 * pack() makes the tarball of a staged folder, beside it.
 *
 * @param {string} folder
 * @returns {{ tarball: string, size: number, unpackedSize: number,
 *   files: { path: string, size: number }[] }} sizes in bytes
 */
function pack(folder) {
  const args = ["pack", "--json", "--pack-destination", path.dirname(folder)];
  const [{ filename, ...told }] = JSON.parse(
    execFileSync("npm", args, { cwd: folder, encoding: "utf8" }),
  );
  // Some versions of npm tell the name with its scope.
  const name = filename.replace(/^@/, "").replace("/", "-");
  return { ...told, tarball: path.join(path.dirname(folder), name) };
}

/** @param {string} addon path @returns {string} the version of the OpenSSL inside */
function opensslOf(addon) {
  const found = fs
    .readFileSync(addon, "latin1")
    .match(/OpenSSL \d+\.\d+\.\d+[^\0]{0,20}/);
  if (!found) {
    throw new Error(`${addon} has no OpenSSL inside`);
  }
  return found[0];
}

/** @param {string[]} args */
function main([folder, ...architectures]) {
  const staged = path.resolve(folder, "staged");
  stage(staged, { architectures, address: remoteOfClone() });
  const { tarball, size, unpackedSize, files } = pack(staged);
  const mega = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(2);
  for (const file of files) {
    console.log(`${String(file.size).padStart(9)}  ${file.path}`);
  }
  const versions = architectures.map((each) =>
    opensslOf(path.join(staged, "prebuilds", `linux-${each}`, "dtls.node")),
  );
  if (new Set(versions).size > 1) {
    throw new Error(`the addons have different ones: ${versions.join(", ")}`);
  }
  console.log(
    `addons for linux ${architectures.join(" and ")} (glibc and musl) with ${versions[0]}`,
  );
  console.log(
    `${path.relative(process.cwd(), tarball)}: ${mega(size)} MB, unpacked ${mega(unpackedSize)} MB, ${files.length} files`,
  );
  if (size > MOST) {
    throw new Error(`the tarball has more than ${mega(MOST)} MB`);
  }
}

if (require.main === module) {
  main(process.argv.slice(2));
}

module.exports = { manifest, pack, relink, stage, webAddress };
