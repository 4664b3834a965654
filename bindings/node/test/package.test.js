"use strict";

// What the npm package contains. Whether it works where it is installed: test/installed.

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { describe, test } = require("node:test");
const {
  manifest,
  pack,
  relink,
  stage,
  webAddress,
} = require("../portable/stage");
const { parse } = require("./support/markdown");
const own = require("../package.json");

const ADDRESS = "https://example.org/group/dtls.git";
const ARCHITECTURES = ["arm64", "x64"];

const work = fs.mkdtempSync(path.join(os.tmpdir(), "dtls-package-"));
process.on("exit", () => fs.rmSync(work, { recursive: true, force: true }));

/** Every file of a folder, as paths inside of it, sorted. */
const filesOf = (folder, inside = "") =>
  fs
    .readdirSync(path.join(folder, inside), { withFileTypes: true })
    .flatMap((entry) => {
      const name = path.posix.join(inside, entry.name);
      return entry.isDirectory() ? filesOf(folder, name) : [name];
    })
    .sort();

/** Packs this clone with empty addons, and installs the tarball as npm unpacks it. */
function install(name, address) {
  const prebuilds = path.join(work, "prebuilds");
  for (const each of ARCHITECTURES) {
    const folder = path.join(prebuilds, `linux-${each}`);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "dtls.node"), "");
  }
  const staged = path.join(work, name, "staged");
  stage(staged, { architectures: ARCHITECTURES, prebuilds, address });
  const packed = pack(staged);
  const folder = path.join(work, name, "node_modules/@jsre/dtls");
  fs.mkdirSync(folder, { recursive: true });
  execFileSync("tar", [
    ...["-xzf", packed.tarball, "-C", folder],
    "--strip-components=1",
  ]);
  return { ...packed, folder, staged };
}

const installed = install("public", ADDRESS);

test("the tarball has these files and no others", () => {
  const library = filesOf(path.join(__dirname, "../lib")).map(
    (file) => `lib/${file}`,
  );
  assert.ok(library.length > 40 && library.includes("lib/jsre/dtls/index.mjs"));
  const expected = [
    "CHANGELOG.md",
    "LICENSE",
    "NOTICE",
    "README.md",
    "bin/jsre",
    ...library,
    "package.json",
    "prebuilds/linux-arm64/dtls.node",
    "prebuilds/linux-x64/dtls.node",
    ...["index", "iosched", "task"].flatMap((name) => [
      `types/${name}.d.mts`,
      `types/${name}.d.ts`,
    ]),
  ];
  assert.deepEqual(filesOf(installed.folder), expected.sort());
});

test("the package runs no script, and needs no package at run time", () => {
  const packed = require(path.join(installed.folder, "package.json"));
  for (const name of [
    "scripts",
    "gypfile",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "os",
    "cpu",
  ]) {
    assert.equal(packed[name], undefined, name);
  }
  assert.ok(!fs.existsSync(path.join(installed.folder, "binding.gyp")));
  assert.deepEqual(packed.peerDependenciesMeta, {
    "@types/node": { optional: true },
  });
});

test("package.json names the repository, if the clone has one", () => {
  const { repository, bugs, homepage, keywords, license } = manifest(ADDRESS);
  assert.deepEqual(repository, {
    type: "git",
    url: `git+${ADDRESS}`,
    directory: "bindings/node",
  });
  assert.equal(bugs.url, "https://example.org/group/dtls/issues");
  assert.equal(homepage, "https://example.org/group/dtls#readme");
  assert.ok(keywords.includes("dtls") && license === "Apache-2.0");
  for (const name of ["repository", "bugs", "homepage"]) {
    assert.ok(!(name in manifest(undefined)), name);
  }
});

test("a failure tells how to clone the repository and build, if it is known", () => {
  const script = `
    Object.defineProperty(process, "arch", { value: "riscv64" });
    try { require("./lib/core/native").native(); } catch (error) { console.log(error.message); }`;
  const said = execFileSync(process.execPath, ["-e", script], {
    cwd: installed.folder,
    env: { ...process.env, DTLS_NATIVE: "" },
    encoding: "utf8",
  });
  const command = `git clone ${ADDRESS} jsre-dtls && jsre-dtls/dev build`;
  assert.ok(said.includes(`run \`${command}\` to build it`), said);
});

describe("the address of a remote", () => {
  for (const [remote, web] of Object.entries({
    "https://example.org/a/b": "https://example.org/a/b.git",
    "https://example.org/a/b.git/": "https://example.org/a/b.git",
    "https://user:secret@example.org/a/b.git": "https://example.org/a/b.git",
    "ssh://git@example.org:2222/a/b.git": "https://example.org/a/b.git",
    "git@example.org:a/b.git": "https://example.org/a/b.git",
    "/srv/git/b.git": undefined,
    "../b": undefined,
    "file:///srv/git/b.git": undefined,
  })) {
    test(`${remote} is ${web ?? "of no use to others"}`, () => {
      assert.equal(webAddress(remote), web);
    });
  }
});

