#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Includes go one way between the rooms, are named from the root, and each header stands alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0
complain() { printf '%s\n' "$*"; bad=1; }

declare -A may=(
  [base]="base"
  [db]="base db"
  [vcs]="base vcs"
  [release]="base db release"
  [receiver]="base db vcs release receiver"
  [hooks]="base db vcs release receiver hooks"
  [cli]="base db vcs release receiver hooks cli"
)

for room in "${!may[@]}"; do
  for file in "$room"/*.[ch]; do
    [ -e "$file" ] || continue
    while IFS=: read -r line included; do
      from=${included%%/*}
      case " ${may[$room]} " in
        *" $from "*) ;;
        *) complain "$file:$line: '$room' must not include \"$included\"" ;;
      esac
      [ -e "$included" ] || complain "$file:$line: no such file from the root: \"$included\""
    done < <(sed -n '/^[[:space:]]*#[[:space:]]*include[[:space:]]*"/{=;s/[^"]*"\([^"]*\)".*/\1/p;}' \
      "$file" | paste -d: - -)
  done
done

for header in */*.h; do
  guard=$(printf '%s' "$header" | tr 'a-z/.' 'A-Z__')
  grep -q "^#ifndef $guard\$" "$header" || complain "$header: the guard is not $guard"
  printf '#include "%s"\n' "$header" |
    "${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L -I. -fsyntax-only -x c - ||
    complain "$header: cannot be included alone"
done
exit "$bad"
