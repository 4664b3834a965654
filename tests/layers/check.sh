#!/usr/bin/env bash
# check.sh <source tree>: every #include goes the way the layers allow.
#
#  - a folder of src/ includes itself, include/dtls/ and the layers its dtls_layer(... SEES ...) names
#  - headers of system calls belong to src/net, <openssl/...> to the layers marked OPENSSL
#  - include/dtls/ includes only itself and the standard library
#  - bindings, tools, fuzzers' hosts and examples see only <dtls/...>
set -euo pipefail

tree=${1:?usage: check.sh <source tree>}
cd "$tree"
violations=0

# System headers that stand for system calls. <cerrno> and <fcntl.h>'s constants alone are no call.
syscalls='(sys/(socket|epoll|eventfd|timerfd|uio|un|ioctl|select|mman|random)|netinet/[a-z0-9_]+|arpa/inet|net/if|netdb|poll|ifaddrs|linux/[a-z0-9_/]+|unistd)\.h'

# includes <folder>: "file:line:header" of every #include under it.
includes() {
  [[ -d $1 ]] || return 0
  grep -rnE --include='*.cpp' --include='*.hpp' --include='*.h' --include='*.inc' \
    --exclude-dir=node_modules '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' "$1" |
    sed -E 's/^([^:]+:[0-9]+):[^<"]*[<"]([^>"]+)[>"].*/\1:\2/' || true
}

violation() {
  printf '%s\n' "$1"
  violations=$((violations + 1))
}

# The layers as src/*/CMakeLists.txt declares them.
declare -A sees openssl
layers=()
for list in src/*/CMakeLists.txt; do
  call=$(sed -E 's/#.*//' "$list" | tr '\n' ' ' | grep -oE 'dtls_layer\([^)]*\)') || continue
  read -ra words <<<"$(sed -E 's/dtls_layer\(|\)//g' <<<"$call")"
  layer=${words[0]}
  layers+=("$layer")
  sees[$layer]=" $layer dtls "
  openssl[$layer]=no
  reading=no
  for word in "${words[@]:1}"; do
    case $word in
      SEES) reading=yes ;;
      OPENSSL) openssl[$layer]=yes reading=no ;;
      SOURCES) reading=no ;;
      *) [[ $reading == no ]] || sees[$layer]+="$word " ;;
    esac
  done
done
if ((${#layers[@]} == 0)); then
  echo "no dtls_layer() call under $tree/src"
  exit 1
fi

known=" ${layers[*]} "
for folder in src/*/; do
  folder=$(basename "$folder")
  [[ $known == *" $folder "* ]] || violation "src/$folder: is no dtls_layer()"
done

for layer in "${layers[@]}"; do
  while IFS=: read -r file line header; do
    first=${header%%/*}
    if [[ $header == */* && ($known == *" $first "* || $first == dtls) && ! $header =~ ^($syscalls)$ ]]; then
      [[ ${sees[$layer]} == *" $first "* ]] ||
        violation "$file:$line: $layer may not see $first ($header)"
    elif [[ $header =~ ^openssl/(ssl|tls1|dtls1|srtp)[0-9]*\.h$ ]]; then
      violation "$file:$line: the protocol is ours: libssl is a peer of the tests only ($header)"
    elif [[ $first == openssl ]]; then
      [[ ${openssl[$layer]} == yes ]] || violation "$file:$line: $layer may not see OpenSSL ($header)"
    elif [[ $header =~ ^($syscalls)$ ]]; then
      [[ $layer == net ]] || violation "$file:$line: only net may see system calls ($header)"
    elif [[ $header == *..* ]]; then
      violation "$file:$line: includes go from src/ or include/, not by .. ($header)"
    fi
  done < <(includes "src/$layer")
done

while IFS=: read -r file line header; do
  if [[ $header == openssl/* || $header =~ ^($syscalls)$ || ($header == */* && $header != dtls/* && $header != sys/types.h) ]]; then
    violation "$file:$line: a public header may not see $header"
  fi
done < <(includes include)

for outside in bindings tools examples; do
  while IFS=: read -r file line header; do
    first=${header%%/*}
    if [[ $first == openssl || ($header == */* && $known == *" $first "* && ! $header =~ ^($syscalls)$) || $header == *..* ]]; then
      violation "$file:$line: $outside may see only <dtls/...> of this project ($header)"
    fi
  done < <(includes "$outside")
done

if ((violations > 0)); then
  echo "$violations includes go against the layers (src/*/CMakeLists.txt says who sees whom)"
  exit 1
fi
echo "every include of ${#layers[@]} layers goes the way it may"
