#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who counts toward the user limit, and what the limit does, through the real daemon over HTTP."""

import contextlib
import csv
import io
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in, merge_event, push_event  # noqa: E402

MONA = {"login": "mona", "author": 583231}
LISA = {"login": "lisa", "author": 9007199254740993}
DAY_MS = 24 * 60 * 60 * 1000


def script(number):
    return {f"migrations/{number:03}_t.sql": f"create table t{number}(id integer);\n"}


def users(w, *arguments):
    return [u["login"] for u in w.list("users", *arguments)]


def age(w, login, days):
    """make a user's row look so much older."""
    with contextlib.closing(sqlite3.connect(w.directory + "/state/tidegate.db", timeout=30)) as db:
        db.execute("update seat set last_seen = last_seen - ?, first_seen = first_seen - ?"
                   " where login = ?", (days * DAY_MS, days * DAY_MS, login))
        db.commit()


def refused(row, *parts):
    check_equal(row["state"], "refused", f"state ({row['reason']})")
    for part in parts:
        check_in(part, row["reason"], "reason")


def replayed(w, number):
    done = w.tidegate("replay", number, "--wait", "--format", "json", ok=False)
    return tide.json.loads(done.stdout)["replays"][0], done.returncode


def test_limit_refuses_and_a_raise_lets_go_on():
    """the limit refuses the next person, and a replay goes on after it was raised"""
    with World(top="user_limit: 1") as w:
        check_equal(w.release(script(1), **MONA)["state"], "released")
        late = w.release(script(2), **LISA)
        refused(late, "user_limit is 1", "active in the last 90 days are 1", "'lisa'",
                "raise user_limit", f"`tidegate replay {late['id']}`")
        check_equal(late["release"], None, "release of the refused delivery")
        check_equal(users(w), ["mona"], "users: a refused person is not recorded")
        # Whoever is active goes on, with what the other one wrote.
        check_equal(w.release(script(3), **MONA)["state"], "released")
        row, code = replayed(w, late["id"])
        check_equal((row["state"], code), ("refused", 3), "replay under the same limit")
        w.configure(top="user_limit: 2")
        w.daemon.reload()
        tide.wait_for("the new limit", lambda: "configuration reloaded" in w.daemon.log())
        row, code = replayed(w, late["id"])
        check_equal((row["state"], code), ("released", 0), f"replay ({row['reason']})")
        check_equal(users(w), ["lisa", "mona"], "users")


def test_same_delivery_counts_once():
    """a delivery that is sent, replayed and taken up again counts once"""
    with World(top="user_limit: 1") as w:
        commit = w.origin.merge(script(1))
        first = w.deliver(commit, delivery="one", **MONA)
        check_equal(w.carried(first.delivery)["state"], "released")
        check_equal(w.deliver(commit, delivery="one", **MONA).status, 200, "duplicate")
        check_equal(replayed(w, first.delivery)[0]["state"], "released")
        w.daemon.kill()
        w.daemon.start()
        check_equal(w.carried(w.deliver(commit, **MONA).delivery)["state"], "released")
        check_equal(users(w, "--all"), ["mona"], "users")


def test_bots_and_mergers_take_no_seat():
    """bots and who merges take no seat"""
    with World(top="user_limit: 1\nbots: [docs-helper, ci-*]") as w:
        check_equal(w.release(script(1), **MONA)["state"], "released")
        for number, login in enumerate(["dependabot[bot]", "Copilot", "Docs-Helper", "ci-x"], 2):
            row = w.release(script(number), login=login, author=1000 + number)
            check_equal(row["state"], "released", f"state of {login} ({row['reason']})")
        refused(w.release(script(6), login="docs-helper2", author=7), "'docs-helper2'")
        # "hubot" merged each of them.
        check_equal(users(w, "--all"), ["mona"], "users")


def test_window_ends_and_rows_are_removed():
    """a seat is free after 90 days; who comes back needs one; old rows are removed"""
    with World(top="user_limit: 1") as w:
        check_equal(w.release(script(1), **MONA)["state"], "released")
        age(w, "mona", 89)
        refused(w.release(script(2), **LISA))
        age(w, "mona", 2)
        check_equal(users(w), [], "active users")
        check_equal(users(w, "--all"), ["mona"], "all users")
        check_equal(w.release(script(3), **LISA)["state"], "released")
        refused(w.release(script(4), **MONA), "'mona'")
        check_equal(users(w, "--all"), ["lisa", "mona"], "all users")
        w.daemon.stop()
        w.daemon.start()
        tide.wait_for("the sweep", lambda: users(w, "--all") == ["lisa"])


