#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shell scripts parse and please shellcheck; Python files compile; scripts can be executed.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0
shells=()
while IFS= read -r file; do
  [ -f "$file" ] || continue
  IFS= read -r first <"$file" || true
  case $first in
    '#!'*sh) shells+=("$file") ;;
    '#!'*python3)
      python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file" || bad=1
      ;;
    *) continue ;;
  esac
  [ -x "$file" ] || { echo "$file: not executable"; bad=1; }
done < <(git ls-files -co --exclude-standard -- ':!*.c' ':!*.h' ':!tests/fuzz/corpus' ':!tests/fuzz/regression')
[ "${#shells[@]}" -gt 0 ] || { echo "no shell scripts found"; exit 1; }
for file in "${shells[@]}"; do
  bash -n "$file" || bad=1
done
shellcheck -S warning "${shells[@]}" || bad=1
exit "$bad"
