# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# ./dev package: the npm package with the addon for each processor, and its tests: what it contains,
# and whether it works where it is installed.

package_folder=$root/build/package

build_addon() { politely "$node_dir/portable/build.sh" "$@"; }

# pack_addons <folder> <processor>...: the tarball, its contents, its size.
pack_addons() { node "$node_dir/portable/stage.js" "$@"; }

# make_package <folder>: as it is published.
make_package() {
  local arch
  for arch in x64 arm64; do
    step "building the package's addon for $arch" build_addon --newest-openssl "$arch"
  done
  step 'packing' pack_addons "$1" x64 arm64
}

# npm_node <version> <processor>: prints the folder with that version's command node, out of the npm
# registry, where the system's Node is another. arm64 runs under qemu, with the libraries of Debian's
# cross compiler.
npm_node() {
  local folder=$root/build/node/$1 program
  [[ $2 == x64 ]] || folder+=-$2
  if [[ $2 == x64 && $(node -p 'process.versions.node.split(".")[0]') == "$1" ]]; then
    dirname "$(command -v node)"
    return
  fi
  program=$folder/node_modules/node-linux-$2/bin/node
  if [[ ! -x $program ]]; then
    mkdir -p "$folder"
    npm install --prefix "$folder" --force --no-save --no-audit --no-fund --cpu="$2" \
      "node-linux-$2@$1" >&2 || {
      echo "the npm registry has no node-linux-$2@$1" >&2
      return 1
    }
  fi
  if [[ $2 == arm64 ]]; then
    mkdir -p "$folder/bin"
    printf '#!/bin/sh\nexec /usr/bin/qemu-aarch64 -L /usr/aarch64-linux-gnu "%s" "$@"\n' "$program" \
      >"$folder/bin/node"
    chmod +x "$folder/bin/node"
    program=$folder/bin/node
  fi
  "$program" -e 'process.exit(process.versions.node.split(".")[0] === process.argv[1] ? 0 : 1)' "$1" ||
    return 1
  dirname "$program"
}

# npm_for_all: prints the folder of an npm that runs on every version of Node.
npm_for_all() {
  local folder=$root/build/node/npm
  [[ -d $folder/node_modules/npm ]] ||
    npm install --prefix "$folder" --no-save --no-audit --no-fund npm@10 >&2 || return 1
  printf '%s\n' "$folder/node_modules/npm"
}

# use_package <tarball> <version> <processor>: installs it into an empty folder and uses it there.
use_package() {
  local node npm
  node=$(npm_node "$2" "$3") && npm=$(npm_for_all) || return 1
  DTLS_TARBALL=$1 DTLS_NODE=$node/node DTLS_NPM=$npm node --test "$node_dir/test/installed/installed.js"
}

tarball_in() { compgen -G "$1/*.tgz" | head -n 1; }

# why_no_package: what keeps this machine from making one. Newer compilers and C libraries call functions
# that portable/floor.cpp does not have yet.
why_no_package() {
  [[ $(uname -m) == x86_64 ]] && grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release ||
    echo 'the npm package is made and tested on Debian 12 for x64 only, and this is another system'
}

# The part of it that ./dev test has time for: this processor, the oldest and the newest Node.
test_package() {
  local version why folder=$package_folder/test
  why=$(why_no_package)
  [[ -z $why ]] || {
    say "skipped: $why"
    return
  }
  rm -rf "$folder"
  step 'the check of the addon finds what it is for' "$node_dir/portable/check_test.sh"
  step "building the package's addon" build_addon x64
  step 'musl loads the addon' "$node_dir/portable/musl_test.sh" \
    "$package_folder/prebuilds/linux-x64/dtls.node"
  step 'packing' pack_addons "$folder" x64
  tail -n 1 "$last_log"
  for version in 18 26; do
    step "the package, installed and used (Node $version)" use_package "$(tarball_in "$folder")" "$version" x64
    node_summary
  done
}

package() {
  rm -f "$package_folder"/*.tgz
  begin_times
  make_package "$package_folder"
  cat "$last_log"
}

# nightly_package <version> <processor>
nightly_package() {
  local why folder=$package_folder/nightly
  why=$(why_no_package)
  [[ -z $why ]] || {
    say "$why"
    return 77
  }
  if [[ ! -f $folder/$(git -C "$root" rev-parse HEAD) ]]; then
    rm -rf "$folder"
    (make_package "$folder") || return 1
    touch "$folder/$(git -C "$root" rev-parse HEAD)"
  fi
  use_package "$(tarball_in "$folder")" "$@"
}
