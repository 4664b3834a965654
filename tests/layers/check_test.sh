#!/usr/bin/env bash
# Runs check.sh on small trees: a good one, and one for each kind of violation.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# tree <file> <include>: a good tree with one more #include in one file.
tree() {
  rm -rf "$scratch/tree"
  mkdir -p "$scratch"/tree/{src/{wire,crypto,session,net},include/dtls,bindings/node/src,examples/cpp}
  cd "$scratch/tree"
  echo 'dtls_layer(wire)' >src/wire/CMakeLists.txt
  echo 'dtls_layer(crypto OPENSSL)' >src/crypto/CMakeLists.txt
  echo 'dtls_layer(session SEES wire OPENSSL)' >src/session/CMakeLists.txt
  echo 'dtls_layer(net)' >src/net/CMakeLists.txt
  printf '#include "wire/a.hpp"\n#include <openssl/evp.h>\n#include <vector>\n' >src/session/a.cpp
  printf '#include <sys/socket.h>\n#include <net/if.h>\n#include "net/a.hpp"\n' >src/net/a.cpp
  printf '#include <dtls/error.hpp>\n#include <napi.h>\n' >bindings/node/src/a.cpp
  printf '#include <string>\n#include "dtls/error.hpp"\n' >include/dtls/a.hpp
  [[ $# -eq 0 ]] || printf '#include %s\n' "$2" >>"$1"
}

expect() {
  local want=$1 what=$2 got=0
  "$here/check.sh" "$scratch/tree" >"$scratch/out" 2>&1 || got=1
  if [[ $got != "$want" ]]; then
    echo "FAILED: $what: exit code $got, expected $want"
    cat "$scratch/out"
    failures=$((failures + 1))
  fi
}

tree
expect 0 'a good tree passes'
while IFS='|' read -r file header; do
  tree "$file" "$header"
  expect 1 "$file may not include $header"
done <<'CASES'
src/wire/a.cpp|<sys/socket.h>
src/wire/a.cpp|<netinet/in.h>
src/session/a.cpp|<sys/epoll.h>
src/session/a.hpp|<unistd.h>
src/session/a.cpp|<net/if.h>
src/wire/a.cpp|<openssl/evp.h>
src/session/a.cpp|<openssl/ssl.h>
src/net/a.cpp|<openssl/evp.h>
src/wire/a.cpp|"session/a.hpp"
src/session/a.cpp|"crypto/a.hpp"
src/net/a.cpp|"wire/a.hpp"
src/session/a.cpp|"../crypto/a.hpp"
include/dtls/a.hpp|"wire/a.hpp"
include/dtls/a.hpp|<openssl/ssl.h>
include/dtls/a.hpp|<netinet/in.h>
bindings/node/src/a.cpp|"session/a.hpp"
bindings/node/src/a.cpp|<openssl/ssl.h>
examples/cpp/a.cpp|"runtime/../wire/a.hpp"
CASES

if ((failures > 0)); then
  exit 1
fi
echo 'the check passes the good tree and finds every violation'
