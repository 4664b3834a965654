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
"$compiler" "$scratch/outside/main.cpp" "${flags[@]}" -Wl,-rpath,"$libraries" \
  -o "$scratch/outside-pkg-config"
"$scratch/outside-pkg-config"

echo '== the CMake file of the README'
readme=$here/../../README.md
mkdir "$scratch/readme"
# block <language>: that block of the README.
block() {
  awk -v fence='```' -v language="$1" \
    '$0 == fence { inside = 0 } inside; $0 == fence language { inside = 1 }' "$readme"
}
block cmake >"$scratch/readme/CMakeLists.txt"
block cpp >"$scratch/readme/main.cpp"
cmake -S "$scratch/readme" -B "$scratch/readme/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_COMPILER="$compiler"
cmake --build "$scratch/readme/build"
status=0
"$scratch/readme/build/program" 2>"$scratch/usage" || status=$?
if [[ $status != 2 ]] || ! grep -q '^usage: ' "$scratch/usage"; then
  echo "README's program ended with $status and said: $(cat "$scratch/usage")"
  exit 1
fi

echo '== every header by itself; below C++20 it says so'
for header in "$prefix"/include/dtls/*.hpp; do
  name=dtls/$(basename "$header")
  echo "#include <$name>" >"$scratch/alone.cpp"
  "$compiler" "${flags[@]}" -fsyntax-only "$scratch/alone.cpp"
  if "$compiler" "${flags[@]}" -std=c++17 -fsyntax-only "$scratch/alone.cpp" 2>"$scratch/below"; then
    echo "$name compiles as C++17"
    exit 1
  fi
  grep -q 'error.*dtls needs C++20' "$scratch/below" || {
    head -n 5 "$scratch/below"
    echo "$name does not say that it needs C++20"
    exit 1
  }
done

echo '== a failed Result that is dereferenced says why'
"$compiler" "$scratch/outside/failed_result.cpp" "${flags[@]}" -Wl,-rpath,"$libraries" \
  -o "$scratch/failed-result"
for way in star arrow rvalue; do
  status=0
  "$scratch/failed-result" "$way" 2>"$scratch/said" || status=$?
  # 134: ended by SIGABRT.
  if [[ $status != 134 ]] || ! grep -q '^dtls: .*"10.0.0.256" is not an IP address' "$scratch/said"; then
    echo "$way: ended with $status and said: $(cat "$scratch/said")"
    exit 1
  fi
done

echo '== no libssl'
for program in "$scratch/outside-pkg-config" "$scratch/cmake/outside"; do
  if ldd "$program" | grep libssl; then
    echo "$program needs libssl: the protocol is ours, and libcrypto all that it takes"
    exit 1
  fi
done
