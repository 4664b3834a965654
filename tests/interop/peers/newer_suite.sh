#!/usr/bin/env bash
# newer_suite.sh <folder> <c++ compiler>: a peer program around a wolfSSL that speaks DTLS 1.3, which
# Debian 12 has not. Takes that library, and the C library that it needs, from Debian's sid, unpacks
# them in <folder> and changes nothing of the system: apt gets state, cache and sources of its own
# there, and checks signatures as ever.
#
# Leaves wolfssl.command (one line: what runs the program) or wolfssl.reason (one line: why there is
# none, for the tests that are skipped then). Fails only where the program does not compile. Once it
# has worked, it does nothing for as long as the folder and the program's source stay.
set -euo pipefail

folder=${1:?usage: newer_suite.sh FOLDER COMPILER}
compiler=${2:?usage: newer_suite.sh FOLDER COMPILER}
sources=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=sid
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
command=$folder/wolfssl.command
reason=$folder/wolfssl.reason
root=$folder/root
log=$folder/log

give_up() {
  rm -f "$command"
  printf '%s\n' "$*" >"$reason"
  printf 'no wolfSSL with DTLS 1.3: %s (log: %s)\n' "$*" "$log"
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
  (cd "$apt/debs" && apt_here apt-get download libwolfssl-dev "$library" libc6 libgcc-s1) \
    >>"$log" 2>&1 || give_up "the packages of Debian's $suite cannot be had"
  rm -rf "$root"
  mkdir -p "$root"
  for package in "$apt"/debs/*.deb; do
    dpkg-deb -x "$package" "$root" >>"$log" 2>&1 ||
      give_up "a package of Debian's $suite cannot be unpacked here"
  done
  rm -rf "$apt"
}

# The program is linked against the newer library, and run by the C library that came with it.
build() {
  local libraries loader
  libraries=$(dirname "$(find "$root/usr/lib" -name 'libwolfssl.so' | head -n 1)")
  loader=$(find "$root" -path '*/lib*' -name 'ld-linux*.so.*' | head -n 1)
  [[ -f $libraries/libwolfssl.so && -n $loader ]] ||
    give_up "the packages of Debian's $suite are not laid out as expected"
  grep -q 'define WOLFSSL_DTLS13' "$root/usr/include/wolfssl/options.h" ||
    give_up "the wolfSSL of Debian's $suite was built without DTLS 1.3"
  "$compiler" -std=c++20 -O1 -isystem "$root/usr/include" \
    "$sources/wolfssl_peer.cpp" "$sources/peer_program.cpp" -o "$folder/wolfssl_peer" \
    -static-libstdc++ -static-libgcc -L"$libraries" -lwolfssl -Wl,--allow-shlib-undefined \
    >>"$log" 2>&1 || {
    cat "$log"
    exit 1
  }
  printf '%s --library-path %s %s\n' "$loader" "$libraries" "$folder/wolfssl_peer" >"$command.new"
  # Without arguments it tells how it is used, with status 2.
  local words status=0
  read -ra words <"$command.new"
  timeout 20 "${words[@]}" >>"$log" 2>&1 || status=$?
  ((status == 2)) || give_up "the wolfSSL of Debian's $suite does not run here"
  mv "$command.new" "$command"
  rm -f "$reason"
}

case $folder in *' '*) give_up 'the name of the build folder has a space in it' ;; esac
stamp=$folder/built-from
key=$(cat "${BASH_SOURCE[0]}" "$sources"/wolfssl_peer.cpp "$sources"/peer_program.* | sha256sum)
if [[ -f $command && -f $stamp && $(<"$stamp") == "$key" ]]; then
  exit 0
fi
: >"$log"
[[ -f $root/usr/include/wolfssl/options.h ]] || fetch
build
printf '%s\n' "$key" >"$stamp"
printf 'ready: %s\n' "$(<"$command")"
