#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Nothing in the tree depends on the machine that it was made on: no paths of it, and scripts name
# no host that a stranger would not expect.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0
mapfile -t files < <(git ls-files -co --exclude-standard |
  while IFS= read -r file; do [ -f "$file" ] && printf '%s\n' "$file"; done)

paths='(^|[^A-Za-z0-9_.])/(wor[k]|far[m])/|/tmp/bash_job[s]'
if grep -nIE "$paths" "${files[@]}"; then
  echo "  a path of one machine"
  bad=1
fi

hosts='([a-z0-9-]+\.)*example\.(com|org|net|test)|localhost|127\.0\.0\.1|\[::1\]|(api\.)?github\.com|api\.bitbucket\.org|(www\.)?debian\.org'
for file in "${files[@]}"; do
  case $file in
    tests/lint/*) continue ;;
    deploy/* | .ci/* | cmake/* | *.sh | *.cmake | CMakeLists.txt | tests/run) ;;
    *) continue ;;
  esac
  if grep -noIE 'https?://[^/"'"'"' )>]+' "$file" |
      grep -vE "https?://([^@/]*@)?($hosts)(:[^/]*)?\$|://[\$%<{]" | sed "s|^|$file:|" | grep .; then
    echo "  a host that a stranger would not expect"
    bad=1
  fi
done
exit "$bad"
