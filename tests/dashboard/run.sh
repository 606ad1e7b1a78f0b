#!/usr/bin/env bash
# The page in a real browser: tests/dashboard/run.sh SEGUE WORK [small|large]
# Ends with 77 (skipped) where there is no Chromium, or no playwright-core to drive it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
segue=$1
work=$2
size=${3:-small}

browser=$(command -v "${SEGUE_BROWSER:-chromium}" || true)
if [[ -z $browser ]]; then
  echo "skipped: chromium is not installed (jobs/setup.sh test installs it)"
  exit 77
fi

rm -rf "$work"
mkdir -p "$work"
/usr/bin/python3 "$here/prepare.py" "$segue" "$work" "$size"
if [[ $size == small ]]; then
  "$segue" dashboard "$work/run.h5" --out "$work/again.html" --pdf "$work/page.pdf" --png "$work/png" --browser "$browser" --quiet
  cmp "$work/page.html" "$work/again.html"
fi
"$here/../node.sh" "dashboard/$size.mjs" "$work" "$browser"
