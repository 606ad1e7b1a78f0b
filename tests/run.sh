#!/usr/bin/env bash
# Every test, from nothing: installs what is missing, builds, runs.
#
#   tests/run.sh [NAME]...     only tests whose name matches one of these regular expressions
#
# Two builds: asan (AddressSanitizer, UBSan, assertions, warnings are errors) runs the C tests and some
# of the program's; release runs everything else: C tests on more ranks and of what has vectors, the
# command line, readers of the lake, the oracle, end to end, lint. SEGUE_LONG=1 adds what takes long.
# The last line counts:
#   N passed, M failed, K skipped
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=${SEGUE_JOBS:-$(nproc)}
reports=$root/.cache/reports
names=$(IFS='|' && echo "$*")

# Prints what a step says only if it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# build PRESET [TARGET]...
build() {
  local preset=$1
  shift
  printf '== build %s\n' "$preset"
  quietly cmake --preset "$preset"
  quietly cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
}

# run_tests PRESET [CTEST OPTION]...: the report is counted at the end; failures do not stop the rest.
run_tests() {
  local preset=$1
  shift
  printf '== test %s\n' "$preset"
  ctest --preset "$preset" -j "$jobs" --no-tests=ignore --output-junit "$reports/$preset.xml" "$@" \
    ${names:+-R "$names"} | grep -v -E '^(Test project| +Start |Internal ctest|[ 0-9]+/[0-9]+ Test +#.* Passed )' || true
  if [[ ! -f $reports/$preset.xml ]]; then
    printf 'run.sh: ctest left no report for %s\n' "$preset" >&2
    exit 1
  fi
}

summary() {
  /usr/bin/python3 - "$reports"/*.xml <<'END'
import sys
import xml.etree.ElementTree as tree

passed = failed = skipped = 0
for path in sys.argv[1:]:
    for case in tree.parse(path).getroot().iter("testcase"):
        if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
            words = (case.findtext("system-out") or "").strip().splitlines()
            print(f"skipped: {case.get('name')}: {words[-1].removeprefix('skipped: ') if words else ''}")
        elif case.get("status") == "run":
            passed += 1
        else:
            failed += 1
            print(f"failed: {case.get('name')}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
END
}

main() {
  cd "$root"
  bash jobs/setup.sh test
  rm -rf "$reports"
  mkdir -p "$reports"
  local long=(-LE long)
  if [[ -n ${SEGUE_LONG:-} ]]; then
    long=()
  fi
  build asan
  build release
  run_tests asan "${long[@]}" -L 'unit|mpi|sanitized'
  run_tests release "${long[@]}" -L 'ranks|vectors|lake|cli|lint|oracle|e2e'
  summary
}

main "$@" </dev/null
