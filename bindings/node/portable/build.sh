#!/usr/bin/env bash
# build.sh [--newest-openssl] <arch>...: the addon as it goes into the npm package, for x64 and arm64, in
# build/package/prebuilds/linux-<arch>/dtls.node. Runs on Debian 12, x64; `./dev package` installs what
# it needs.
#
# libcrypto is the archive of Debian's libssl-dev: for this processor the installed one, unless the
# newest is asked for. Debian's GCC compiles; the result is linked against the stubs of an old glibc,
# from npm (package.json beside this file).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
work=$root/build/portable
prebuilds=$root/build/package/prebuilds

fail() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

# toolchain <triple>: takes the C library's stubs, the start files and the unwinder out of the archive in
# the package, once. 90 MB: the one for arm64, a devDependency, is fetched only where it is needed.
toolchain() {
  local triple=$1 archive stamp omit=()
  archive=$here/node_modules/@napi-rs/cross-toolchain-x64-target-${triple%%-*}/$triple.tar.xz
  stamp=$work/toolchain/$triple/.unpacked
  [[ ! -f $stamp ]] || return 0
  [[ $triple == aarch64-* ]] || omit=(--omit=dev)
  [[ -f $archive ]] ||
    (cd "$here" && npm ci --no-audit --no-fund --ignore-scripts --prefer-offline "${omit[@]}")
  mkdir -p "$work/toolchain/$triple"
  tar -xJf "$archive" -C "$work/toolchain/$triple" --wildcards \
    "./$triple/sysroot/*" './lib/gcc/*/libgcc_eh.a'
  touch "$stamp"
}

# openssl_for <debian architecture>: the newest libssl-dev, unpacked, with the system's own list of
# sources and keys; the system itself does not change, and need not know the architecture.
openssl_for() {
  local architecture=$1 folder=$work/openssl/$1 apt options
  [[ $newest == no && -f $folder/usr/include/openssl/ssl.h ]] && return
  rm -rf "$folder"
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
  local arch=$1 processor debian openssl='' options=() build=$work/$1
  local flags='-ffunction-sections -fdata-sections'
  case $arch in
    x64) processor=x86_64 debian=amd64 ;;
    arm64) processor=aarch64 debian=arm64 ;;
    *) fail "'$arch' is no target; there are: x64 arm64" ;;
  esac
  if [[ $processor != "$(uname -m)" ]]; then
    command -v "$processor-linux-gnu-g++" >/dev/null ||
      fail "$processor-linux-gnu-g++ is missing: install g++-${processor/_/-}-linux-gnu"
    options+=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$processor"
      -DCMAKE_CXX_COMPILER="$processor-linux-gnu-g++" -DDTLS_UV_INCLUDE_DIR=/usr/include)
    openssl=$work/openssl/$debian
  elif [[ $newest == yes ]]; then
    openssl=$work/openssl/$debian
  fi
  if [[ -n $openssl ]]; then
    openssl_for "$debian"
    flags+=" -isystem $openssl/usr/include/$processor-linux-gnu"
  fi
  toolchain "$processor-unknown-linux-gnu"
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS="$flags" \
    -DCMAKE_CXX_FLAGS_RELEASE='-O2 -DNDEBUG' -DCMAKE_UNITY_BUILD=ON -DDTLS_BUILD_TESTS=OFF \
    -DDTLS_BUILD_EXAMPLES=OFF \
    -DOPENSSL_INCLUDE_DIR="$openssl/usr/include" \
    -DOPENSSL_CRYPTO_LIBRARY="$openssl/usr/lib/$processor-linux-gnu/libcrypto.a" \
    -DOPENSSL_SSL_LIBRARY="$openssl/usr/lib/$processor-linux-gnu/libssl.a" \
    -DDTLS_LIBCRYPTO_ARCHIVE="$openssl/usr/lib/$processor-linux-gnu/libcrypto.a" \
    -DDTLS_PORTABLE_TOOLCHAIN="$work/toolchain/$processor-unknown-linux-gnu" "${options[@]}"
  cmake --build "$build" --target dtls_node
  mkdir -p "$prebuilds/linux-$arch"
  cp "$build/dtls_node.node" "$prebuilds/linux-$arch/dtls.node"
  "$here/check.sh" "$prebuilds/linux-$arch/dtls.node"
}

newest=no
if [[ ${1:-} == --newest-openssl ]]; then
  newest=yes
  shift
fi
(($# > 0)) || fail 'usage: build.sh [--newest-openssl] ARCH... (x64, arm64)'
for arch in "$@"; do
  build_for "$arch"
done
