#!/usr/bin/env bash
# Runs a command in the tests' environment: tests/env.sh COMMAND [ARGUMENT]...
# One place for what MPI and the locale need; ctest starts every test through it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=jobs/mpi-env.sh
. "$here/../jobs/mpi-env.sh"

# A program that no mpirun started need not start a daemon to talk to.
export OMPI_MCA_ess_singleton_isolated=1
# Yet all of them would share one session folder, which the first to end removes from below the others:
# each test has its own. Those of tests that have ended go.
sessions=/tmp/segue-mpi-$(id -u)
for old in "$sessions"/*; do
  if ! kill -0 "${old##*/}" 2>/dev/null; then
    rm -rf "$old"
  fi
done
export OMPI_MCA_orte_tmpdir_base=$sessions/$$
mkdir -p "$OMPI_MCA_orte_tmpdir_base"
# Messages of one machine. Without this, Open MPI looks for fabrics first, and the library of one of
# them sleeps for a quarter of a second when it is loaded: half of a short command's time.
export OMPI_MCA_pml=ob1
export LC_ALL=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1
# Results must not depend on a time that a developer happens to have set.
unset SOURCE_DATE_EPOCH
exec "$@"
