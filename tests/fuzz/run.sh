#!/usr/bin/env bash
# Fuzzes everything that reads what strangers wrote, with clang's libFuzzer.
#
#   tests/fuzz/run.sh [SECONDS] [TARGET]...
#
# SECONDS for each target (SEGUE_FUZZ_SECONDS, or 400: an hour in all); TARGET is csv, list, ... Begins
# with the kept inputs of corpus/TARGET and with what earlier calls found interesting
# (build-fuzz/found/TARGET). What breaks a target stays in build-fuzz/broken/TARGET-*: mend it, then
# keep it as an input with a name that says what it was. Exit code 1 if anything broke, 77 without
# clang.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build-fuzz
jobs=${SEGUE_JOBS:-$(nproc)}

fuzz() {
  local seconds=$1 target=$2
  local found=$build/found/$target dictionary=()
  mkdir -p "$found" "$build/broken"
  if [[ -f $here/$target.dict ]]; then
    dictionary=("-dict=$here/$target.dict")
  fi
  if ! bash "$root/tests/env.sh" "$build/tests/fuzz/fuzz_$target" "-max_total_time=$seconds" \
    -timeout=30 -rss_limit_mb=3000 -max_len=8192 -print_final_stats=1 "${dictionary[@]}" \
    "-artifact_prefix=$build/broken/$target-" "$found" "$here/corpus/$target" >"$build/$target.log" 2>&1; then
    printf 'fuzz %s: broken, see %s\n' "$target" "$build/$target.log"
    tail -n 40 "$build/$target.log"
    return 1
  fi
  printf 'fuzz %s: %s runs\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log")"
}

main() {
  local seconds=${SEGUE_FUZZ_SECONDS:-400} targets=()
  if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
  fi
  targets=("$@")
  if [[ ${#targets[@]} -eq 0 ]]; then
    mapfile -t targets < <(cd "$here" && printf '%s\n' fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
  fi
  if ! command -v clang >/dev/null; then
    printf 'skipped: libFuzzer needs clang (jobs/setup.sh test installs it)\n'
    exit 77
  fi
  (cd "$root" && cmake --preset fuzz && cmake --build --preset fuzz -j "$jobs") >/dev/null
  export -f fuzz
  export here root build
  printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c 'fuzz "$@"' fuzz "$seconds" {}
}

main "$@"
