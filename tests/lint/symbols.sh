#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# symbols.sh BUILD: what a library exports carries its file's prefix, and nothing in it is writable.
# BUILD is a build directory without sanitizers.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: tests/lint/symbols.sh BUILD}
bad=0
complain() { printf '%s\n' "$*"; bad=1; }

# file.c:symbol whose name is not the file's: the tables that drivers and providers end in.
exceptions=" sqlite.c:db_sqlite postgres.c:db_postgres github.c:provider_github "
exceptions+=" gitlab.c:provider_gitlab bitbucket.c:provider_bitbucket azure.c:provider_azure "
exceptions+=" bitbucket_server.c:provider_bitbucket_server gitea.c:provider_gitea "
# file.c:symbol that is written to, each with its reason at its declaration.
writable=" mem.c:countdown "

# A file of one topic of a module has the module's name first: glob_compile.c exports glob_...
fits() {
  local stem=$1 symbol=$2
  while :; do
    [[ $symbol == "$stem" || $symbol == "$stem"_* ]] && return 0
    [[ $stem == *_* ]] || return 1
    stem=${stem%_*}
  done
}

found=0
for room in base db vcs release receiver; do
  library=$build/lib$room.a
  [ -e "$library" ] || { complain "$library: not built"; continue; }
  while read -r member symbol kind; do
    file=${member%.o}
    found=$((found + 1))
    case $kind in
      [DdBbCGgSs])
        [[ $writable == *" $file:${symbol%%.*} "* ]] ||
          complain "$room/$file: '$symbol' is writable data"
        ;;
    esac
    case $kind in
      [A-Z])
        fits "${file%.c}" "$symbol" || [[ $exceptions == *" $file:$symbol "* ]] ||
          complain "$room/$file: exports '$symbol', which lacks the file's prefix"
        ;;
    esac
  done < <(nm -A -P --defined-only "$library" |
    sed -n 's/^[^[]*\[\([^]]*\)\]: \([^ ]*\) \([A-Za-z]\).*/\1 \2 \3/p')
done
[ "$found" -gt 0 ] || complain "no symbols found below '$build'"
exit "$bad"
