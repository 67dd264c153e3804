#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Functions that the house rules ban, and the few files that may use the others.
set -euo pipefail
cd "$(dirname "$0")/../.."
bad=0

# Code without comments and string literals, with its line numbers kept.
bare() {
  perl -0777 -pe 's{(/\*.*?\*/)|("(?:\\.|[^"\\])*")|(\x27(?:\\.|[^\x27\\])*\x27)}
    {my $t = $&; my $n = ($t =~ tr/\n//); defined $1 ? " " . "\n" x $n : "\"\""}gsex' "$1"
}

# ban WHY PATTERN FILE...: the pattern is a Perl alternative of function names.
ban() {
  local why=$1 pattern=$2 file
  shift 2
  for file in "$@"; do
    if bare "$file" | grep -nP "(?<![A-Za-z0-9_>.])($pattern)\s*\(" | sed "s|^|$file:|" | grep .; then
      printf '  %s\n' "$why"
      bad=1
    fi
  done
}

# but FILE... -- EXCEPT...: the files without the exceptions.
all() { printf '%s\n' {base,db,vcs,release,receiver,hooks,cli}/*.c | grep -v '\*'; }
libraries() { all | grep -v '^cli/'; }
but() { grep -vE "^($1)\$"; }

mapfile -t every < <(all)
mapfile -t library < <(libraries)
# cli/screen.c asks what the terminal can do, hooks/pusher.c whom the git server names.
mapfile -t no_getenv < <(all | but 'base/(conf|conf_[a-z]+|secret)\.c|cli/screen\.c|hooks/pusher\.c')
mapfile -t no_time < <(all | but 'base/clock\.c')
mapfile -t no_malloc < <(all | but 'base/mem\.c')
[ "${#every[@]}" -gt 20 ] || { echo "the sources were not found"; exit 1; }

ban "use base/buf.h or base/str.h" 'strcpy|strcat|sprintf|vsprintf|gets|strtok' "${every[@]}"
ban "use base/num.h" 'atoi|atol|atoll|atof|strtol|strtoll|strtoul|strtoull|sscanf' "${every[@]}"
ban "use base/clock.h" 'gmtime|localtime|ctime|asctime' "${every[@]}"
ban "no shell and no unbounded stack" 'system|popen|alloca' "${every[@]}"
ban "only base/clock.c reads the clock" 'time|gettimeofday' "${no_time[@]}"
ban "the environment is read by base/conf and base/secret" 'getenv|secure_getenv' "${no_getenv[@]}"
ban "allocation goes through base/mem.h" 'malloc|calloc|realloc|free|strdup|strndup' "${no_malloc[@]}"
ban "only commands end the process" 'exit|abort' "${library[@]}"
ban "only commands print" 'printf|puts|putchar|perror' "${library[@]}"

for file in $(git ls-files -co --exclude-standard -- '*.c' '*.h'); do
  [ -e "$file" ] || continue
  IFS= read -r first <"$file"
  [ "$first" = '/* SPDX-License-Identifier: Apache-2.0 */' ] ||
    { echo "$file: the first line is not the licence"; bad=1; }
done
exit "$bad"