test("every entry has its files, for import and for require", () => {
  const paths = (value) =>
    typeof value === "string" ? [value] : Object.values(value).flatMap(paths);
  const entries = [
    own.exports,
    own.bin,
    own.typesVersions["*"].iosched,
    own.typesVersions["*"].task,
    own.main,
    own.types,
  ].flatMap(paths);
  assert.ok(entries.length > 15);
  for (const entry of entries) {
    assert.ok(fs.existsSync(path.join(installed.folder, entry)), entry);
  }
  const mode = fs.statSync(path.join(installed.folder, "bin/jsre")).mode;
  assert.equal(mode & 0o111, 0o111);
});

test("imports by name are all that the CommonJS modules export", async () => {
  for (const [file, commonJs] of [
    ["dtls/index", require("..")],
    ["host/iosched", require("../lib/jsre/host/iosched")],
    ["host/task", { Task: require("../lib/jsre/host/task") }],
  ]) {
    const module = await import(`../lib/jsre/${file}.mjs`);
    const names = Object.keys(commonJs).sort();
    assert.deepEqual(Object.keys(module).sort(), [...names, "default"].sort());
    for (const name of names) {
      assert.equal(module[name], commonJs[name], `${file}: ${name}`);
    }
  }
});

test("types can be imported by name, too", () => {
  const types = path.join(__dirname, "../types");
  for (const name of ["index", "iosched", "task"]) {
    const declared = fs.readFileSync(path.join(types, `${name}.d.ts`), "utf8");
    const wrapper = fs.readFileSync(path.join(types, `${name}.d.mts`), "utf8");
    const [space] = declared.match(/^declare namespace[^]*?^\}/m);
    const all = [...space.matchAll(/^ {2}(?:interface|type) (\w+)/gm)];
    assert.ok(all.length > 2);
    for (const [, type] of all) {
      assert.match(wrapper, new RegExp(`^export type ${type}\\b`, "m"), type);
    }
  }
});

describe("links of the package's documents", () => {
  const links = (folder, file) =>
    parse(fs.readFileSync(path.join(folder, file), "utf8")).links.map(
      ({ href }) => href,
    );

  test("lead into the package, or to a file of the repository", () => {
    const all = ["README.md", "CHANGELOG.md"].flatMap((file) =>
      links(installed.folder, file),
    );
    assert.ok(
      all.includes("CHANGELOG.md") && all.includes("../../docs/api.md"),
    );
    for (const href of all.filter((each) => !/^\w+:|^#/.test(each))) {
      const file = href.replace(/#.*/, "");
      const where = file.startsWith("../")
        ? __dirname + "/.."
        : installed.folder;
      assert.ok(fs.existsSync(path.join(where, file)), href);
    }
  });

  test("lead into the package only, where no repository is known", () => {
    const { folder } = install("private", undefined);
    const all = ["README.md", "CHANGELOG.md"].flatMap((file) =>
      links(folder, file),
    );
    assert.ok(all.includes("CHANGELOG.md"));
    for (const href of all.filter((each) => !/^\w+:/.test(each))) {
      assert.ok(fs.existsSync(path.join(folder, href)), href);
    }
  });

  test("keep their text and anchor", () => {
    const text = "[a](docs/api.md#x) [b](https://example.org) [c](#d)";
    assert.equal(
      relink(text, "CHANGELOG.md", true),
      "[a](../../docs/api.md#x) [b](https://example.org) [c](#d)",
    );
    assert.equal(
      relink(text, "CHANGELOG.md", false),
      "a [b](https://example.org) [c](#d)",
    );
  });
});

describe("a TypeScript program", () => {
  const types = path.join(work, "public/node_modules/@types");
  fs.cpSync(path.join(__dirname, "../node_modules/@types"), types, {
    recursive: true,
  });
  fs.cpSync(
    path.join(__dirname, "../node_modules/undici-types"),
    path.join(types, "../undici-types"),
    { recursive: true },
  );
  const programs = path.join(__dirname, "consumers");
  for (const name of fs.readdirSync(programs)) {
    fs.copyFileSync(path.join(programs, name), path.join(work, "public", name));
  }
  fs.copyFileSync(
    path.join(programs, "imports.mts"),
    path.join(work, "public", "imports.ts"),
  );

  for (const { moduleResolution, module, files } of [
    { moduleResolution: "node10", module: "commonjs", files: ["imports.ts"] },
    {
      moduleResolution: "node16",
      module: "node16",
      files: ["imports.mts", "imports.ts", "requires.cts"],
    },
    { moduleResolution: "bundler", module: "esnext", files: ["imports.ts"] },
  ]) {
    test(`compiles in strict mode: ${moduleResolution}`, () => {
      const tsc = require.resolve("typescript/bin/tsc");
      const { status, stdout } = require("node:child_process").spawnSync(
        process.execPath,
        [
          ...[tsc, "--noEmit", "--strict", "--esModuleInterop"],
          ...["--target", "es2022", "--lib", "es2022", "--types", "node"],
          ...["--module", module, "--moduleResolution", moduleResolution],
          ...files,
        ],
        { cwd: path.join(work, "public"), encoding: "utf8" },
      );
      assert.equal(stdout, "");
      assert.equal(status, 0);
    });
  }
});
