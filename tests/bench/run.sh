#!/usr/bin/env bash
# Measures segue and its peers in one run and writes a report.
#
#   tests/bench/run.sh [--full] [--only search,lake,whole,scaling,lyrics,s3,model] [--repeats N] [--out DIR] [--tracks FILE]
#
# Search beside FAISS and scikit-learn; CSV to Parquet beside DuckDB; the whole job beside pandas and
# scikit-learn; 1 and 2 ranks; audio and lyrics beside scikit-learn; S3 beside s3cmd and aws s3 cp; a
# cost model. Programs take turns. What is missing is installed from Debian's and npm's packages; where
# a peer cannot be had its row says so. The report: build/bench/bench.md and bench.json. --full adds
# what takes minutes. SEGUE_BENCH_BUILD names another release build.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
packages=(python3-numpy python3-h5py python3-pandas python3-sklearn python3-faiss time)

say() {
  printf 'bench: %s\n' "$*" >&2
}

# One by one, so that a package that cannot be had leaves the others.
install_peers() {
  local name sudo=()
  if [[ $(id -u) -ne 0 ]]; then
    sudo=(sudo)
  fi
  for name in "${packages[@]}"; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]]; then
      continue
    fi
    say "installing $name"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
      install -y --no-install-recommends "$name" >/dev/null 2>&1 || say "$name could not be installed"
  done
}

# DuckDB is the one that the lake's tests read with. Prints the folder of packages, or nothing.
install_duckdb() {
  local cache=$root/.cache/bench
  if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    return
  fi
  if [[ ! -d $cache/node_modules/@duckdb/node-api ]]; then
    local version
    version=$(node -p 'require(process.argv[1]).dependencies["@duckdb/node-api"]' "$root/tests/lake/package.json")
    mkdir -p "$cache"
    npm install --prefix "$cache" --ignore-scripts --no-audit --no-fund --loglevel=error \
      "@duckdb/node-api@$version" >"$cache/npm.log" 2>&1 || return 0
  fi
  printf '%s\n' "$cache/node_modules"
}

build() {
  if [[ -n ${SEGUE_BENCH_BUILD:-} ]]; then
    printf '%s\n' "$SEGUE_BENCH_BUILD"
    return
  fi
  bash "$root/jobs/setup.sh" test
  (cd "$root" && cmake --preset release && cmake --build --preset release --target segue knn_bench knn_answer) >&2
  printf '%s\n' "$root/build"
}

main() {
  local out=$root/build/bench arguments=() build node
  while [[ $# -gt 0 ]]; do
    if [[ $1 == -h || $1 == --help ]]; then
      sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      return
    fi
    if [[ $1 == --out ]]; then
      out=${2:?--out needs a folder}
      shift 2
    else
      arguments+=("$1")
      shift
    fi
  done
  install_peers
  build=$(build)
  node=$(install_duckdb)
  # shellcheck source=jobs/mpi-env.sh
  . "$root/jobs/mpi-env.sh"
  export PYTHONDONTWRITEBYTECODE=1 LC_ALL=C.UTF-8
  exec /usr/bin/python3 "$here/bench.py" --build "$build" --out "$out" ${node:+--node-path "$node"} "${arguments[@]}"
}

main "$@" </dev/null
