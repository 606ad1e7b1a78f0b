#!/usr/bin/env bash
# Runs a command in the tests' environment: tests/env.sh COMMAND [ARGUMENT]...
# One place for what MPI, the sanitizers and the locale need; ctest starts every test through it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=jobs/mpi-env.sh
. "$here/../jobs/mpi-env.sh"

export LC_ALL=C.UTF-8
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:allocator_may_return_null=1}"
export LSAN_OPTIONS="${LSAN_OPTIONS:-suppressions=$here/lsan.supp:print_suppressions=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}"
# Results must not depend on a time that a developer happens to have set.
unset SOURCE_DATE_EPOCH
exec "$@"
