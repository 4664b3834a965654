# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# Building presets. Where ccache is installed it serves: settings under which it takes precompiled
# headers, and under which two clones of the project share what they compiled.

use_ccache() {
  command -v ccache >/dev/null || return 0
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=true
}

# build_preset <preset> [--target <target>...]
build_preset() {
  (cd "$root" && cmake --preset "$1" && cmake --build --preset "$@")
}

write_launcher() {
  mkdir -p "$root/build/bin"
  cat >"$root/build/bin/jsre" <<'LAUNCHER'
#!/bin/sh
# Runs a JSRE program: jsre script.js [argument...]. Written by ./dev build.
here=$(dirname "$(readlink -f "$0")")
exec node "$here/../../bindings/node/bin/jsre" "$@"
LAUNCHER
  chmod +x "$root/build/bin/jsre"
}

build() {
  step "building (preset $1)" build_preset "$@"
  [[ $1 != dev && $1 != demo ]] || write_launcher
}

# politely <function> [<argument>...]: leaves the processor to whatever else runs.
politely() {
  (
    renice -n 19 "$BASHPID" >/dev/null
    "$@"
  )
}

# What the README tells C++ programmers to type, but for the place of installation and files that are
# compiled together, which is faster.
install_release() {
  (cd "$root" &&
    cmake --preset release -DDTLS_BUILD_NODE=OFF -DDTLS_BUILD_TESTS=OFF -DCMAKE_UNITY_BUILD=ON &&
    cmake --build --preset release && cmake --install build/release --prefix build/installed)
}
