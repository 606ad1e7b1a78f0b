#!/usr/bin/env bash
# clang-tidy with .clang-tidy over the sources that are compiled in BUILD_DIR: tidy.sh BUILD_DIR [FILE]...
# A file whose text, headers and checks have not changed since it was clean is not looked at again.
# The static analyzer's checks take ten times as long as all others: only with SEGUE_LONG=1, or for
# files that are named.
set -euo pipefail
build=$(cd "${1:?a build directory}" && pwd)
shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

stamps=$build/tidy
mkdir -p "$stamps"
checks='-clang-analyzer-*'
if [[ $# -gt 0 || ${SEGUE_LONG:-0} == 1 ]]; then
  checks=''
fi
if [[ $# -gt 0 ]]; then
  files=("$@")
else
  # Without DuckDB its files are not compiled, and nobody knows with which options they would be.
  if grep -q sql_main "$build/compile_commands.json"; then
    mapfile -t files < <(find src jobs -name '*.c' | sort)
  else
    mapfile -t files < <(find src jobs -name '*.c' -not -path 'src/sql/*' -not -name 'sql_*' | sort)
  fi
fi
# Any header may matter to any file: one sum for all of them, the checks and the compiler's options.
shared=$({
  printf '%s' "$checks"
  cat .clang-tidy CMakeLists.txt
  find include src jobs -name '*.h' -print0 | sort -z | xargs -0 cat
} | sha256sum)

tidy_one() {
  local file=$1 build=$2 stamp=$3/${1//\//_} sum
  sum=$(printf '%s' "$4" | cat - "$file" | sha256sum)
  if [[ -f $stamp && $(<"$stamp") == "$sum" ]]; then
    return 0
  fi
  # Options of gcc that clang does not know are not worth a word; stderr only counts what was suppressed.
  if ! clang-tidy --quiet --checks="$5" --warnings-as-errors='*' -p "$build" --extra-arg=-Wno-unknown-warning-option \
    "$file" 2>/dev/null; then
    return 1
  fi
  printf '%s' "$sum" >"$stamp"
}
export -f tidy_one

printf '%s\0' "${files[@]}" |
  xargs -0 -P 2 -I '{}' bash -c 'tidy_one "$@"' _ '{}' "$build" "$stamps" "$shared" "$checks"
