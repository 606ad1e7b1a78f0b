#!/usr/bin/env bash
# Builds segue for 64-bit ARM and runs its arithmetic there, on any Debian machine.
#
#   tests/arm64.sh SEGUE     the program of this machine, to compare with
#
# The compiler is Debian's cross compiler; libraries of the other architecture go to .cache/arm64/sysroot and
# leave the machine's own packages alone; programs run under qemu's user emulation. The C tests of base, stats,
# predictors, eval and knn must pass, and a whole run must give the same tables as here. Ends with 77 where
# something cannot be had.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/.cache/arm64
sysroot=$cache/sysroot
libraries=$sysroot/usr/lib/aarch64-linux-gnu
build=$root/build-arm64
native=$(readlink -f "${1:?the path of segue}")
tools=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static)
packages=(libopenmpi-dev libhdf5-openmpi-dev libopenblas-serial-dev libcsv-dev libjansson-dev libzstd-dev
  zlib1g-dev libutf8proc-dev libxxhash-dev libssl-dev libcurl4-openssl-dev libexpat1-dev libsqlite3-dev libcmocka-dev)
tests=(base stats predictors eval knn)

skip() {
  echo "skipped: $*"
  exit 77
}

install_tools() {
  local missing=() name root_prefix=()
  for name in "${tools[@]}"; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) != installed ]]; then
      missing+=("$name")
    fi
  done
  if [[ ${#missing[@]} -eq 0 ]]; then
    return
  fi
  if [[ $(id -u) -ne 0 ]]; then
    root_prefix=(sudo -n)
  fi
  "${root_prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends "${missing[@]}" >"$cache/tools.log" 2>&1 ||
    skip "${missing[*]} could not be installed"
}

# A state of its own for apt, in which nothing is installed and all is arm64: it finds the libraries and what
# they need. They are unpacked, not installed.
fill_sysroot() {
  local state=$cache/apt package link
  if [[ -f $cache/filled && $(<"$cache/filled") == "${packages[*]}" ]]; then
    return
  fi
  rm -rf "$state" "$sysroot" "$cache/filled"
  mkdir -p "$state/state/lists/partial" "$state/cache/archives/partial" "$sysroot"
  : >"$state/status"
  local apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$state/state"
    -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache" -o APT::Install-Recommends=false
    -o APT::Sandbox::User=root -o Debug::NoLocking=1)
  if ! { "${apt[@]}" update && "${apt[@]}" install -y --download-only "${packages[@]}"; } \
    >"$cache/packages.log" 2>&1; then
    skip "arm64 packages could not be fetched: $(tail -n 1 "$cache/packages.log")"
  fi
  for package in "$state"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$sysroot"
  done
  # Links to /lib/... mean those of the sysroot.
  while read -r link; do
    ln -sfnr "$sysroot$(readlink "$link")" "$link"
  done < <(find "$sysroot" -type l -lname '/*')
  rm -rf "$state"
  printf '%s' "${packages[*]}" >"$cache/filled"
}

build_all() {
  local log=$cache/build.log targets=(segue) name
  for name in "${tests[@]}"; do
    targets+=("test_$name")
  done
  if ! { cmake -S "$root" --preset arm64 &&
    cmake --build "$build" -j "${SEGUE_JOBS:-$(nproc)}" --target "${targets[@]}"; } >"$log" 2>&1; then
    tail -n 40 "$log"
    echo "arm64: the build failed"
    exit 1
  fi
}

emulate() {
  qemu-aarch64-static -L "$sysroot" -E "LD_LIBRARY_PATH=$libraries/openblas-serial:$libraries" "$@"
}

run_tests() {
  local name failed=0
  for name in "${tests[@]}"; do
    if ! emulate "$build/tests/test_$name" >"$cache/$name.log" 2>&1; then
      grep -E 'FAILED|ERROR' "$cache/$name.log" || tail -n 5 "$cache/$name.log"
      failed=1
    fi
  done
  return "$failed"
}

# The same input and the same time must give the same tables on both processors.
compare_runs() {
  local work=$cache/run
  rm -rf "$work"
  mkdir -p "$work"
  "$native" synth --quiet --out "$work" --tracks 3000
  local words=(run --quiet --run-ts 0 --tracks "$work/tracks.csv" --artists "$work/artists.csv")
  "$native" "${words[@]}" --run "$work/here.h5" --lake "$work/here"
  emulate "$build/segue" "${words[@]}" --run "$work/there.h5" --lake "$work/there"
  # The builds may be of different commits, which files name as their maker.
  LC_ALL=C find "$work" -name '*.parquet' -exec sed -i 's/(build [0-9a-z]*)/(build)/' {} +
  if ! diff -r "$work/here" "$work/there" >"$work/differences"; then
    head -n 5 "$work/differences"
    echo "arm64: the lake differs from this machine's"
    return 1
  fi
}

main() {
  mkdir -p "$cache"
  if [[ $(uname -m) != x86_64 ]] || ! command -v apt-get >/dev/null; then
    skip "only tried from Debian on x86_64"
  fi
  install_tools
  fill_sysroot
  build_all
  run_tests
  compare_runs
}

main "$@" </dev/null
