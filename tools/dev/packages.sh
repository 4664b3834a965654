# shellcheck shell=bash disable=SC2154  # dev sets root, logs, node_dir; step sets last_log
# Debian and npm packages: each command installs what it needs, and no more.

# packages_for <purpose>...: the Debian packages of each.
packages_for() {
  local purpose
  for purpose; do
    case $purpose in
      build) printf '%s\n' g++ cmake ninja-build libssl-dev libuv1-dev ;;
      loop) printf '%s\n' ccache lld ;; # for who builds often
      demo) printf '%s\n' openssl iproute2 ;;
      unit) printf '%s\n' libgtest-dev openssl pkg-config ;;
      js) printf '%s\n' openssl iproute2 python3 strace ;;
      peers)
        printf '%s\n' gnutls-bin libmbedtls-dev libwolfssl-dev libnss3-dev libcoap3-bin openssl
        ;;
      bench) printf '%s\n' openssl python3 python3-matplotlib ;;
      mutants) printf '%s\n' python3 ;;
      package) printf '%s\n' binutils musl-tools openssl xz-utils ;; # with the addon for this processor
      arm64) printf '%s\n' g++-aarch64-linux-gnu qemu-user ;;
      lint) printf '%s\n' clang-format clang-tidy shellcheck ;;
      *) die "no packages for '$purpose'" ;;
    esac
  done | sort -u
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo "$@"
  fi
}

has_node() {
  command -v node >/dev/null && command -v npm >/dev/null || return 1
  node -e 'process.exit(parseInt(process.versions.node, 10) >= 18 ? 0 : 1)'
}

is_installed() {
  [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# The lists of packages are fetched only where apt does not know a package, or has it no more.
apt_install() {
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@")
  as_root "${install[@]}" || { as_root apt-get update -q && as_root "${install[@]}"; }
}

# install_debian_packages <purpose>...
install_debian_packages() {
  local wanted missing=() package
  mapfile -t wanted < <(packages_for "$@")
  has_node || wanted+=(nodejs npm)
  if ! command -v apt-get >/dev/null; then
    # Not Debian: trust what is there, name what is not.
    for package in g++ cmake ninja openssl node npm; do
      command -v "$package" >/dev/null || missing+=("$package")
    done
    ((${#missing[@]} == 0)) ||
      die "not found: ${missing[*]}. This is no Debian: install the equivalents of ${wanted[*]}"
    return
  fi
  for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0
  ((EUID == 0)) || command -v sudo >/dev/null ||
    die "missing Debian packages: run as root: apt-get install ${missing[*]}"
  step "installing Debian packages: ${missing[*]}" apt_install "${missing[@]}"
  has_node || die "Node.js 18 or newer and npm are needed; found: $(node --version 2>&1 || true)"
}

npm_ci() { (cd "$node_dir" && npm ci --no-audit --no-fund --prefer-offline); }

# The stamp lives in what it vouches for, so that removing node_modules removes it too.
install_npm_packages() {
  local stamp=$node_dir/node_modules/.lock-hash hash
  hash=$(sha256sum <"$node_dir/package-lock.json")
  if [[ ! -f $stamp || $(<"$stamp") != "$hash" ]]; then
    step 'installing the npm packages of bindings/node' npm_ci
    printf '%s\n' "$hash" >"$stamp"
  fi
}

# prepare <purpose>...
prepare() {
  install_debian_packages "$@"
  install_npm_packages
}
