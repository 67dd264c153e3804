#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a bare repository to measure reading with.

    gitread_repo.py DIR [MIGRATIONS [OTHERS [COMMITS]]]      (10000 50000 200)

Migrations lie in migrations/YYYY/, ten years of them; the other files lie three levels deep and
change a little with every commit. `main` holds one migration more than `before`. Ends packed.
"""

import random
import subprocess
import sys

WORDS = []


def words(rnd, size):
    out = []
    while size > 0:
        out.append(rnd.choice(WORDS))
        size -= len(out[-1]) + 1
    return " ".join(out)


def migration(rnd, number):
    columns = "".join(f"  {rnd.choice(WORDS)}_{i} integer not null default {rnd.randint(0, 99)},\n"
                      for i in range(rnd.randint(5, 45)))
    return f"-- {words(rnd, 60)}\ncreate table t_{number} (\n{columns}  id bigint primary key\n);\n"


def other(rnd, number):
    return f"file {number}\n{words(rnd, rnd.randint(400, 2600))}\n"


class Importer:
    """Commits, as git fast-import reads them."""

    def __init__(self, path):
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", path], check=True)
        self.child = subprocess.Popen(["git", "-C", path, "fast-import", "--quiet"],
                                      stdin=subprocess.PIPE)
        self.time = 1600000000

    def write(self, text):
        self.child.stdin.write(text.encode())

    def data(self, text):
        self.write(f"data {len(text.encode())}\n{text}\n")

    def commit(self, message):
        self.time += 3600
        self.write("commit refs/heads/main\n"
                   f"committer Bench <bench@example.test> {self.time} +0000\n")
        self.data(message)

    def file(self, path, text):
        self.write(f"M 100644 inline {path}\n")
        self.data(text)

    def close(self):
        self.child.stdin.close()
        if self.child.wait() != 0:
            sys.exit("git fast-import failed")


def other_path(number):
    return f"src/m{number % 50:02}/d{number // 50 % 40:02}/f{number:05}.c"


def fill(git, rnd, migrations, others, commits):
    done = 0
    for turn in range(commits):
        git.commit(f"commit {turn}")
        changed = range(others) if turn == 0 else rnd.sample(range(others), min(20, others))
        for number in changed:
            git.file(other_path(number), other(rnd, number))
        while done < migrations * (turn + 1) // commits:
            year = 2016 + done * 10 // migrations
            git.file(f"migrations/{year}/{done:05}_{rnd.choice(WORDS)}.sql", migration(rnd, done))
            done += 1
    git.write("reset refs/heads/before\nfrom refs/heads/main\n\n")
    git.commit("one more migration")
    git.file(f"migrations/2025/{done:05}_one_more.sql", migration(rnd, done))


def main():
    path = sys.argv[1]
    migrations, others, commits = (int(sys.argv[i]) if len(sys.argv) > i else default
                                   for i, default in ((2, 10000), (3, 50000), (4, 200)))
    rnd = random.Random(20)
    WORDS.extend("".join(rnd.choices("abcdefghijklmnopqrstuvwxyz", k=rnd.randint(3, 9)))
                 for _ in range(4000))
    git = Importer(path)
    fill(git, rnd, migrations, others, commits)
    git.close()
    subprocess.run(["git", "-C", path, "repack", "-adfq"], check=True)


main()
