# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# ./dev bench engine, net and node.

# install_peers <package>...: libraries that ours is measured beside. One that the system does not have
# is left out, and the program says so.
install_peers() {
  local peer missing=()
  for peer; do
    ! command -v apt-get >/dev/null || is_installed "$peer" || missing+=("$peer")
  done
  for peer in "${missing[@]}"; do
    (step "installing the Debian package $peer" apt_install "$peer") ||
      say "without $peer: its library is not measured"
  done
}

bench_engine() {
  install_debian_packages build loop
  install_peers libgnutls28-dev libmbedtls-dev libwolfssl-dev
  build bench --target dtls_bench_engine
  mkdir -p "$root/bench/results"
  "$root/build/bench/bench/dtls_bench_engine" --json "$root/bench/results/engine.json" "$@"
  say "as JSON: bench/results/engine.json"
}

# Debian's Python, for Debian's matplotlib.
bench_python() { /usr/bin/python3 "$root/bench/harness/$1.py" "${@:2}"; }

bench_net() {
  install_debian_packages build loop bench
  install_peers libgnutls28-dev
  build bench --target dtls_bench_net
  bench_python net "$@"
}

# The addon is the one that is shipped, but for the libraries that are linked into it.
bench_node() {
  prepare build loop bench
  command -v strace >/dev/null || (step 'installing the Debian package strace' apt_install strace) ||
    say "without strace: system calls are not counted"
  build bench --target dtls_bench_net_ours dtls_bench_net_load
  build release --target dtls_node
  DTLS_NATIVE=$root/build/release/dtls_node.node bench_python node "$@"
}
