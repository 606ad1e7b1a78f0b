#!/usr/bin/env bash
# All C sources as .clang-format wants them. `format.sh --fix` rewrites them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mode=(--dry-run -Werror --ferror-limit=3)
if [[ ${1:-} == --fix ]]; then
  mode=(-i)
fi
find include src jobs tests -name '*.[ch]' -print0 | xargs -0 clang-format "${mode[@]}"
