# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# ./dev fuzz.

# clang, and its runtime, whose package is named after its version.
install_fuzz_packages() {
  install_debian_packages build loop unit
  if ! command -v apt-get >/dev/null; then
    command -v clang++ >/dev/null || die 'not found: clang++ with libFuzzer and the sanitizers'
    return
  fi
  is_installed clang || step 'installing the Debian package clang' apt_install clang
  local runtime
  runtime=libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev
  is_installed "$runtime" || step "installing the Debian package $runtime" apt_install "$runtime"
}

# fuzz_one <target> <seconds>: what is new goes to build/fuzz, nothing to the corpus.
fuzz_one() {
  local target=$1 work=$root/build/fuzz/runs/$1
  mkdir -p "$work/inputs" "$work/findings"
  ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 \
    "$root/build/fuzz/fuzz/fuzz_$target" -max_total_time="$2" -max_len=8192 -entropic=0 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$work/findings/" \
    "$work/inputs" "$root/fuzz/corpus/$target" || {
    printf 'finding: %s\n' "$work"/findings/*
    printf 'again with: %s FINDING\n' "build/fuzz/fuzz/fuzz_$target"
    return 1
  }
}

fuzz_summary() {
  local coverage
  coverage=$(grep -Eo 'cov: [0-9]+ ft: [0-9]+' "$last_log" | tail -n 1)
  say "   $(sed -n 's/^stat::number_of_executed_units: *//p' "$last_log") runs, $coverage"
}

# A target is a folder of the corpus.
fuzz() {
  local targets=() seconds=60 target
  mapfile -t targets < <(cd "$root/fuzz/corpus" && printf '%s\n' *)
  if [[ ${1:-} =~ ^[a-z_]+$ ]]; then
    [[ -d $root/fuzz/corpus/$1 ]] || die "no fuzz target '$1'; there are: ${targets[*]}"
    targets=("$1")
    shift
  fi
  if [[ $# -gt 0 ]]; then
    [[ $1 =~ ^[1-9][0-9]*$ && $# -eq 1 ]] || die "to be fuzzed for how many seconds? Not '$*'"
    seconds=$1
  fi
  install_fuzz_packages
  step 'building the fuzzers (preset fuzz)' build_preset fuzz --target fuzzers
  for target in "${targets[@]}"; do
    step "fuzzing $target for $seconds seconds" fuzz_one "$target" "$seconds"
    fuzz_summary
  done
}
