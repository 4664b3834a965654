# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# ./dev nightly: all that takes too long for every change. A step that has passed on this commit is not
# run again; the table at the end names every step.
#
# A step is a line of nightly_steps: name, then a command of this file or another. Whatever it
# prints is in build/logs/nightly/NAME.log; status 77 means it was skipped, and the log's last line why.

nightly_steps() {
  local target version
  printf '%s\n' \
    'test                 ./dev test' \
    'mutants              nightly_mutants' \
    'seeds                nightly_seeds' \
    'mtus                 nightly_mtus' \
    'newer-peers          nightly_newer_peers'
  for version in 18 19 20 21 22 23 24 25 26; do
    printf '%s\n' "node-$version nightly_node $version"
  done
  for version in 18 20 22 24 26; do
    printf '%s\n' "package-node-$version nightly_package $version x64"
  done
  printf '%s\n' \
    'package-arm64-oldest nightly_package 18 arm64' \
    'package-arm64-newest nightly_package 26 arm64'
  for target in "$root"/fuzz/corpus/*/; do
    printf '%s\n' "fuzz-$(basename "$target") $root/dev fuzz $(basename "$target") 600"
  done
}

nightly_mutants() { "$root/dev" mutants; }

# Every test over networks that lose, with all seeds: minutes for one test.
nightly_seeds() {
  (cd "$root" && DTLS_TEST_SEEDS=10000 DTLS_TEST_SECONDS=3600 build/dev/tests/dtls_scenario_tests \
    --gtest_brief=1)
}

nightly_mtus() {
  (cd "$root" && DTLS_TEST_MTU_STEP=1 DTLS_TEST_SECONDS=3600 build/dev/tests/dtls_scenario_tests \
    --gtest_brief=1)
}

# The peers of a newer Debian must be there: elsewhere their tests are skipped with a reason.
nightly_newer_peers() {
  local log
  (cd "$root" && ctest --preset dev -R 'interop[.](newer|newer_peers)' --verbose) || return 1
  log=$root/build/dev/Testing/Temporary/LastTest.log
  if grep -q '\[  SKIPPED \]' "$log"; then
    grep -m 1 -A 1 'Skipped' "$log"
    return 77
  fi
}

# nightly_node <version>: the JavaScript tests under that version of Node, out of the npm registry.
nightly_node() {
  local folder npm
  folder=$(npm_node "$1" x64) && npm=$(npm_for_all) || return 77
  PATH=$folder:$npm/../.bin:$PATH
  node_tests
}

# nightly_table: name, result, seconds of every step.
nightly_table() {
  local name command result seconds
  printf '%-28s %-8s %s\n' step result seconds
  while read -r name command; do
    result='not run' seconds=''
    [[ ! -f $nightly/$name ]] || read -r result seconds <"$nightly/$name"
    printf '%-28s %-8s %s\n' "$name" "$result" "$seconds"
  done < <(nightly_steps)
}

# nightly [<step>...]: those steps, or all. It goes on after a failure, and ends with 1 at the end.
nightly() {
  local name command status began number=0 count failed=0 commit wanted=" $* "
  [[ -z $(git -C "$root" status --porcelain) ]] ||
    die 'nightly vouches for a commit: commit or stash what has changed'
  commit=$(git -C "$root" rev-parse --short=12 HEAD)
  nightly=$root/build/nightly/$commit
  mkdir -p "$nightly" "$logs/nightly"
  for name; do
    grep -q "^$name " <<<"$(nightly_steps)" || die "no step '$name'; there are: $(nightly_steps | awk '{print $1}' | xargs)"
  done
  build dev
  count=$(nightly_steps | wc -l)
  while read -r -u 3 name command; do
    number=$((number + 1))
    [[ $# -eq 0 || $wanted == *" $name "* ]] || continue
    if grep -qs '^passed' "$nightly/$name"; then
      say "[$number/$count] $name: passed on $commit before"
      continue
    fi
    say "[$number/$count] $name: $(date +%H:%M:%S) $command"
    began=$SECONDS status=0
    # A subshell of its own, that set -e of this one does not end the night.
    (cd "$root" && eval "$command") >"$logs/nightly/$name.log" 2>&1 </dev/null || status=$?
    case $status in
      0) echo "passed $((SECONDS - began))" >"$nightly/$name" ;;
      77) echo "skipped $((SECONDS - began))" >"$nightly/$name" && tail -n 1 "$logs/nightly/$name.log" ;;
      *)
        echo "FAILED $((SECONDS - began))" >"$nightly/$name"
        failed=$((failed + 1))
        tail -n 30 "$logs/nightly/$name.log"
        ;;
    esac
  done 3< <(nightly_steps)
  say "commit $commit:"
  nightly_table
  ((failed == 0)) || die "$failed steps failed; build/logs/nightly has what they printed"
}
