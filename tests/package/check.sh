#!/usr/bin/env bash
# check.sh <build tree> <compiler>: installs into a throw-away prefix, then builds and runs a program
# from outside the tree, once with find_package(dtls), once with pkg-config.
set -euo pipefail

build=${1:?usage: check.sh <build tree> <compiler>}
compiler=${2:?usage: check.sh <build tree> <compiler>}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
prefix=$scratch/prefix

cmake --install "$build" --prefix "$prefix" >"$scratch/install.log" || {
  cat "$scratch/install.log"
  exit 1
}
# Nothing may lead back to the tree: the outside project is a copy elsewhere.
cp -r "$here/outside" "$scratch/outside"

echo '== find_package(dtls)'
cmake -S "$scratch/outside" -B "$scratch/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_COMPILER="$compiler"
cmake --build "$scratch/cmake"
"$scratch/cmake/outside"

echo '== pkg-config'
config=$(find "$prefix" -name dtls.pc)
PKG_CONFIG_PATH=$(dirname "$config")${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
read -ra flags <<<"$(pkg-config --cflags --libs dtls)"
libraries=$(pkg-config --variable=libdir dtls)
"$compiler" -std=c++20 "$scratch/outside/main.cpp" "${flags[@]}" -Wl,-rpath,"$libraries" \
  -o "$scratch/outside-pkg-config"
"$scratch/outside-pkg-config"

echo '== no libssl'
for program in "$scratch/outside-pkg-config" "$scratch/cmake/outside"; do
  if ldd "$program" | grep libssl; then
    echo "$program needs libssl: the protocol is ours, and libcrypto all that it takes"
    exit 1
  fi
done
