#!/usr/bin/env bash
# Runs a command in the tests' environment: tests/env.sh COMMAND [ARGUMENT]...
# One place for what MPI and the locale need; ctest starts every test through it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=jobs/mpi-env.sh
. "$here/../jobs/mpi-env.sh"

# A program that no mpirun started need not start a daemon to talk to.
export OMPI_MCA_ess_singleton_isolated=1
# Such programs share a session folder; jobs/main.c says the rest.
export OMPI_MCA_sharedfp=individual
export LC_ALL=C.UTF-8
export PYTHONDONTWRITEBYTECODE=1
# Results must not depend on a time that a developer happens to have set.
unset SOURCE_DATE_EPOCH
exec "$@"
