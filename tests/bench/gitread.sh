#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reading 10,000 migrations at a commit, against git itself, in one run: whole processes, warm page
# cache, medians. Rounds of the two alternate, so that other load on the machine falls on both. Then
# what the daemon does after a merge of one more file.
#
#   tests/bench/gitread.sh [BUILD_DIR]      (a release build with -DTIDEGATE_BENCH=ON is made if
#                                            BUILD_DIR/tests/bench/gitread is missing)
#
# Bars, of wall time: the whole read at most 0.8 of git's, the read after a merge at most 0.1 of our
# whole. Exit 1 when one is missed. The processor time stands beside it: a busy machine does not
# change that much, so it tells a slow reader from a slow machine.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/release}

for tool in git python3 cmake; do
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

again=$("$program" "$repo" "$before" "$pattern" "$after" 25 2>"$work/note")

"$program" "$repo" "$before" "$pattern"
python3 - "$again" "$(cat "$work/note")" "$work/git.sh" "$program" "$repo" "$before" "$pattern" <<'EOF'
import os
import statistics
import subprocess
import sys
import time

again, note, script = float(sys.argv[1]), sys.argv[2], sys.argv[3]
commands = {"git": ["sh", script], "ours": sys.argv[4:]}
wall = {name: [] for name in commands}
cpu = {name: [] for name in commands}
for turn in range(3 + 21):
    for name, command in commands.items():
        used, start = os.times(), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent, then = time.perf_counter() - start, os.times()
        if turn >= 3:  # the first ones warm the cache
            wall[name].append(spent * 1e3)
            cpu[name].append((then.children_user + then.children_system
                              - used.children_user - used.children_system) * 1e3)
git, ours = (statistics.median(wall[name]) for name in ("git", "ours"))
git_cpu, ours_cpu = (statistics.mean(cpu[name]) for name in ("git", "ours"))
rows = (
    ("git ls-tree -r + cat-file --batch", git, None, None),
    ("whole process, all files", ours, ours / git, 0.8),
    ("after a merge of one more file", again, again / ours, 0.1),
)
missed = 0
for name, ms, ratio, bar in rows:
    tail = "" if ratio is None else f"   ratio {ratio:.3f}   bar {bar}"
    if ratio is not None and ratio > bar:
        tail += "   MISSED"
        missed = 1
    print(f"{name:36s} {ms:8.2f} ms{tail}")
print(f"processor time: git {git_cpu:.0f} ms, ours {ours_cpu:.0f} ms, ratio {ours_cpu / git_cpu:.3f}")
print(f"after the merge: {note}")
sys.exit(missed)
EOF
