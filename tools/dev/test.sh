# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# ./dev test: everything CI runs.

ctest_preset() { (cd "$root" && ctest --preset "$@"); }

# The thread sanitizer's shadow memory collides with the address randomisation of some kernels.
ctest_unrandomised() {
  if setarch -R true 2>/dev/null; then
    (cd "$root" && setarch -R ctest --preset "$@")
  else
    ctest_preset "$@"
  fi
}

# ctest counts processes, so this counts the tests that passed in them.
ctest_summary() {
  sed -n '/tests passed/,$p' "$last_log" | grep -v '^$'
  local preset=$1 tests
  tests=$(sed -nE 's/^\[  PASSED  \] ([0-9]+) tests?\.$/\1/p' \
    "$root/build/$preset/Testing/Temporary/LastTest.log" | awk '{ sum += $1 } END { print sum + 0 }')
  say "   $tests tests of GoogleTest passed in these processes"
}

# node_tests [<name>...]: those test files (patterns), or all.
node_tests() {
  local name files=()
  for name in "${@:-*}"; do
    mapfile -t -O "${#files[@]}" files < <(compgen -G "$node_dir/test/$name.test.js")
  done
  (cd "$node_dir" && node --test "${files[@]}")
}

# Node's reporters mark the lines of their summary with # (18) or with an information sign.
node_summary() {
  grep -E '^(#|ℹ) (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ' "$last_log"
}

summary_of_beside() {
  case $1 in
    'JavaScript tests') node_summary ;;
    mutants*) grep ' killed' "$last_log" | tail -n 1 ;;
  esac
}

# What waits (the JavaScript tests: timers, other processes) runs beside what computes (sanitizers'
# builds, clang-tidy), and before it in the scheduler's eyes.
test_all() {
  begin_times
  step 'lint: shellcheck' check_shell
  step 'lint: clang-format' check_cpp_format
  step 'release build and installation' install_release
  build dev
  step 'C++ tests' ctest_preset dev
  ctest_summary dev
  step 'demo' "$root/examples/demo/run.sh" --port any
  tail -n 1 "$last_log"
  step_beside 'JavaScript tests' node_tests
  test_package
  step_beside 'mutants: a sample' politely "$root/tests/mutants/run" --sample 60 --jobs 1
  step 'building (preset asan)' politely build_preset asan
  step 'building (preset tsan)' politely build_preset tsan
  step 'lint: clang-tidy' politely check_cpp
  step 'lint: eslint, prettier, tsc' check_js
  join_steps summary_of_beside
  step 'C++ tests under the address and undefined-behaviour sanitizers' ctest_preset asan
  ctest_summary asan
  step 'C++ tests under the thread sanitizer' ctest_unrandomised tsan
  ctest_summary tsan
  print_times
}
