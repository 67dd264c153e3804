#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gates of a rollout, end to end: approvals, a canary, windows, skip, cancel, the audit log."""

import datetime
import json
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in, wait_for  # noqa: E402

TABLE = {"migrations/1__a.sql": "create table a (n integer);\n"}
BOB, CAROL = 61001, 61002


def open_store(world):
    """Let other users of this host use the store, as a group of operators would."""
    os.chmod(world.directory, 0o755)
    state = os.path.join(world.directory, "state")
    os.chmod(state, 0o777)
    for name in os.listdir(state):
        path = os.path.join(state, name)
        if os.path.isfile(path):
            os.chmod(path, 0o666)


def many_targets(world, names):
    """More databases in the one environment."""
    directory = os.path.join(world.directory, "databases", "dev")
    for name in names:
        with sqlite3.connect(os.path.join(directory, name + ".db")) as db:
            db.execute("pragma user_version")
        open(os.path.join(directory, name + ".db"), "ab").close()
    with open(world.daemon.config, encoding="utf-8") as f:
        text = f.read()
    targets = ", ".join(f"instances/dev/databases/{n}" for n in names)
    text = text.replace("targets: [instances/dev/databases/app]", f"targets: [{targets}]")
    with open(world.daemon.config, "w", encoding="utf-8") as f:
        f.write(text)


def audit(world):
    out = world.tidegate("audit", "list", "--format", "json").stdout
    return [(e["action"], e["who"]) for e in json.loads(out)["entries"]]


def test_approvals():
    """a stage opens when two different people have approved it, and not before"""
    if os.geteuid() != 0:
        print("# needs root to be two people")
        return
    with World((("dev", "automatic"), ("prod", "manual, approvals: 2"))) as w:
        name = w.release(TABLE)["rollout"]
        w.stage(name, "prod", "AWAITING_APPROVAL")
        open_store(w)
        done = w.tidegate("run", name, "--stage", "prod", ok=False)
        check_equal(done.returncode, 3, "exit code of run")
        check_in("2 of 2 approvals are missing", done.stderr)
        for _ in range(2):
            out = w.tidegate("approve", name, "--stage", "prod", user=BOB).stdout
            check_in("1 of 2 approvals", out)
        check_equal(w.stages(name)["prod"], "AWAITING_APPROVAL")
        out = w.tidegate("approve", name, "--stage", "prod", "--comment", "fine",
                         user=CAROL).stdout
        check_in("approved; 1 task started", out)
        w.stage(name, "prod", "DONE")
        entries = audit(w)
        check(("approve", f"uid {BOB}") in entries, f"no approval of bob: {entries}")
        check(("approve", f"uid {CAROL}") in entries, f"no approval of carol: {entries}")
        check(("stage opened", "policy") in entries, f"no opened stage: {entries}")


def test_canary_stops():
    """one database fails: the others are not touched until a person decides"""
    with World((("dev", "automatic, batches: [1, 100%]"),), start=False) as w:
        many_targets(w, ["a", "b", "c"])
        directory = os.path.join(w.directory, "databases", "dev")
        with sqlite3.connect(os.path.join(directory, "a.db")) as db:
            db.execute("create table a (other text)")
        w.daemon.start()
        name = w.release(TABLE)["rollout"]
        w.stage(name, "dev", "FAILED")
        stage = w.rollout(name)["stages"][0]
        check_in("stopped after batch 1 of 2: 1 of 1 failed, threshold 0", stage["waits"])
        check_equal([t["status"] for t in stage["tasks"]], ["FAILED", "NOT_STARTED", "NOT_STARTED"])
        done = w.tidegate("run", name, "--stage", "dev", ok=False)
        check_equal(done.returncode, 3, "exit code of run")
        task = stage["tasks"][0]["id"]
        done = w.tidegate("skip", name, "--task", task, ok=False)
        check_equal(done.returncode, 2, "exit code of skip without a reason")
        w.tidegate("skip", name, "--task", task, "--reason", "is rebuilt by hand")
        w.stage(name, "dev", "DONE")
        for part in ("batch stopped", "skip", "batch started"):
            check(part in [a for a, _ in audit(w)], f"the audit log lacks '{part}'")
        csv = w.tidegate("audit", "list", "--format", "csv", "--object", name).stdout
        check_in("is rebuilt by hand", csv)


