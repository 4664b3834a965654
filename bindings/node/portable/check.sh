#!/usr/bin/env bash
# check.sh <addon>...: whether a finished addon runs on every Linux that the package is for. It may
# need nothing but the C library, of it no version above 2.17, no function that musl lacks, and it
# shows two symbols.
set -euo pipefail
export LC_ALL=C

musl=/lib/ld-musl-x86_64.so.1  # the same functions on every processor
status=0
[[ -e $musl ]] || {
  printf 'check.sh: %s is missing: install the Debian package musl\n' "$musl" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -DP --defined-only "$musl" | cut -d' ' -f1 | sort -u >"$work/musl"

# allowed <what> <pattern>: says which of the lines of standard input do not match.
allowed() {
  local rest
  rest=$(grep -vxE "$2" || true)
  [[ -z $rest ]] && return
  printf '%s: %s\n' "$addon" "$1" >&2
  printf '  %s\n' "${rest//$'\n'/$'\n  '}" >&2
  status=1
}

for addon in "$@"; do
  readelf -dW "$addon" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    sort -u >"$work/needed"
  allowed 'needs a library that not every system has' \
    '(libc|libm|libpthread|libdl)[.]so[.][0-9]|ld-linux-(x86-64[.]so[.]2|aarch64[.]so[.]1)' <"$work/needed"
  nm -DP --undefined-only "$addon" >"$work/undefined"
  grep -oE '@[A-Z]+_[0-9.]+' "$work/undefined" | sort -u | tr -d @ >"$work/versions" || true
  allowed 'needs a newer C library than glibc 2.17, or libstdc++' \
    'GLIBC_2[.]([0-9]|1[0-7])([.][0-9]+)?' <"$work/versions"
  # Strong ones only: a weak symbol that nobody has is null, and whoever calls it asks first.
  awk '$2 == "U" { sub("@.*", "", $1); print $1 }' "$work/undefined" |
    grep -vE '^(napi|node_api|uv)_' | sort -u >"$work/functions"
  comm -23 "$work/functions" "$work/musl" >"$work/strangers"
  allowed 'calls functions that musl lacks' '' <"$work/strangers"
  # The loader itself has two of them, in glibc and in musl.
  grep -vE '@|^(napi|node_api|uv)_|^(__tls_get_addr|__stack_chk_guard) |^[^ ]+ [wv]' "$work/undefined" | cut -d' ' -f1 >"$work/unknown" || true
  allowed 'calls functions that glibc 2.17 lacks' '' <"$work/unknown"
  nm -DP --defined-only "$addon" | cut -d' ' -f1 | sort >"$work/defined"
  allowed 'shows a symbol of its own' 'napi_register_module_v1|node_api_module_get_api_version_v1' \
    <"$work/defined"
  [[ $(wc -l <"$work/defined") -eq 2 ]] || {
    printf '%s: is no addon of Node: its two entry points are missing\n' "$addon" >&2
    status=1
  }
  readelf -SW "$addon" >"$work/sections"
  if grep -qE ' [.](symtab|debug_info) ' "$work/sections"; then
    printf '%s: is not stripped\n' "$addon" >&2
    status=1
  fi
done
exit "$status"
