# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# ./dev coverage.

coverage_of_cpp() {
  local report=$root/build/coverage/cpp
  mkdir -p "$report"
  gcovr --root "$root" --object-directory "$root/build/coverage" \
    --filter "$root/src/" --filter "$root/include/" --filter "$root/bindings/node/src/" \
    --exclude-directories '.*CompilerId.*' --exclude-throw-branches --html-details "$report/index.html" --txt "$report/summary.txt"
}

# The addon with counters is used, so that its C++ is counted too. Tests of threads may fail for the
# counters' sake; the summary says how many did, and `./dev test` is what judges.
node_tests_counted() {
  (cd "$node_dir" && DTLS_NATIVE=$root/build/coverage/dtls_node.node \
    npx c8 --reporter text --reporter html --reports-dir "$root/build/coverage/js" \
    --include 'lib/**' --include 'bin/**' node --test test/*.test.js) || true
}

coverage() {
  command -v gcovr >/dev/null || step 'installing Debian packages: gcovr' apt_install gcovr
  build coverage
  find "$root/build/coverage" -name '*.gcda' -delete
  step 'C++ tests, counting' ctest_preset coverage
  ctest_summary coverage
  step 'JavaScript tests, counting' node_tests_counted
  node_summary
  sed -n '/% Stmts/,$p' "$last_log"
  step 'C++ coverage' coverage_of_cpp
  cat "$root/build/coverage/cpp/summary.txt"
  say "line by line: build/coverage/cpp/index.html, build/coverage/js/index.html"
  say "what is not run, and why: docs/coverage.md"
}
