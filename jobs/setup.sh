#!/usr/bin/env bash
# Installs what segue needs and this machine lacks, from Debian's own packages.
#
#   jobs/setup.sh [build|sql|test]...      default: build
#
# build: compiler, MPI and the libraries. sql: DuckDB for `segue sql`, into .cache/duckdb, unless the
# machine has it or DuckDB_ROOT names it. test: both, and what tests/run.sh needs besides.
# Says nothing and changes nothing where all is there. Uses sudo unless it runs as root.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_packages=(
  build-essential cmake ninja-build pkg-config git ca-certificates
  openmpi-bin libopenmpi-dev libhdf5-openmpi-dev
  libcsv-dev libjansson-dev libzstd-dev zlib1g-dev libutf8proc-dev libxxhash-dev libssl-dev
  libcurl4-openssl-dev libexpat1-dev # S3 and LRCLIB
  libsqlite3-dev # dumps of LRCLIB
)
test_packages=(
  libcmocka-dev python3 python3-numpy python3-h5py python3-pandas python3-sklearn
  clang clang-tidy clang-format cppcheck shellcheck hdf5-tools
  chromium # the dashboard is tested in it, and it makes its PDF
  ceph-mon ceph-osd radosgw ceph-common openssl curl # an S3 server on this machine
  awscli s3cmd # list and fetch what segue wrote
  # a Slurm of two nodes on this machine, for the scripts of slurm/
  slurmctld slurmd slurm-client munge
)

# DuckDB has no package in Debian 12, but npm has its header and its library. Pinned by SHA-512.
duckdb_header=duckdb@1.4.4
duckdb_header_sum=hEJJ5hyVF0VLj3dmOLpsWrQR0b3d4Ykqtygm6iUXjHJDDnSqg/USKxcb5qvNrOhFYPgktayU6dXCtgPqcmmpog==
case $(uname -m) in
x86_64)
  duckdb_library=@duckdb/node-bindings-linux-x64@1.4.4-r.3
  duckdb_library_sum=Z59zpUIcZilHBmcZpmwfFwi6/OAnKlVQCE9/NGgZCFSqYeb+3ij5HQy26hp10GIiv3HxUQGId8HVs92x2jvckQ==
  ;;
aarch64)
  duckdb_library=@duckdb/node-bindings-linux-arm64@1.4.4-r.3
  duckdb_library_sum=qF2/WhB+i+8is60RrpTY/5ZnywIUayuBiVXSuQ4rrRn1m1gvfKqPvjySbiDjYgQo/6OXu/fax0KC1gXnNWoLEA==
  ;;
*) duckdb_library='' ;;
esac

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

# Where DuckDB is looked for, in CMake's order but for what only CMake finds.
duckdb_there() {
  [[ -n ${DuckDB_ROOT:-} || -f $root/.cache/duckdb/lib/libduckdb.so ]] || installed libduckdb-dev
}

wanted() {
  if [[ $1 == build ]]; then
    printf '%s\n' "${build_packages[@]}"
    openblas_there || echo libopenblas-serial-dev
  elif [[ $1 == sql ]]; then
    # The prompt's line editor, and the client that fetches DuckDB.
    echo libedit-dev
    duckdb_there || node_there || printf '%s\n' nodejs npm
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
  local privilege=()
  if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null; then
      say "these packages are missing, and there is neither root nor sudo to install them: $*"
      exit 1
    fi
    privilege=(sudo)
  fi
  local apt=("${privilege[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0
    -o DPkg::Lock::Timeout=300)
  say "installing $*"
  # A machine with fresh lists need not fetch them again; one with old or none must.
  if ! "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null 2>&1; then
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends "$@" >/dev/null
  fi
}

# fetch NAME SUM: the package as a file in the current folder, if it is the one that was pinned.
fetch() {
  local file sum
  file=$(npm pack --ignore-scripts --silent --pack-destination . "$1") || return 1
  sum=$(openssl dgst -sha512 -binary "$file" | base64 -w0)
  if [[ $sum != "$2" ]]; then
    say "$1 is not what was expected: its SHA-512 is $sum"
    return 1
  fi
  printf '%s\n' "$file"
}

# Header and library into .cache/duckdb, which appears whole or not at all. Each step says where it
# fails, since the shell's own stop on errors is off in a function that is asked for its result.
fetch_duckdb() (
  if [[ -z $duckdb_library ]]; then
    say "DuckDB is not fetched for $(uname -m); install it and set DuckDB_ROOT"
    exit 1
  fi
  mkdir -p "$root/.cache" && work=$(mktemp -d "$root/.cache/duckdb.XXXXXX") || exit 1
  trap 'rm -rf "$work"' EXIT
  cd "$work" || exit 1
  say "fetching $duckdb_header and $duckdb_library"
  header_file=$(fetch "$duckdb_header" "$duckdb_header_sum") &&
    library_file=$(fetch "$duckdb_library" "$duckdb_library_sum") &&
    mkdir -p pair/include pair/lib &&
    tar xzf "$header_file" --strip-components=5 -C pair/include package/src/duckdb/src/include/duckdb.h &&
    tar xzf "$library_file" --strip-components=1 -C pair/lib package/libduckdb.so &&
    rm -rf "$root/.cache/duckdb" &&
    mv pair "$root/.cache/duckdb"
)

main() {
  local groups=() group
  for group in "${@:-build}"; do
    case $group in
    build) groups+=(build) ;;
    sql) groups+=(sql) ;;
    test) groups+=(build sql test) ;;
    *)
      say "unknown group '$group'; groups are build, sql and test"
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
  if [[ " ${groups[*]} " == *" sql "* ]] && ! duckdb_there && ! fetch_duckdb; then
    say "DuckDB could not be fetched: segue is built without 'segue sql'"
    # Tests that need it skip and say so; who asked for it alone must know.
    [[ " ${groups[*]} " == *" test "* ]]
  fi
}

main "$@"
