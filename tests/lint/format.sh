#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format 14 (Debian 12's) writes it. `format.sh fix` makes it so.
set -euo pipefail
cd "$(dirname "$0")/../.."
formatter=$(command -v clang-format-14 || command -v clang-format) ||
  { echo "clang-format is not installed"; exit 1; }
"$formatter" --version | grep -q 'version 14\.' ||
  { echo "clang-format is not version 14: $("$formatter" --version)"; exit 1; }
mapfile -t files < <(git ls-files -co --exclude-standard -- '*.c' '*.h' |
  while IFS= read -r file; do [ -e "$file" ] && printf '%s\n' "$file"; done)
[ "${#files[@]}" -gt 0 ] || { echo "no C files found"; exit 1; }
if [ "${1:-}" = fix ]; then
  exec "$formatter" -i "${files[@]}"
fi
exec "$formatter" --dry-run -Werror "${files[@]}"
