#!/usr/bin/env bash
# check.sh <folder of the example programs>: the C++ examples, run as README describes them.
set -euo pipefail

programs=$1
work=$(mktemp -d)
server=
finish() {
  if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap finish EXIT

cd "$work"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>openssl.log || {
  cat openssl.log
  exit 1
}

mkfifo said
"$programs/example_echo_server" cert.pem key.pem 0 >said &
server=$!
exec 3<said
read -r -t 10 line <&3 || { echo 'the server did not say where it listens' && exit 1; }
port=${line##*:}

answer=$("$programs/example_client" cert.pem 'hello over DTLS' "$port")
[[ $answer == 'hello over DTLS' ]] || { echo "the client printed '$answer'" && exit 1; }

# Verification is on: another certificate is not accepted, and the client says so.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other \
  -keyout other.key -out other.pem 2>openssl.log
if "$programs/example_client" other.pem hello "$port" 2>refusal.log; then
  echo 'the client accepted a certificate that it does not trust' && exit 1
fi
grep -q 'was not issued by any certificate authority trusted here' refusal.log
echo 'examples: server and client agree, and a stranger is refused'
