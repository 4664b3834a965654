# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# ./dev check: what a change needs before it is committed. It compares the work tree with the commit
# at which the branch left main, and looks at what differs.

# The commit to compare with: where this branch left the main branch; on main itself what is published.
base_of_change() {
  local main base
  for main in origin/HEAD origin/main main; do
    base=$(git -C "$root" merge-base HEAD "$main" 2>/dev/null) || continue
    printf '%s\n' "$base"
    return
  done
  git -C "$root" rev-parse HEAD
}

# changed_files: changed since the base, committed or not, and new ones; not deleted ones.
changed_files() {
  {
    git -C "$root" diff --name-only --diff-filter=d "$1" --
    git -C "$root" ls-files --others --exclude-standard
  } | sort -u
}

# only <pattern>: the changed files that match, as absolute paths.
only() { { grep -E "$1" <<<"$changed" || true; } | sed "s,^,$root/,"; }

format_of_changed() { only '\.(cpp|hpp)$' | xargs -r clang-format --dry-run --Werror; }

# A changed header is seen with the source file of its name.
tidy_changed() {
  local headers sources
  headers=$(only '^(include/dtls|src|bindings/node/src)/.*\.hpp$' |
    sed -E "s,/include/dtls/,/src/*/,; s,\.hpp$,.cpp,")
  # shellcheck disable=SC2086  # include/dtls/x.hpp belongs to the x.cpp of some layer
  sources=$({
    only '^(src|bindings/node/src|examples)/.*\.cpp$'
    [[ -z $headers ]] || ls -d $headers 2>/dev/null || true
  } | sort -u)
  [[ -z $sources ]] || xargs -n 1 -P "$(nproc)" clang-tidy -quiet -p "$root/build/dev" <<<"$sources"
}

shell_of_changed() { only '(\.sh|^dev|^\.ci/run)$' | xargs -r shellcheck; }

js_of_changed() (
  local files scripts
  mapfile -t files < <(only '^bindings/node/.*\.([cm]?js|[cm]?ts|json|md)$')
  mapfile -t scripts < <(only '^bindings/node/.*\.[cm]?js$')
  ((${#files[@]} > 0)) || return 0
  cd "$node_dir" && npx prettier --check "${files[@]}" || return 1
  ((${#scripts[@]} == 0)) || npx eslint --no-warn-ignored "${scripts[@]}" || return 1
  npm run --silent typecheck
)

# The JavaScript tests that a change touches, one name a line. Whatever is beneath the module is seen
# by the tests of connections; a folder or file with tests of its own by those.
js_tests_of_changed() {
  local file
  while IFS= read -r file; do
    case $file in
      bindings/node/test/*.test.js) basename "$file" .test.js ;;
      bindings/node/test/support/*)
        (cd "$node_dir/test" && grep -l "support/$(basename "$file" .js)\"" ./*.test.js) |
          sed 's,.*/,,; s,\.test\.js$,,'
        ;;
      bindings/node/lib/jsre/host/*) printf '%s\n' jsre iosched namespaces task examples ;;
      bindings/node/lib/* | bindings/node/src/* | bindings/node/bin/*)
        printf '%s\n' arguments connection events failures loop native node_loop package promises protocol psk \
          'rows_*'
        ;;
      bindings/node/types/* | bindings/node/test/consumers/*) printf '%s\n' 'doc*' package ;;
      bindings/node/portable/* | bindings/node/package.json) printf '%s\n' package ;;
      include/* | src/*) printf '%s\n' connection events failures native protocol psk ;;
      *.md) printf '%s\n' 'doc*' 'sentences*' ;;
      examples/js/*) printf '%s\n' examples ;;
    esac
  done <<<"$changed" | sort -u | while IFS= read -r name; do
    compgen -G "$node_dir/test/$name.test.js" >/dev/null && printf '%s\n' "$name"
  done
}

check() {
  local base js_tests
  base=$(base_of_change)
  changed=$(changed_files "$base")
  [[ -n $changed ]] || {
    say "nothing differs from $(git -C "$root" log -1 --format='%h (%s)' "$base")"
    return
  }
  begin_times
  say "$(wc -l <<<"$changed") files differ from $(git -C "$root" log -1 --format='%h (%s)' "$base")"
  step 'building what the tests need (preset dev)' build_preset dev --target \
    dtls_unit_tests dtls_scenario_tests dtls_net_tests dtls_node
  write_launcher
  step_beside 'lint: clang-tidy of what changed' politely tidy_changed
  step 'lint: clang-format of what changed' format_of_changed
  step 'lint: shellcheck of what changed' shell_of_changed
  step 'lint: prettier, eslint, tsc of what changed' js_of_changed
  step 'C++ tests: unit, scenario, net, layers' ctest_preset dev -R '^(unit|scenario|net|layers)[.]'
  ctest_summary dev
  mapfile -t js_tests < <(js_tests_of_changed)
  if ((${#js_tests[@]} > 0)); then
    step 'JavaScript tests that the change touches' node_tests "${js_tests[@]}"
    say "   of: ${js_tests[*]}"
    node_summary
  fi
  join_steps
  print_times
}
