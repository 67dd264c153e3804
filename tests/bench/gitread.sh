#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reading 10,000 migrations at a commit, against git itself, in one run: whole processes, warm page
# cache, medians. Then what the daemon does after a merge of one more file.
#
#   tests/bench/gitread.sh [BUILD_DIR]      (a release build with -DTIDEGATE_BENCH=ON is made if
#                                            BUILD_DIR/tests/bench/gitread is missing)
#
# Bars: the whole read at most 0.8 of git's time, the read after a merge at most 0.1 of our whole.
# Exit 1 when one is missed.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/release}

for tool in git python3 hyperfine cmake; do
	command -v "$tool" >/dev/null || missing+=" $tool"
done
if [ -n "${missing:-}" ]; then
	run=
	[ "$(id -u)" = 0 ] || run=sudo
	# shellcheck disable=SC2086
	$run apt-get install -y -q $missing >&2
fi

program=$build/tests/bench/gitread
if [ ! -x "$program" ]; then
	cmake --preset release -S "$root" -B "$build" -DTIDEGATE_BENCH=ON >/dev/null
	cmake --build "$build" --target gitread >/dev/null
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
repo=$work/r.git
"${PYTHON:-python3}" "$root/tests/bench/gitread_repo.py" "$repo"
before=$(git -C "$repo" rev-parse before)
after=$(git -C "$repo" rev-parse main)
pattern='migrations/**/*.sql'

cat >"$work/git.sh" <<EOF
git -C $repo ls-tree -r --format='%(objectname)' $before migrations/ |
	git -C $repo cat-file --batch | tail -c 1 >/dev/null
EOF

hyperfine -N -w 3 -r 15 --style none --export-json "$work/times.json" \
	-n git "sh $work/git.sh" \
	-n ours "$program $repo $before $pattern" >/dev/null 2>&1
again=$("$program" "$repo" "$before" "$pattern" "$after" 25 2>"$work/note")

"$program" "$repo" "$before" "$pattern"
python3 - "$work/times.json" "$again" "$(cat "$work/note")" <<'EOF'
import json
import sys

times = {r["command"]: r["median"] * 1e3 for r in json.load(open(sys.argv[1]))["results"]}
again = float(sys.argv[2])
rows = (
    ("git ls-tree -r + cat-file --batch", times["git"], None, None),
    ("whole process, all files", times["ours"], times["ours"] / times["git"], 0.8),
    ("after a merge of one more file", again, again / times["ours"], 0.1),
)
missed = 0
for name, ms, ratio, bar in rows:
    tail = "" if ratio is None else f"   ratio {ratio:.3f}   bar {bar}"
    if ratio is not None and ratio > bar:
        tail += "   MISSED"
        missed = 1
    print(f"{name:36s} {ms:8.2f} ms{tail}")
print(f"after the merge: {sys.argv[3]}")
sys.exit(missed)
EOF
