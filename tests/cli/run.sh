#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tests of the command line with the real program: run.sh BINARY. Each test is a function test_X of
# one of the files below; "ok X" or "not ok X" is printed for each, and counts at the end. The daemon
# of the last part listens on a port of the system's choice on loopback and is ended by its process
# id.
set -u

if [ $# -ne 1 ] || [ ! -x "$1" ]; then
	echo "usage: run.sh BINARY" >&2
	exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
# the two are used by the files that are read below
# shellcheck disable=SC2034
fixtures=$here/fixtures
# shellcheck disable=SC2034
root=$(cd "$here/../.." && pwd)
dir=$(mktemp -d "${TMPDIR:-/tmp}/tidegate-cli.XXXXXX") || exit 2
# where another user can run it too
binary=$dir/tidegate
cp "$1" "$binary" || exit 2
daemon=
passed=0
failed=0
unset TIDEGATE_CONFIG NO_COLOR
export LC_ALL=C
cd "$dir" || exit 2

finish() {
	if [ -n "$daemon" ]; then
		kill "$daemon" 2>/dev/null
		wait "$daemon" 2>/dev/null
	fi
	cd / && rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

for tool in jq git openssl sqlite3 curl setpriv script; do
	if ! command -v $tool >/dev/null; then
		echo "not ok needs_$tool"
		echo "0 passed, 1 failed"
		exit 1
	fi
done

for part in lib usage dry_run config check rollout daemon; do
	# shellcheck source=/dev/null
	. "$here/$part.sh"
	# shellcheck disable=SC2013 # names hold no blanks
	for t in $(sed -n 's/^test_\([a-z_]*\)() {$/\1/p' "$here/$part.sh" | grep -v '^it$'); do
		test_it "$t"
	done
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
