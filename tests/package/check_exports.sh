#!/usr/bin/env bash
# check_exports.sh <shared library> [--write]: the library exports the functions of exports.txt, and
# nothing else. --write makes the list anew. Inline functions of the public classes, which a compiler
# may or may not emit, are not listed.
set -euo pipefail

library=${1:?usage: check_exports.sh <shared library> [--write]}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# "T name" of every exported symbol.
nm -DC --defined-only "$library" | sed -E 's/^[0-9a-f]+ //' | sort -u >"$scratch/all"
grep -v '^[WVu] ' "$scratch/all" | sed 's/^. //' | LC_ALL=C sort -u >"$scratch/strong"

[[ ${2:-} != --write ]] || cp "$scratch/strong" "$here/exports.txt"
if ! diff -u "$here/exports.txt" "$scratch/strong"; then
  echo "the exported symbols changed (- expected, + found). If include/dtls was meant to change so:"
  echo "  $0 $library --write"
  exit 1
fi
if inner=$(grep -E '^[WVu] ' "$scratch/all" | grep -vE '^. dtls::[A-Z][A-Za-z0-9]*::[^:(]*(\(|$)'); then
  echo "exported, though no member of a public class:"
  echo "$inner"
  exit 1
fi
echo "$(wc -l <"$scratch/strong") public symbols are exported, and none beside them"
