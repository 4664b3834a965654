# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# Saying what runs, and keeping what it printed. Sourced by ../../dev, which sets root and logs.

say() { printf '%s\n' "$*"; }

die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

log_of() { printf '%s/%s.log' "$logs" "$(tr -cs 'a-zA-Z0-9\n' '-' <<<"$1")"; }

# The table of build/logs/times.tsv: seconds and headline of each step of this command.
begin_times() {
  mkdir -p "$logs"
  : >"$logs/times.tsv"
}

# step <headline> <command> [<argument>...]: runs the command; its output is shown if it fails, and
# is in build/logs/ in any case.
step() {
  local headline=$1 began=$SECONDS
  shift
  say "== $headline"
  mkdir -p "$logs"
  last_log=$(log_of "$headline")
  "$@" >"$last_log" 2>&1 </dev/null || {
    cat "$last_log"
    die "failed: $headline"
  }
  printf '%s\t%s\n' $((SECONDS - began)) "$headline" >>"$logs/times.tsv"
}

# step_beside <headline> <command> [<argument>...]: the same, while the following steps run. It may run
# for long, or wait for much; join_steps takes what came of all such steps.
beside_headlines=()
beside_pids=()
step_beside() {
  local headline=$1
  shift
  say "== $headline (beside the next steps)"
  mkdir -p "$logs"
  set -m # a process group of its own, so that it can be ended with all that it started
  (
    began=$SECONDS
    "$@" >"$(log_of "$headline")" 2>&1 </dev/null || exit 1
    printf '%s\t%s (beside others)\n' $((SECONDS - began)) "$headline" >>"$logs/times.tsv"
  ) &
  set +m
  trap end_steps_beside EXIT
  beside_headlines+=("$headline")
  beside_pids+=($!)
}

# shellcheck disable=SC2317  # called by the trap
end_steps_beside() {
  local pid
  for pid in "${beside_pids[@]}"; do
    kill -- "-$pid" 2>/dev/null || true
  done
}

# join_steps [<command>]: waits for the steps beside; after each good one calls the command with its
# headline.
join_steps() {
  local after=${1:-:} i failed=()
  for i in "${!beside_pids[@]}"; do
    last_log=$(log_of "${beside_headlines[i]}")
    if wait "${beside_pids[i]}"; then
      "$after" "${beside_headlines[i]}"
    else
      cat "$last_log"
      failed+=("${beside_headlines[i]}")
    fi
  done
  beside_headlines=()
  beside_pids=()
  ((${#failed[@]} == 0)) || die "failed: ${failed[*]}"
}

print_times() {
  say "where the time went (seconds):"
  sort -rn "$logs/times.tsv" | head -n 12 | sed 's/^/  /'
}
