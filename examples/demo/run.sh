#!/usr/bin/env bash
# run.sh [--port N] [--check]: the demonstration behind `./dev demo`.
#
# Makes a throw-away certificate authority and a server certificate, starts the asynchronous server
# (examples/js/async-server.js) under jsre, then three clients one after the other: the synchronous
# and the asynchronous JavaScript client, and `openssl s_client`. Prints who says what, then one line
# of summary. Exits 0 only if the server has heard all three.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scripts=$root/examples/js
jsre=$root/build/bin/jsre
page_port=2049 # the port in the example programs
patience=15    # seconds that anything on one machine may take

port=$page_port
check_only=no
server_pid=
client_pid=
directory=

die() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

tell() { printf '%-15s| %s\n' "$1" "$2"; }

# --- before anything starts ------------------------------------------------------------------

bound() { [[ -n $(ss -Hlun "sport = :$1") ]]; }

read_options() {
  while (($# > 0)); do
    case $1 in
      --check) check_only=yes ;;
      --port)
        port=${2:-}
        [[ $port == any || ($port =~ ^[1-9][0-9]{0,4}$ && $port -le 65535) ]] ||
          die "--port '$port': expected a number from 1 to 65535, or any"
        shift
        ;;
      *) die "unknown argument '$1'; expected --port N" ;;
    esac
    shift
  done
}

choose_port() {
  local holder
  command -v ss >/dev/null || die 'ss is missing: install the Debian package iproute2'
  if [[ $port == any ]]; then
    port=$((20000 + RANDOM % 10000))
    while bound "$port"; do
      port=$((port + 1))
    done
  elif bound "$port"; then
    holder=$(ss -Hlunp "sport = :$port" | grep -oE '"[^"]+",pid=[0-9]+' | head -n 1 || true)
    die "UDP port $port is taken${holder:+ (by $holder)}: end that program," \
      "or choose another port: ./dev demo --port any"
  fi
}

check_tools() {
  command -v openssl >/dev/null || die 'openssl is missing: install the Debian package openssl'
  [[ -x $jsre ]] || die 'build/bin/jsre is missing: run ./dev build'
}

# --- the stage -------------------------------------------------------------------------------

# The server's option is one file, cert.pem: certificate and private key together.
make_certificates() {
  local curve=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
  {
    openssl req -x509 "${curve[@]}" -days 1 -subj '/CN=Demo CA' -keyout ca.key -out ca.pem \
      -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign,cRLSign'
    openssl req "${curve[@]}" -subj '/CN=localhost' -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 \
      -out server.pem -extfile <(printf '%s\n' \
        'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' \
        'extendedKeyUsage=serverAuth' 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1')
    cat server.pem server.key >cert.pem
  } >openssl.log 2>&1 || {
    cat openssl.log >&2
    die 'openssl could not make the certificates (its messages are above)'
  }
}

copy_scripts() {
  local script
  for script in async-server sync-client async-client; do
    sed -E "s/\b$page_port\b/$port/g" "$scripts/$script.js" >"$script.js"
  done
}

# --- the play --------------------------------------------------------------------------------

alive() { kill -0 "$1" 2>/dev/null; }

# until_true <command> [<argument>...]: true as soon as the command is, false after `patience`.
until_true() {
  local end=$((SECONDS + patience))
  until "$@"; do
    ((SECONDS < end)) || return 1
    sleep 0.02
  done
}

end_process() {
  [[ -n $1 ]] || return 0
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# shellcheck disable=SC2317  # called by the trap
clean_up() {
  end_process "$client_pid"
  end_process "$server_pid"
  [[ -z $directory ]] || rm -rf "$directory"
}

server_is_up() { bound "$port" || ! alive "$server_pid"; }

start_server() {
  "$jsre" async-server.js >server.log 2>&1 </dev/null &
  server_pid=$!
  until_true server_is_up || die "the server has not bound port $port in $patience s"
  if ! alive "$server_pid"; then
    cat server.log >&2
    die "the server ended by itself (its messages are above)"
  fi
  tell demo "async-server.js listens on UDP port $port"
}

# What the server has heard from clients so far: one line for each message.
heard() { grep -c ' Say: ' server.log || true; }

has_heard() { (($(heard) >= $1)); }

client_ended() { ! alive "$client_pid"; }

client_is_done() { has_heard "$1" || client_ended; }

server_lines_shown=0
show_server() {
  local line
  while IFS= read -r line; do
    tell server "$line"
  done < <(tail -n "+$((server_lines_shown + 1))" server.log)
  server_lines_shown=$(wc -l <server.log)
}

# play <client's name> <messages awaited> <ends|waits> <command> [<argument>...]
# A client that `waits` goes on waiting when the server has heard it, and is ended here.
play() {
  local name=$1 awaited=$2 manner=$3 all line status=0
  shift 3
  all=$(($(heard) + awaited))
  tell demo "$name: ${*/#"$root/"/}"
  "$@" <&0 >client.log 2>&1 &
  client_pid=$!
  if [[ $manner == waits ]]; then
    until_true client_is_done "$all" || true
  elif until_true client_ended; then
    wait "$client_pid" || status=$?
    ((status != 0)) || until_true has_heard "$all" || true
  fi
  end_process "$client_pid"
  client_pid=
  while IFS= read -r line; do
    tell "$name" "$line"
  done <client.log
  show_server
  ((status == 0)) || tell demo "$name ended with exit code $status"
  if ! has_heard "$all"; then
    tell demo "the server has not heard all $awaited messages of $name"
    return 1
  fi
  return "$status"
}

# ---------------------------------------------------------------------------------------------

read_options "$@"
choose_port
[[ $check_only == no ]] || exit 0
check_tools
trap clean_up EXIT
directory=$(mktemp -d)
cd "$directory"
make_certificates
copy_scripts
start_server

successes=0
# The synchronous client then waits for an answer, which this server never gives.
play 'sync client' 1 waits "$jsre" sync-client.js </dev/null && successes=$((successes + 1))
play 'async client' 2 waits "$jsre" async-client.js </dev/null && successes=$((successes + 1))
play 'openssl' 1 ends openssl s_client -dtls1_2 -connect "127.0.0.1:$port" -CAfile ca.pem \
  -verify_ip 127.0.0.1 -verify_return_error -brief \
  < <(printf 'Hello from openssl s_client') && successes=$((successes + 1))
show_server

if ((successes == 3)); then
  echo "demo: all 3 clients talked DTLS to the server, which heard $(heard) messages"
else
  echo "demo: FAILED, the server understood only $successes of 3 clients"
  exit 1
fi
