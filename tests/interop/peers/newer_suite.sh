#!/usr/bin/env bash
# newer_suite.sh <folder> <c++ compiler>: peer programs around a wolfSSL and an NSS that speak DTLS 1.3
# as RFC 9147 has it: Debian 12's wolfSSL was built without, its NSS speaks draft 43. Takes those
# libraries, and the C library that they need, from Debian's sid, unpacks them in <folder> and changes
# nothing of the system: apt gets state, cache and sources of its own there, and checks signatures as
# ever.
#
# Leaves for each of both NAME.command (one line: what runs the program) or NAME.reason (one line: why
# there is none, for the tests that are skipped then). Fails only where a program does not compile.
# Once it has worked, it does nothing for as long as the folder and the programs' sources stay.
set -euo pipefail

folder=${1:?usage: newer_suite.sh FOLDER COMPILER}
compiler=${2:?usage: newer_suite.sh FOLDER COMPILER}
sources=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=sid
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
root=$folder/root
log=$folder/log

# lack <name> <reason>: there will be no such program.
lack() {
  rm -f "$folder/$1.command"
  printf '%s\n' "$2" >"$folder/$1.reason"
  printf 'no %s that speaks DTLS 1.3: %s (log: %s)\n' "$1" "$2" "$log"
}

give_up() {
  lack wolfssl "$*"
  lack nss "$*"
  exit 0
}

# The mirror that this machine takes Debian from.
site() {
  # shellcheck disable=SC2016  # apt expands it
  apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(SITE)' 'Created-By: Packages' 2>>"$log" |
    awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }'
}

# apt_here <apt-get or apt-cache> <argument>...: with everything of its own under $folder.
apt_here() {
  local program=$1 apt=$folder/apt
  shift
  timeout 120 "$program" -q -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt/cache" -o Dir::Etc::sourcelist="$apt/sources.list" \
    -o Dir::Etc::sourceparts=- -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::AllowInsecureRepositories=false -o Acquire::Retries=1 \
    -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Languages=none "$@"
}

fetch() {
  local mirror apt=$folder/apt library tool package
  for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || give_up "there is no $tool: this is no Debian"
  done
  [[ -r $keyring ]] || give_up "there is no $keyring to check a newer suite's signature with"
  mirror=$(site)
  [[ -n $mirror ]] || give_up 'apt knows of no Debian mirror to take a newer suite from'
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
  : >"$apt/status"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$apt/sources.list"
  apt_here apt-get update >>"$log" 2>&1 || give_up "the index of Debian's $suite cannot be had"
  library=$(apt_here apt-cache depends libwolfssl-dev 2>>"$log" |
    sed -n 's/^ *Depends: \(libwolfssl[0-9].*\)$/\1/p' | head -n 1)
  [[ -n $library ]] || give_up "Debian's $suite has no libwolfssl-dev"
  (cd "$apt/debs" && apt_here apt-get download libwolfssl-dev "$library" libnss3-dev libnss3 \
    libnspr4-dev libnspr4 libsqlite3-0 libc6) >>"$log" 2>&1 || give_up "the packages of Debian's $suite cannot be had"
  rm -rf "$root"
  mkdir -p "$root"
  for package in "$apt"/debs/*.deb; do
    dpkg-deb -x "$package" "$root" >>"$log" 2>&1 ||
      give_up "a package of Debian's $suite cannot be unpacked here"
  done
  rm -rf "$apt"
}

# build <name> <folder of headers>... -- <library>...: a program, linked against the newer library and
# run by the C library that came with it.
build() {
  local name=$1 libraries loader options=() words status=0
  shift
  libraries=$(dirname "$(find "$root/usr/lib" -name 'libc.so.6' | head -n 1)")
  loader=$(find "$root/usr" -name 'ld-linux*.so.*' | head -n 1)
  while [[ $1 != -- ]]; do
    options+=(-isystem "$root/usr/include/$1")
    shift
  done
  shift
  options+=("$sources/${name}_peer.cpp" "$sources/peer_program.cpp" -L"$libraries" "${@/#/-l}")
  # A library that has gone from its package is the suite's doing; what does not compile is ours.
  if [[ -z $loader || ! -e $libraries/lib$1.so ]]; then
    lack "$name" "the packages of Debian's $suite are not laid out as expected"
    return
  fi
  "$compiler" -std=c++20 -O1 "${options[@]}" -o "$folder/${name}_peer" \
    -static-libstdc++ -static-libgcc -Wl,--allow-shlib-undefined >>"$log" 2>&1 || {
    cat "$log"
    exit 1
  }
  # Without arguments it tells how it is used, with status 2.
  words=("$loader" --library-path "$libraries" "$folder/${name}_peer")
  timeout 20 "${words[@]}" >>"$log" 2>&1 || status=$?
  if ((status != 2)); then
    lack "$name" "the $name of Debian's $suite does not run here"
    return
  fi
  printf '%s\n' "${words[*]}" >"$folder/$name.command"
  rm -f "$folder/$name.reason"
  printf 'ready: %s\n' "${words[*]}"
}

case $folder in *' '*) give_up 'the name of the build folder has a space in it' ;; esac
stamp=$folder/built-from
key=$(cat "${BASH_SOURCE[0]}" "$sources"/*_peer.cpp "$sources"/peer_program.* | sha256sum)
if [[ -f $folder/wolfssl.command && -f $folder/nss.command && -f $stamp && $(<"$stamp") == "$key" ]]
then
  exit 0
fi
: >"$log"
[[ -d $root/usr/include/nss && -d $root/usr/include/wolfssl ]] || fetch
if grep -q 'define WOLFSSL_DTLS13' "$root/usr/include/wolfssl/options.h"; then
  build wolfssl . -- wolfssl
else
  lack wolfssl "that of Debian's $suite was built without DTLS 1.3"
fi
build nss nss nspr -- ssl3 nss3 nssutil3 nspr4
printf '%s\n' "$key" >"$stamp"
