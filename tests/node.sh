#!/usr/bin/env bash
# Runs a script with the packages of tests/lake/package.json: tests/node.sh lake/check.mjs [ARGUMENT]...
# The packages live in .cache/node, fetched once for each change of the list, without their scripts.
# Ends with 77 where they cannot be had.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$(dirname "$here")/.cache/node
script=${1:?a script below tests/}
shift

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
  echo "skipped: node and npm are not installed"
  exit 77
fi

prepare() {
  local sum install=install
  sum=$(cat "$here"/lake/package*.json | sha256sum)
  if [[ ! -f $cache/installed || $(<"$cache/installed") != "$sum" ]]; then
    rm -rf "$cache/node_modules" "$cache/installed"
    cp "$here"/lake/package*.json "$cache"
    if [[ -f $cache/package-lock.json ]]; then
      install=ci
    fi
    if ! (cd "$cache" && npm "$install" --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log 2>&1); then
      cat "$cache/npm.log"
      echo "skipped: the packages of tests/lake/package.json could not be fetched"
      exit 77
    fi
    printf '%s' "$sum" >"$cache/installed"
  fi
  # Node looks for packages beside the script itself, so the scripts go to the packages.
  mkdir -p "$cache/lake" "$cache/e2e" "$cache/dashboard"
  cp "$here"/dashboard/*.mjs "$cache/dashboard"
  cp "$here"/lake/*.mjs "$cache/lake"
  cp "$here"/e2e/*.mjs "$cache/e2e"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
prepare
exec 9>&-
exec node "$cache/$script" "$@"
