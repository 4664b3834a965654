#!/usr/bin/env bash
# build.sh <arch>...: the addon as it goes into the npm package, for x64 and arm64, in
# bindings/node/prebuilds/linux-<arch>/dtls.node. Runs on Debian 12 and newer, x64.
#
# libcrypto is the archive of Debian's libssl-dev. What is compiled is compiled by Debian's GCC; the
# result is linked against the stubs of an old glibc, from npm (package.json beside this file).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
node_dir=$(dirname "$here")
root=$(cd "$here/../../.." && pwd)
work=$root/build/portable

fail() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

# toolchain <triple>: unpacks the package's archive once, as it stands in the lock file.
toolchain() {
  local triple=$1 archive stamp
  archive=$here/node_modules/@napi-rs/cross-toolchain-x64-target-${triple%%-*}/$triple.tar.xz
  [[ -f $archive ]] || (cd "$here" && npm ci --no-audit --no-fund --ignore-scripts)
  stamp=$work/toolchain/$triple/.unpacked
  [[ -f $stamp ]] && return
  mkdir -p "$work/toolchain/$triple"
  tar -xJf "$archive" -C "$work/toolchain/$triple"
  touch "$stamp"
}

# openssl_for <debian architecture>: Debian's libssl-dev of another architecture, unpacked, with the
# system's own list of sources and keys; nothing of the system changes.
openssl_for() {
  local architecture=$1 folder=$work/openssl/$1 apt options
  [[ -f $folder/usr/include/openssl/ssl.h ]] && return
  apt=$folder/apt
  mkdir -p "$apt/lists/partial" "$apt/archives/partial"
  : >"$apt/status"
  options=(-q -o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture"
    -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt"
    -o Acquire::Languages=none -o "APT::Sandbox::User=$(id -un)")
  apt-get "${options[@]}" update
  (cd "$apt" && apt-get "${options[@]}" download "libssl-dev:$architecture")
  dpkg-deb -x "$apt"/libssl-dev_*.deb "$folder"
  rm -rf "$apt"
}

build_for() {
  local arch=$1 processor options=() build=$work/$1 flags='-ffunction-sections -fdata-sections'
  local -A processors=([x64]=x86_64 [arm64]=aarch64)
  processor=${processors[$arch]:-}
  [[ -n $processor ]] || fail "'$arch' is no target; there are: x64 arm64"
  if [[ $processor != "$(uname -m)" ]]; then
    command -v "$processor-linux-gnu-g++" >/dev/null ||
      fail "$processor-linux-gnu-g++ is missing: install g++-${processor/_/-}-linux-gnu"
    openssl_for "$arch"
    options+=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$processor"
      -DCMAKE_CXX_COMPILER="$processor-linux-gnu-g++"
      -DOPENSSL_INCLUDE_DIR="$work/openssl/$arch/usr/include"
      -DOPENSSL_CRYPTO_LIBRARY="$work/openssl/$arch/usr/lib/$processor-linux-gnu/libcrypto.a"
      -DOPENSSL_SSL_LIBRARY="$work/openssl/$arch/usr/lib/$processor-linux-gnu/libssl.a"
      -DDTLS_LIBCRYPTO_ARCHIVE="$work/openssl/$arch/usr/lib/$processor-linux-gnu/libcrypto.a"
      -DDTLS_UV_INCLUDE_DIR=/usr/include)
    flags+=" -isystem $work/openssl/$arch/usr/include/$processor-linux-gnu"
  fi
  toolchain "$processor-unknown-linux-gnu"
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS="$flags" \
    -DCMAKE_CXX_FLAGS_RELEASE='-O2 -DNDEBUG' -DCMAKE_UNITY_BUILD=ON -DDTLS_BUILD_TESTS=OFF \
    -DDTLS_BUILD_EXAMPLES=OFF \
    -DDTLS_PORTABLE_TOOLCHAIN="$work/toolchain/$processor-unknown-linux-gnu" "${options[@]}"
  cmake --build "$build" --target dtls_node
  mkdir -p "$node_dir/prebuilds/linux-$arch"
  cp "$build/dtls_node.node" "$node_dir/prebuilds/linux-$arch/dtls.node"
  "$here/check.sh" "$node_dir/prebuilds/linux-$arch/dtls.node"
}

(($# > 0)) || fail 'usage: build.sh ARCH... (x64, arm64)'
for arch in "$@"; do
  build_for "$arch"
done
