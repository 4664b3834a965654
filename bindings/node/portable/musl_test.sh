#!/usr/bin/env bash
# musl_test.sh <addon>: whether musl's own dynamic linker loads the addon for x64, runs what it runs at
# the start and the end, and finds Node's entry points. No Node of the registries runs on musl, so a
# program stands for it that has Node's functions by name only.
set -euo pipefail

addon=$(readlink -f "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -DP --undefined-only "$addon" |
  sed -nE 's/^((napi|node_api|uv)_[a-z0-9_]+) .*/void \1(void) { abort(); }/p' >"$work/node.h"
[[ -s $work/node.h ]] || { printf 'musl_test.sh: %s calls nothing of Node\n' "$addon" >&2 && exit 1; }
cat >"$work/program.c" <<'C'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include "node.h"

int main(int argc, char** argv) {
  void* const addon = dlopen(argv[argc - 1], RTLD_NOW | RTLD_LOCAL);
  if (addon == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
  int (*const version)(void) = (int (*)(void))dlsym(addon, "node_api_module_get_api_version_v1");
  void* const start = dlsym(addon, "napi_register_module_v1");
  if (version == NULL || start == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
  printf("Node-API %d\n", version());
  return 0;
}
C
musl-gcc -rdynamic "$work/program.c" -o "$work/program"
said=$("$work/program" "$addon") || { printf 'musl does not load %s\n' "$addon" >&2 && exit 1; }
printf 'musl loads it: %s\n' "$said"
[[ $said == 'Node-API 8' ]]
