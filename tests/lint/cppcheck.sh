#!/usr/bin/env bash
# cppcheck over our own sources: cppcheck.sh BUILD_DIR, which keeps results of unchanged files.
set -euo pipefail
build=$(cd "${1:?a build directory}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mkdir -p "$build/cppcheck"
# missingInclude*: system headers are not read, which is also what makes this fast.
# unusedFunction: the library's interface is larger than what the program uses.
# normalCheckLevel*: says only that a deeper level exists.
cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --language=c -j 2 \
  --enable=warning,performance,portability \
  --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unusedFunction \
  --suppress=normalCheckLevelMaxBranches --suppress=unmatchedSuppression \
  --cppcheck-build-dir="$build/cppcheck" \
  -D_GNU_SOURCE -DSEGUE_VERSION='"0"' -DSEGUE_COMMIT='"0"' -D__GNUC__=12 -I include -I src -I jobs src jobs
