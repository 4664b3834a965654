#!/usr/bin/env bash
# check.sh <addon>...: whether a finished addon runs on every Linux that the package is for. It needs
# nothing but the C library: of glibc nothing newer than 2.17, nothing that musl lacks. It exports
# Node's two entry points only, and is stripped.
set -euo pipefail
export LC_ALL=C

musl=/lib/ld-musl-x86_64.so.1 # the same functions on every processor
node='(napi|node_api|uv)_.*'  # Node's own, which it exports to addons
status=0
[[ -e $musl ]] || {
  printf 'check.sh: %s is missing: install the Debian package musl\n' "$musl" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -DP --defined-only "$musl" | cut -d' ' -f1 | sort -u >"$work/musl"

# report <problem> <lines>: nothing for no lines.
report() {
  [[ -n $2 ]] || return 0
  printf '%s: %s\n' "$addon" "$1" >&2
  printf '  %s\n' "${2//$'\n'/$'\n  '}" >&2
  status=1
}

# except <pattern>: the lines of standard input that do not match as a whole.
except() { grep -vxE -- "$1" || true; }

for addon in "$@"; do
  report 'needs a library that not every system has' "$(
    readelf -dW "$addon" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
      except 'lib(c|m|pthread|dl)[.]so[.][0-9]|ld-linux-(x86-64|aarch64)[.]so[.][0-9]'
  )"
  # name[@version] type
  nm -DP --undefined-only "$addon" | cut -d' ' -f1-2 >"$work/undefined"
  report 'needs a newer C library than glibc 2.17, or libstdc++' "$(
    sed -nE 's/ .*//; s/@+/ /p' "$work/undefined" | sort -u |
      except '[^ ]+ GLIBC_2[.]([0-9]|1[0-7])([.][0-9]+)?'
  )"
  # Strong ones only: a weak symbol that no library has is null, and its caller asks first.
  sed -nE 's/(@.*)? U$//p' "$work/undefined" | except "$node" | sort -u >"$work/functions"
  report 'calls functions that musl lacks; floor.cpp may have them instead' "$(comm -23 "$work/functions" "$work/musl")"
  # The dynamic linker itself has two of those without a version, in glibc and in musl.
  report 'calls functions that glibc 2.17 lacks; floor.cpp may have them instead' "$(
    sed -nE 's/^([^@ ]+) U$/\1/p' "$work/undefined" | except "$node|__tls_get_addr|__stack_chk_guard"
  )"
  nm -DP --defined-only "$addon" | cut -d' ' -f1 | sort >"$work/defined"
  entries='napi_register_module_v1|node_api_module_get_api_version_v1'
  report 'exports a symbol of its own' "$(except "$entries" <"$work/defined")"
  [[ $(grep -cxE "$entries" "$work/defined") -eq 2 ]] ||
    report 'is no addon of Node' 'its two entry points are missing'
  report 'is not stripped' "$(readelf -SW "$addon" | grep -oE ' [.](symtab|debug_info) ' || true)"
done
exit "$status"
