#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Recorded provider payloads through `tidegate replay --dry-run --format json`.

Over our own fixtures, and over the folder that $TIDEGATE_PAYLOADS names. $TIDEGATE is the binary. Each provider has a folder with an INDEX.tsv that says what every body is; each row that the dry run
tells otherwise is a difference, printed with both values.
"""
import csv
import json
import os
import subprocess
import sys

PROVIDERS = ("github", "gitlab", "bitbucket", "bitbucket-server", "azure", "gitea")
ABSENT = ("-", "")


def cell(row, name):
    value = row.get(name, "-")
    return None if value in ABSENT else value


def dry_run(binary, provider, folder, row):
    command = [binary, "replay", "--provider", provider, "--dry-run", "--format", "json",
               "--body", os.path.join(folder, row["file"])]
    if cell(row, "event_header") and provider != "azure":
        command += ["--event", row["event_header"]]
    if cell(row, "content_type"):
        command += ["--header", "Content-Type: " + row["content_type"]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done, json.loads(done.stdout)["event"] if done.returncode == 0 else None


def expected(row):
    """What the index says, in the dry run's words; what it leaves open is left out."""
    facts = {"kind": row["kind"]}
    for name, column in (("repository", "repo"), ("target_branch", "target_branch")):
        facts[name] = cell(row, column)
    for name, column in (("merge_commit", "merge_commit"), ("number", "pr"),
                         ("author_id", "author_id"), ("author_login", "author_login")):
        facts[name] = cell(row, column)
    facts["bot"] = {"yes": True, "no": False}.get(row["is_bot"])
    return facts


def found(event, names):
    pull_request = event["pull_request"] or {}
    author = event["author"] or {}
    number = pull_request.get("number")
    facts = {"kind": event["kind"], "repository": event["repository"],
             "target_branch": event["target_branch"], "merge_commit": event["merge_commit"],
             "number": None if number is None else str(number), "author_id": author.get("id"),
             "author_login": author.get("login"), "bot": author.get("bot")}
    return {name: facts[name] for name in names}


def compare(binary, provider, folder, row):
    """The differences of one row, as lines."""
    done, event = dry_run(binary, provider, folder, row)
    if event is None:
        if row.get("note", "").startswith("MALFORMED") and done.returncode == 1:
            return []
        return [f"exit {done.returncode}: {done.stderr.strip()}"]
    want = expected(row)
    have = found(event, want)
    return [f"{name}: {have[name]!r}, the index says {want[name]!r}"
            for name in want if have[name] != want[name]]


def check_folder(binary, root, title):
    """One line per provider; 0 when all agree."""
    failed = 0
    for provider in PROVIDERS:
        folder = os.path.join(root, provider)
        with open(os.path.join(folder, "INDEX.tsv"), encoding="utf-8", newline="") as index:
            rows = list(csv.DictReader(index, delimiter="\t", quoting=csv.QUOTE_NONE))
        differences = []
        for row in rows:
            differences += [f"{row['file']}: {line}" for line in compare(binary, provider, folder, row)]
        for line in differences:
            print(line)
        good = rows and not differences
        failed += not good
        print(f"{'ok' if good else 'not ok'} {title} {provider}: {len(rows)} bodies", flush=True)
    return failed


def main():
    binary = os.environ["TIDEGATE"]
    here = os.path.dirname(os.path.abspath(__file__))
    failed = check_folder(binary, os.path.join(here, "..", "vcs", "fixtures"), "own")
    recorded = os.environ.get("TIDEGATE_PAYLOADS", "")
    if recorded:
        failed += check_folder(binary, recorded, "recorded")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
