#!/usr/bin/env bash
# check_test.sh: whether check.sh finds each thing that an addon of the package must not have.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

entries='int napi_register_module_v1(void) { return 0; } int node_api_module_get_api_version_v1(void) { return 8; }'

# addon <name> <source> [<option>...]: a library of C that stands for an addon.
addon() {
  local name=$1 source=$2
  shift 2
  printf '%s\n' "$source" >"$work/$name.c"
  cc -shared -fPIC -O1 -w -s "$work/$name.c" -o "$work/$name.node" "$@"
}

# finds <name> <sentence>
finds() {
  if "$here/check.sh" "$work/$1.node" >"$work/said" 2>&1; then
    printf 'check.sh takes an addon that %s\n' "$1"
    failed=1
  elif ! grep -qF -- "$2" "$work/said"; then
    printf 'check.sh says of an addon that %s:\n' "$1"
    cat "$work/said"
    failed=1
  fi
}

addon is_right "$entries"
"$here/check.sh" "$work/is_right.node" || failed=1

addon needs_another_library "$entries" -Wl,--no-as-needed -lcrypto
finds needs_another_library 'libcrypto.so'

addon needs_a_new_glibc "#define _GNU_SOURCE
#include <unistd.h>
#include <sys/random.h>
$entries int f(void *to) { return getentropy(to, 8); }"
finds needs_a_new_glibc 'newer C library than glibc 2.17'

addon calls_what_musl_lacks "extern int __strftime_l(); $entries int (*f)() = __strftime_l;"
finds calls_what_musl_lacks '__strftime_l'

addon calls_what_glibc_2_17_lacks "extern void explicit_bzero(); $entries void (*f)() = explicit_bzero;" -nostdlib
finds calls_what_glibc_2_17_lacks 'explicit_bzero'

addon shows_a_symbol "$entries int dtls_shown(void) { return 0; }"
finds shows_a_symbol 'dtls_shown'

addon is_no_addon 'static int f(void) { return 0; }'
finds is_no_addon 'its two entry points are missing'

addon is_not_stripped "$entries"
cc -shared -fPIC -g "$work/is_not_stripped.c" -o "$work/is_not_stripped.node"
finds is_not_stripped 'is not stripped'

exit "$failed"
