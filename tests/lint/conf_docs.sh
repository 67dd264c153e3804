#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every key of base/conf_schema.c has its line in docs/configuration.md (by its full path) and,
# unless it is refused by this version, in deploy/tidegate.yaml. Run from the repository root.
set -eu
schema=base/conf_schema.c
docs=docs/configuration.md
sample=deploy/tidegate.yaml
bad=0

# "PATH KEY TYPE" for each row; the comment before a table names the mapping that its keys are of.
rows=$(awk '
	/^\/\* keys of / { path = $4 == "the" ? "" : $4 "." }
	/\.name = "/ { split($0, q, "\""); key = q[2]; later = /CONF_LATER/ ? "later" : "now"
		print path, key, later }
' "$schema" | sed 's/^ /. /')

count=$(printf '%s\n' "$rows" | wc -l)
if [ "$count" -lt 40 ]; then
	echo "$schema: only $count keys found: has its form changed?"
	bad=1
fi

while read -r path key when; do
	[ "$path" = . ] && full=$key || full=$path$key
	if ! grep -qF "| \`$full\` |" "$docs"; then
		echo "$docs: lacks a line for '$full'"
		bad=1
	fi
	if [ "$when" = now ] && ! grep -qE "(^|[ {])$key:" "$sample"; then
		echo "$sample: lacks a line for '$full'"
		bad=1
	fi
done <<EOF
$rows
EOF

# And the other way: nothing is documented that does not exist.
# shellcheck disable=SC2016
for full in $(sed -n 's/^| `\([][a-z_.]*\)` |.*/\1/p' "$docs"); do
	if ! printf '%s\n' "$rows" | sed 's/^\. //; s/ [a-z]*$//; s/ //' | grep -qxF "$full"; then
		echo "$docs: '$full' is no key"
		bad=1
	fi
done
exit "$bad"