def test_window():
    """tasks wait for the window, and say so; without it in the configuration they start"""
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    later = days[(datetime.datetime.now(datetime.timezone.utc).weekday() + 3) % 7]
    with World((("dev", f"automatic, windows: ['{later} 01:00-02:00']"),)) as w:
        name = w.release(TABLE)["rollout"]
        w.stage(name, "dev", "PAUSED")
        stage = w.rollout(name)["stages"][0]
        check_in(f"waits for the window {later} 01:00-02:00 UTC: opens ", stage["waits"])
        check_equal(stage["tasks"][0]["status"], "PENDING")
        w.environments = (("dev", "automatic"),)
        w.configure()
        w.daemon.reload()
        w.stage(name, "dev", "DONE")


def test_not_before():
    """a stage is let go for later, and sooner after all"""
    with World((("dev", "manual"),)) as w:
        name = w.release(TABLE)["rollout"]
        w.tidegate("run", name, "--stage", "dev", "--not-before", "+2h")
        w.stage(name, "dev", "PAUSED")
        time.sleep(1.5)
        check_equal(w.stages(name)["dev"], "PAUSED")
        w.tidegate("run", name, "--stage", "dev")
        w.stage(name, "dev", "DONE")


def test_cancel_running():
    """a running migration is canceled in the server, and nothing of it stays"""
    slow = {"migrations/1__a.sql": "create table a (n integer);\nselect pg_sleep(120);\n"}
    with World(kinds=["postgresql"]) as w:
        name = w.release(slow)["rollout"]
        target = w.targets["dev"]
        busy = ("select count(*) from pg_stat_activity where state = 'active'"
                " and query like '%pg_sleep(120)%' and pid <> pg_backend_pid()")
        wait_for("the migration to run", lambda: target.value(busy) == "1", timeout=30)
        wrong = name.replace("/plans/1/", "/plans/9/")
        done = w.tidegate("cancel", wrong, ok=False)
        check_equal(done.returncode, 1, "exit code for a rollout that is not there")
        began = time.monotonic()
        out = w.tidegate("cancel", name, "--reason", "too slow").stdout
        check_in("0 tasks canceled, 1 asked to stop", out)
        w.stage(name, "dev", "CANCELED", timeout=30)
        check(time.monotonic() - began < 20, "the cancel took too long")
        task = w.rollout(name)["stages"][0]["tasks"][0]
        check_equal(task["status"], "CANCELED")
        check_in("canceled by", task["detail"])
        check_equal(target.value(busy), "0", "backends that still run it")
        check_equal(target.value("select count(*) from pg_tables where tablename = 'a'"), "0",
                    "tables")
        check("cancel" in [a for a, _ in audit(w)], "the audit log lacks the cancel")


def test_names_must_agree():
    """a task of one stage under another's name is refused"""
    with World((("dev", "automatic"), ("prod", "manual"))) as w:
        name = w.release(TABLE)["rollout"]
        w.stage(name, "prod", "READY")
        task = w.rollout(name)["stages"][1]["tasks"][0]["name"]
        wrong = task.replace("/stages/prod/", "/stages/dev/")
        done = w.tidegate("skip", wrong, "--reason", "x", ok=False)
        check_equal(done.returncode, 1, "exit code of skip")
        check_in("not of stage 'dev'", done.stderr)
        done = w.tidegate("cancel", name, "--task", wrong, "--stage", "prod", ok=False)
        check_equal(done.returncode, 2, "exit code of cancel")
        check_in("do not agree", done.stderr)
        check_equal(w.stages(name)["prod"], "READY")


tide.main(__name__)
