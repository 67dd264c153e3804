#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# symbols.sh BUILD: what a library exports carries its file's prefix, and nothing in it is writable.
# BUILD is a build directory without sanitizers.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: tests/lint/symbols.sh BUILD}
bad=0
complain() { printf '%s\n' "$*"; bad=1; }

# file.c:symbol that is written to, each with its reason at its declaration.
writable=" mem.c:countdown "

# The helpers that vcs/provider.h lends to all providers are named after what they look at.
helpers="request_header request_json_text oid_is_valid oid_is_zero branch_is_valid"

# A file of one topic of a module has the module's name first: glob_compile.c exports glob_...
# A driver's file ends in its table: db/sqlite.c in db_sqlite, vcs/github.c in provider_github.
fits() {
  local stem=$1 symbol=$2
  case $room:$symbol in
    "db:db_$stem" | "vcs:provider_$stem") return 0 ;;
    vcs:*) [[ $stem == provider && " $helpers " == *" $symbol "* ]] && return 0 ;;
    db:mydb_*) stem=${stem/#mysql/mydb} ;; # mysql_ is the client library's
  esac
  while :; do
    [[ $symbol == "$stem" || $symbol == "$stem"_* ]] && return 0
    [[ $symbol == "$stem"s_* ]] && return 0 # fiber.c: what concerns all fibers
    [[ $stem == *_* ]] || return 1
    stem=${stem%_*}
  done
}

found=0
for room in base db vcs release receiver hooks; do
  library=$build/lib$room.a
  [ -e "$library" ] || { complain "$library: not built"; continue; }
  while read -r file scope section symbol; do
    found=$((found + 1))
    case $section in
      .data.rel.ro*) ;; # constant once the loader has put the addresses in
      .data* | .bss* | .tdata* | .tbss* | '*COM*')
        [[ $writable == *" $file:${symbol%%.*} "* ]] ||
          complain "$room/$file: '$symbol' is writable data"
        ;;
    esac
    if [ "$scope" = g ]; then
      fits "${file%.c}" "$symbol" ||
        complain "$room/$file: exports '$symbol', which lacks the file's prefix"
    fi
  done < <(objdump -t "$library" | awk '
    / file format / { sub(/\.o:.*/, ""); file = $0; next }
    # address, seven flags, section, tab, size, name
    match($0, /^[0-9a-f]+ [ a-zA-Z!]+ [.*]/) {
      flags = substr($0, 18, 7); rest = substr($0, 26); split(rest, word, /[ \t]+/)
      name = word[3] == ".hidden" ? word[4] : word[3]
      if (flags !~ /[OF]/ && word[1] !~ /^(\*COM|\.tdata|\.tbss)/) next
      if (flags ~ /d/) next # a section, a file
      print file, (flags ~ /^[gu]/ ? "g" : "l"), word[1], name
    }')
done
[ "$found" -gt 0 ] || complain "no symbols found below '$build'"
exit "$bad"
