# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# Formatting and static checks.

cpp_files() {
  local folder folders=()
  for folder in include src bindings/node/src bindings/node/portable tests examples bench fuzz; do
    [[ ! -d $root/$folder ]] || folders+=("$root/$folder")
  done
  find "${folders[@]}" -name node_modules -prune -o \( -name '*.cpp' -o -name '*.hpp' \) -print
}

check_cpp_format() { cpp_files | xargs clang-format --dry-run --Werror; }

# clang-tidy looks at the files of a layer together (the preset lint), as a header costs it as much as
# the file that includes it. What passed is not looked at again until it, any header or a setting changes.
check_cpp() {
  local passed=$root/build/lint/passed common unit key todo=()
  (cd "$root" && cmake --preset lint) || return 1
  mkdir -p "$passed"
  common=$(cpp_files | grep '[.]hpp$' | sort | xargs cat "$root/.clang-tidy" \
    "$root/cmake/DtlsTargets.cmake" "$root/bindings/node/CMakeLists.txt" | sha256sum)
  while IFS= read -r unit; do
    # A unity file is a list of includes of files.
    key=$({
      printf '%s %s' "$common" "$unit"
      cat "$unit"
      sed -nE 's/^#include "(.*)"/\1/p' "$unit" | grep '[.]cpp$' | xargs -r cat
    } | sha256sum)
    [[ -f $passed/${key%% *} ]] || todo+=("$unit" "$passed/${key%% *}")
  done < <(sed -nE 's/^ *"file": "(.*)",?$/\1/p' "$root/build/lint/compile_commands.json" |
    grep -E "^$root/(build/lint/)?(src|bindings/node|examples)/" | sort -u)
  ((${#todo[@]} > 0)) || return 0
  # shellcheck disable=SC2016  # the inner shell expands them
  printf '%s\0' "${todo[@]}" | xargs -0 -n 2 -P "$(nproc)" \
    bash -c 'clang-tidy -quiet -p "$0" "$1" && touch "$2"' "$root/build/lint"
}

check_shell() {
  local scripts
  mapfile -t scripts < <(find "$root/tests" "$root/examples" "$root/fuzz" "$root/tools" \
    "$node_dir/portable" -name node_modules -prune -o -name '*.sh' -print)
  shellcheck "$root/dev" "$root/.ci/run" "${scripts[@]}"
}

check_js() { (cd "$node_dir" && npm run --silent lint && npm run --silent typecheck); }

lint() {
  step 'lint: shellcheck' check_shell
  step 'lint: eslint, prettier, tsc' check_js
  step 'lint: clang-format' check_cpp_format
  step 'lint: clang-tidy' check_cpp
}
