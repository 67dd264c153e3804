#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ends the sessions of a rollout at random moments, in each kind of database: the daemon dies by
SIGKILL, the server kills the session, the connection breaks, before a COMMIT and behind it. The
migrations run in a transaction, statement by statement, or hold a statement whose outcome nobody can
prove; those must be reported, and a person settles them by looking.

Each migration leaves tags in a table without a unique key, so that a repetition shows.

    TIDEGATE_CRASH_SESSIONS=25   how many sessions are ended, for each kind of database
    TIDEGATE_CRASH_SEED=...      the seed of an earlier run, to repeat its choices
"""

import json
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in, wait_for  # noqa: E402

ENDS = int(os.environ.get("TIDEGATE_CRASH_SESSIONS", "25"))
SEED = int(os.environ.get("TIDEGATE_CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))

# Takes some tens of milliseconds in every database.
SLOW = ("insert into t (tag) select '{tag}' where (with recursive c(n) as (select 1 union all"
        " select n + 1 from c where n < {steps}) select count(*) from c) > 0;\n")
INSERT = "insert into t (tag) values ('{tag}');\n"


class Kind:
    """What differs between the databases; the scripts of sqlite, and what every one needs."""

    name = "sqlite"
    first = "create table t (tag varchar(40));\n"

    def __init__(self, world):
        self.world = world
        self.target = world.targets["dev"]

    def end_session(self, chance):
        """End a session of ours from outside; how, or None when this database has none."""
        return None

    def stepwise(self, number, tags):
        """A script that cannot run in one transaction, all of whose outcomes can be proved."""
        return INSERT.format(tag=tags[0]) + "vacuum;\n" + INSERT.format(tag=tags[1])

    def untold(self, number, tags):
        """A script with a statement whose outcome cannot be proved; None where there is none."""
        return None

    def was_done(self, number, tags):
        """A person looks: was that statement done?"""
        raise NotImplementedError


class Postgresql(Kind):
    name = "postgresql"

    def end_session(self, chance):
        way = chance.choice(["terminate", "terminate", "before", "after", "now"])
        if way == "terminate":
            self.world.postgres.psql(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname ="
                f" '{self.target.name}' and pid <> pg_backend_pid()")
        elif way == "now":
            self.world.proxy.break_all()
        else:
            self.world.proxy.break_commit(way)
        return way

    def stepwise(self, number, tags):
        return (INSERT.format(tag=tags[0]) +
                f"create index concurrently i_{number} on t (tag);\n" + INSERT.format(tag=tags[1]))

    def untold(self, number, tags):
        # The server chooses the index's name, so that nobody can tell from outside.
        return (f"create table u_{number} as select n from generate_series(1, 20000) n;\n" +
                INSERT.format(tag=tags[0]) + f"create index concurrently on u_{number} (n);\n" +
                INSERT.format(tag=tags[1]))

    def was_done(self, number, tags):
        found = self.target.rows(
            "select indexrelid::regclass, indisvalid from pg_index"
            f" where indrelid = 'u_{number}'::regclass")
        for name, valid in found:
            if valid == "f":
                self.target.rows(f"drop index {name}")
        return any(valid == "t" for _, valid in found)

    def check(self, numbers):
        """Each index once, and valid."""
        for number in numbers["untold"]:
            found = self.target.rows("select indisvalid from pg_index"
                                     f" where indrelid = 'u_{number}'::regclass")
            check_equal(found, [["t"]], f"indexes of u_{number}")
        bad = self.target.rows("select indexrelid::regclass from pg_index where not indisvalid")
        check_equal(bad, [], "invalid indexes")


class Mysql(Kind):
    name = "mysql"
    first = ("create table t (tag varchar(40));\ndelimiter //\n"
             "create procedure leave_tag(in mark varchar(40))\nbegin\n"
             "  do sleep(0.05);\n  insert into t (tag) values (mark);\n  do sleep(0.05);\n"
             "end//\ndelimiter ;\n")

    def end_session(self, chance):
        way = chance.choice(["kill", "kill", "before", "after", "now"])
        if way == "kill":
            ids = self.world.mysql.rows(
                "select id from information_schema.processlist where db ="
                f" '{self.target.name}' and id <> connection_id()")
            for row in ids:
                self.world.mysql.rows(f"kill {row[0]}", ok=False)
        elif way == "now":
            self.world.proxy.break_all()
        else:
            self.world.proxy.break_commit(way)
        return way

    def stepwise(self, number, tags):
        return (INSERT.format(tag=tags[0]) + f"create table m_{number} (a int);\n" +
                f"alter table m_{number} add column b int;\n" + INSERT.format(tag=tags[1]))

    def untold(self, number, tags):
        return INSERT.format(tag=tags[0]) + f"call leave_tag('{tags[1]}');\n"

    def was_done(self, number, tags):
        return bool(self.target.rows(f"select 1 from t where tag = '{tags[1]}'"))

    def check(self, numbers):
        for number in numbers["stepwise"]:
            found = self.target.rows("select column_name from information_schema.columns where"
                                     f" table_schema = database() and table_name = 'm_{number}'")
            check_equal(sorted(r[0] for r in found), ["a", "b"], f"columns of m_{number}")


class Run:
    """Merges, and what they must have left."""

    def __init__(self, world, kind, chance):
        self.world, self.kind, self.chance = world, kind, chance
        self.number = 1
        self.tags = {}  # number -> tags
        self.numbers = {"plain": [], "slow": [], "stepwise": [], "untold": []}
        self.settled = {"applied": 0, "not-applied": 0}

    def script(self):
        """One more migration: its number and text."""
        self.number += 1
        tags = [f"{self.number}a", f"{self.number}b"]
        self.tags[self.number] = tags
        what = self.chance.choice(["plain", "slow", "stepwise", "stepwise", "untold"])
        text = None
        if what == "stepwise":
            text = self.kind.stepwise(self.number, tags)
        elif what == "untold":
            text = self.kind.untold(self.number, tags)
        if text is None:
            what = "slow" if what == "slow" else "plain"
            steps = self.chance.choice([20000, 60000]) if what == "slow" else 1
            first = SLOW.format(tag=tags[0], steps=steps) if what == "slow" and \
                self.kind.name != "mysql" else INSERT.format(tag=tags[0])
            text = first + INSERT.format(tag=tags[1])
        self.numbers[what].append(self.number)
        return text

    def merge(self):
        new = {}
        for _ in range(self.chance.choice([2, 3, 4])):
            text = self.script()
            new[f"migrations/{self.number:05d}__step.sql"] = text
        commit = self.world.origin.commit(new, f"migrations up to {self.number}")
        answer = self.world.deliver(commit)
        check(answer.status in (200, 202), f"status {answer.status}: {answer.body}")

    def failed(self):
        """The tasks that wait for a person."""
        tasks = []
        for rollout in self.world.list("rollouts", "--limit", "1000"):
            if rollout["status"] != "FAILED":
                continue
            for stage in self.world.rollout(rollout["name"])["stages"]:
                tasks += [(rollout["name"], t) for t in stage["tasks"] if t["status"] == "FAILED"]
        return tasks

    def settle(self, rollout, task):
        """What the message tells a person to do: look, say what is there, retry."""
        target = f"instances/dev/databases/{self.kind.target.name}"
        detail = task["detail"] or ""
        told = re.search(r"tidegate revisions resolve (\S+) (\d+) --applied", detail)
        if told:
            check_equal(told.group(1), target, "the target in the message")
            number = int(told.group(2))
            check(number in self.numbers["untold"], f"{number} could be proved: {detail}")
            check_in("statement", detail, "the message")
            self.look_and_resolve(target, number)
        else:
            # It was unreachable too often in a row; nothing else may fail here.
            check(any(w in detail for w in ("lost", "connect", "server", "broke")),
                  f"a task failed for another reason: {detail}")
        self.world.tidegate("retry", rollout)

    def look_and_resolve(self, target, number):
        """Another task on the same database may have been settled with this file already."""
        row = [r for r in self.world.list("revisions", target) if int(r["version"]) == number][0]
        if row["state"] != "started" or not row["in_flight"]:
            return
        verdict = "applied" if self.kind.was_done(number, self.tags[number]) else "not-applied"
        self.world.tidegate("revisions", "resolve", target, number, "--" + verdict, "--reason",
                            "looked at the database")
        self.settled[verdict] += 1

    def settle_all(self):
        if self.world.proxy is not None:
            self.world.proxy.disarm()
        for rollout, task in self.failed():
            self.settle(rollout, task)

    def done(self):
        self.settle_all()
        queued = [d for s in ("queued", "processing")
                  for d in self.world.list("deliveries", "--state", s, "--limit", "1000")]
        return not queued and all(r["status"] == "DONE"
                                  for r in self.world.list("rollouts", "--limit", "1000"))

    def verify(self):
        got = sorted(r[0] for r in self.kind.target.rows("select tag from t"))
        wanted = sorted(t for tags in self.tags.values() for t in tags)
        check_equal([t for t in set(got) if got.count(t) > 1], [], "tags that were left twice")
        check_equal(sorted(set(wanted) - set(got)), [], "tags that are missing")
        check_equal(got, wanted, "tags")
        rows = self.world.list("revisions", f"instances/dev/databases/{self.kind.target.name}")
        check_equal(sorted(int(r["version"]) for r in rows), list(range(1, self.number + 1)),
                    "versions in the ledger")
        check_equal({r["state"] for r in rows}, {"applied"}, "states in the ledger")
        if hasattr(self.kind, "check"):
            self.kind.check(self.numbers)


def end_sessions(kind_class):
    print(f"seed {SEED}, {ENDS} sessions", flush=True)
    chance = random.Random(f"{SEED} {kind_class.name}")
    with World(kinds=[kind_class.name], proxy=True) as w:
        kind = kind_class(w)
        run = Run(w, kind, chance)
        w.release({"migrations/00001__first.sql": kind.first})
        ways = {}
        for _ in range(ENDS):
            run.merge()
            for _ in range(chance.choice([1, 2, 3])):
                time.sleep(chance.random() ** 2 * 0.4)
                way = kind.end_session(chance) if chance.random() < 0.7 else None
                if way is None:
                    way = "daemon"
                    w.daemon.kill()
                    w.daemon.start()
                ways[way] = ways.get(way, 0) + 1
            run.settle_all()
        wait_for("the rollouts to be done", run.done, timeout=240, step=0.5)
        run.verify()
        print(f"{json.dumps(ways)}; {run.number} migrations each exactly once; settled by a "
              f"person: {json.dumps(run.settled)}", flush=True)


def test_sqlite():
    """SQLite: sessions that end at any moment repeat nothing and leave nothing out"""
    end_sessions(Kind)


def test_postgresql():
    """PostgreSQL: sessions that end at any moment, also in COMMIT, repeat nothing, leave nothing out"""
    end_sessions(Postgresql)


def test_mysql():
    """MySQL: sessions that end at any moment, also in COMMIT, repeat nothing, leave nothing out"""
    end_sessions(Mysql)


tide.main(__name__)
