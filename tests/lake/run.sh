#!/usr/bin/env bash
# The Parquet writer against three readers: tests/lake/run.sh FUZZ_TABLES WORK [TABLES [SEED]]
# FUZZ_TABLES is the built program, WORK a directory for its files. Ends with 77 (skipped) where the
# readers cannot be had.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fuzz=$1
work=$2
shift 2

mkdir -p "$work"
"$fuzz" "$work/tables" "$@"
"$here/../node.sh" lake/check.mjs --self-check "$work/tables"
"$here/../node.sh" lake/check.mjs "$work/tables"
