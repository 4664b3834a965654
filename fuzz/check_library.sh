#!/usr/bin/env bash
# check_library.sh <fuzz program> <file>...: none of the files, which are what is shipped, has a symbol
# of the fuzzers, whose cryptography is none. That the search finds them is shown by the program.
set -euo pipefail

program=${1:?usage: check_library.sh <fuzz program> <file>...}
shift
mark=4dtls4fuzz15has_null_cipher # dtls::fuzz::has_null_cipher

grep -q "$mark" "$program" || {
  echo "$program does not have what is looked for"
  exit 1
}
for file in "$@"; do
  if grep -q 4dtls4fuzz "$file"; then
    echo "$file has symbols of the fuzzers"
    exit 1
  fi
done