def test_unknown_author_counts_or_is_held():
    """an author of whom nothing is known goes on, or is held with a reason"""
    with World() as w:
        def unknown(number):
            event = merge_event(w.origin.merge(script(number)), number=number)
            event["pull_request"]["user"] = None
            return w.carried(w.provider.send(event).delivery)
        check_equal(unknown(1)["state"], "released")
        w.configure(top="unknown_authors: hold")
        w.daemon.reload()
        tide.wait_for("the reload", lambda: "configuration reloaded" in w.daemon.log())
        row = unknown(2)
        refused(row, "person or a bot", "unknown_authors is hold", f"`tidegate replay {row['id']}`")
        check_equal(w.release(script(3), **MONA)["state"], "released")
        check_equal(users(w), ["mona"], "users")


def test_names_are_cut_and_control_characters_refused():
    """long names are cut, control characters in them refuse the delivery"""
    with World() as w:
        refused(w.release(script(1), login="mo\x1bna"), "control character")
        refused(w.release(script(2), login="mo\u0085na"), "control character")
        check_equal(w.release(script(3), login="\u00e4" * 300)["state"], "released")
        check_equal(users(w, "--all"), ["\u00e4" * 256], "users")


def commit(w, number, who):
    w.origin.write(script(number))
    w.origin.git("commit", "-q", f"--author={who}", "-m", f"by {who}")
    w.origin.push()
    return w.origin.head()


def push(w, before, after, email="nobody@example.com"):
    event = push_event(after, before)
    event["pusher"]["email"] = email
    return w.carried(w.provider.send(event, event="push").delivery)


def test_push_counts_who_wrote_its_commits():
    """a push counts the authors of the commits that it adds"""
    with World(repository="trigger: push", top="user_limit: 4") as w:
        first = w.origin.head()
        commit(w, 1, "Lee <Lee@Example.com>")
        second = commit(w, 2, "octocat <583231+octocat@users.noreply.github.com>")
        check_equal(push(w, first, second)["state"], "released")
        ids = {u["id"]: u["login"] for u in w.list("users")}
        check_equal(ids, {"email:lee@example.com": "lee@example.com", "583231": "octocat"}, "users")
        # The account that pushed is known by its address, and is who the address was before.
        third = commit(w, 3, "Lee <lee@example.com>")
        event = push_event(third, second)
        event["pusher"] = {"name": "mona", "email": "lee@example.com"}
        row = w.carried(w.provider.send(event, event="push").delivery)
        check_equal(row["state"], "released", f"state ({row['reason']})")
        ids = {u["id"]: u["login"] for u in w.list("users")}
        check_equal(ids, {"1": "mona", "583231": "octocat"}, "users")
        # A bot's commit counts for nobody, a new branch for its tip's author alone.
        fourth = commit(w, 4, "d <49699333+dependabot[bot]@users.noreply.github.com>")
        check_equal(push(w, third, fourth)["state"], "released")
        check_equal(len(users(w)), 2, "users after a bot's push")
        commit(w, 5, "Zoe <zoe@example.com>")
        sixth = commit(w, 6, "Tip <tip@example.com>")
        check_equal(push(w, tide.BLANK_SHA, sixth)["state"], "released")
        check_equal(users(w)[0], "tip@example.com", "newest user")
        check_equal(len(users(w)), 3, "users")
        # All of a push's people or none of them.
        commit(w, 7, "A <a@example.com>")
        eighth = commit(w, 8, "B <b@example.com>")
        refused(push(w, sixth, eighth), "user_limit is 4")
        check_equal(len(users(w)), 3, "users after a refused push")


def test_list_in_its_formats():
    """users list prints a table, JSON and Bytebase's CSV"""
    with World(top="user_limit: 5") as w:
        empty = w.tidegate("users", "list")
        check_equal(empty.stdout, "", "table of nobody")
        check_in("0 active in the last 90 days; user_limit: 5", empty.stderr)
        check_equal(w.release(script(1), login="=cmd()", author=1)["state"], "released")
        check_equal(w.release(script(2), **MONA)["state"], "released")
        out = tide.json.loads(w.tidegate("users", "list", "--format", "json").stdout)
        check_equal((out["active"], out["user_limit"], out["window_days"]), (2, 5, 90), "counts")
        check_equal({k: out["users"][0][k] for k in ("id", "provider", "vcs_type", "host", "active")},
                    {"id": "583231", "provider": "github", "vcs_type": "GITHUB", "host": "local",
                     "active": True}, "user")
        text = w.tidegate("users", "list", "--format", "csv").stdout
        lines = list(csv.reader(io.StringIO(text)))
        check_equal(lines[0], ["vcs_type", "user_id", "user_name", "display_name", "last_seen_at"])
        check_equal([row[:4] for row in lines[1:]],
                    [["GITHUB", "583231", "mona", ""], ["GITHUB", "1", "'=cmd()", ""]], "rows")
        check(tide.re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[1][4]), lines[1][4])
        check_in("583231", w.tidegate("users", "list").stdout)
        wrong = w.tidegate("deliveries", "list", "--format", "csv", ok=False)
        check_equal(wrong.returncode, 2, "csv of deliveries")
        check_in("unknown format 'csv' (expected table or json)", wrong.stderr)


tide.main(__name__)
