#!/usr/bin/env bash
# Installs what segue needs and this machine lacks, from Debian's own packages.
#
#   jobs/setup.sh [build|test]...      default: build
#
# build: compiler, MPI and the libraries. test: build, and what tests/run.sh needs besides.
# Says nothing and changes nothing where all is there. Uses sudo unless it runs as root.
set -euo pipefail

build_packages=(
  build-essential cmake ninja-build pkg-config git ca-certificates
  openmpi-bin libopenmpi-dev libhdf5-openmpi-dev
  libcsv-dev libjansson-dev libzstd-dev zlib1g-dev libutf8proc-dev libxxhash-dev libssl-dev
  libcurl4-openssl-dev libexpat1-dev # S3 and LRCLIB
)
test_packages=(
  libcmocka-dev python3 python3-numpy python3-h5py python3-pandas
  clang clang-tidy clang-format cppcheck shellcheck hdf5-tools
)

say() {
  printf 'setup: %s\n' "$*" >&2
}

installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Any OpenBLAS will do with one thread a rank; the serial one is what we would choose.
openblas_there() {
  local name
  for name in libopenblas-serial-dev libopenblas-pthread-dev libopenblas-openmp-dev; do
    if installed "$name"; then
      return 0
    fi
  done
  return 1
}

node_there() {
  local version
  version=$(node --version 2>/dev/null) || return 1
  version=${version#v}
  [[ ${version%%.*} -ge 18 ]] && command -v npm >/dev/null
}

# The library of libFuzzer and the sanitizers; clang only recommends it, under a numbered name.
clang_runtime() {
  local clang
  clang=$(dpkg-query -W -f '${Depends}' clang 2>/dev/null || apt-cache depends clang 2>/dev/null || true)
  if [[ $clang =~ clang-([0-9]+) ]]; then
    echo "libclang-rt-${BASH_REMATCH[1]}-dev"
  else
    echo libclang-rt-14-dev
  fi
}

wanted() {
  if [[ $1 == build ]]; then
    printf '%s\n' "${build_packages[@]}"
    openblas_there || echo libopenblas-serial-dev
  else
    printf '%s\n' "${test_packages[@]}"
    clang_runtime
    node_there || printf '%s\n' nodejs npm
  fi
}

missing_packages() {
  local group name
  for group in "$@"; do
    while read -r name; do
      installed "$name" || printf '%s\n' "$name"
    done < <(wanted "$group")
  done
}

install_packages() {
  local root=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      say "these packages are missing, and there is neither root nor sudo to install them: $*"
      exit 1
    fi
    root=(sudo)
  fi
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0
    -o DPkg::Lock::Timeout=300)
  say "installing $*"
  # A machine with fresh lists need not fetch them again; one with old or none must.
  if ! "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null 2>&1; then
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null
  fi
}

main() {
  local groups=() group
  for group in "${@:-build}"; do
    case $group in
    build) groups+=(build) ;;
    test) groups+=(build test) ;;
    *)
      say "unknown group '$group'; groups are build and test"
      exit 2
      ;;
    esac
  done
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "this is no Debian or Ubuntu; README.md lists the packages for conda and spack"
    exit 1
  fi
  local missing
  mapfile -t missing < <(missing_packages "${groups[@]}" | sort -u)
  if [[ ${#missing[@]} -gt 0 ]]; then
    install_packages "${missing[@]}"
  fi
}

main "$@"
