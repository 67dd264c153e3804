#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fleets by rule: groups of databases through the daemon, and what drifts."""

import contextlib
import json
import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in  # noqa: E402

GROUP = "projects/shop/databaseGroups/fleet"
FIRST = {"migrations/001__t.sql": "create table t (id integer primary key);\n"}
SECOND = {"migrations/002__u.sql": "create table u (id integer primary key);\n"}


class Fleet(World):
    """A World whose repository is meant for a group."""

    def __init__(self, rule, **options):
        self.rule = rule
        self.loose = ""
        super().__init__(start=False, **options)
        self.regroup()
        self.daemon.start()

    def regroup(self):
        self.configure(project_keys=f", database_groups: [{{id: fleet, {self.rule}}}]")
        with open(self.daemon.config, encoding="utf-8") as f:
            lines = f.read().split("\n")
        lines = [f"    targets: [{GROUP}]" if line.startswith("    targets:") else line
                 for line in lines]
        lines.insert(lines.index("instances:") + 1, self.loose)
        with open(self.daemon.config, "w", encoding="utf-8") as f:
            f.write("\n".join(line for line in lines if line) + "\n")

    def path(self, name, environment="dev"):
        return os.path.join(self.directory, "databases", environment, name + ".db")

    def make(self, name, environment="dev"):
        sqlite3.connect(self.path(name, environment)).close()
        open(self.path(name, environment), "ab").close()

    def count(self, name, table):
        with contextlib.closing(sqlite3.connect(self.path(name))) as db:
            return db.execute(f"select count(*) from {table}").fetchone()[0]

    def planned(self):
        """How many plans have a rollout: it is made a moment after its plan."""
        return sum(plan["has_rollout"] for plan in self.list("plans"))

    def newest(self):
        return self.delivery(self.list("deliveries")[0]["id"])

    def drift(self, rollout, code):
        done = self.tidegate("rollouts", "show", rollout, "--drift", "--format", "json", ok=False)
        check_equal(done.returncode, code, f"exit code ({done.stderr})")
        return [(d["kind"], d["target"]) for d in json.loads(done.stdout)["drift"]]


def test_fleet():
    """a group of SQLite and PostgreSQL databases: rolled out, grown, shrunk, drift shown"""
    environments = (("dev", "automatic"), ("prod", "automatic"))
    with Fleet('databases: ["app*", "tenant_*"], exclude: [tenant_demo]',
               environments=environments, kinds=["sqlite", "postgresql"]) as w:
        for i in range(20):
            w.make(f"tenant_{i:02}")
        w.make("tenant_demo")
        w.make("other")
        row = w.release(FIRST)
        w.stage(row["rollout"], "prod", "DONE")
        plan = w.show("plans", row["rollout"].split("/")[3])
        check_equal(plan["group"], GROUP)
        mine = [t for t in plan["targets"] if t.startswith("instances/dev/")]
        check_equal(len(mine), 21, "targets on the directory")
        check_in("instances/prod/databases/" + w.targets["prod"].name, plan["targets"])
        check_equal(w.count("tenant_19", "t"), 0)
        with contextlib.closing(sqlite3.connect(w.path("tenant_demo"))) as db:
            check_equal(db.execute("select count(*) from sqlite_master").fetchone()[0], 0)
        check_equal(w.drift(row["rollout"], 0), [])

        # a tenant comes, another goes
        w.make("tenant_20")
        os.unlink(w.path("tenant_00"))
        check_equal(w.drift(row["rollout"], 3),
                    [("new", "instances/dev/databases/tenant_20"),
                     ("gone", "instances/dev/databases/tenant_00")])

        # the delivery again: a new plan with the list of now, where what is done is done
        w.tidegate("replay", str(row["id"]))
        tide.wait_for("the new plan", lambda: w.planned() == 2)
        rollout = w.list("plans")[0]["name"] + "/rollout"
        w.stage(rollout, "prod", "DONE")
        check_equal(w.count("tenant_20", "t"), 0)
        check_equal(w.drift(rollout, 0), [])
        again = w.newest()
        check_in("1 database more (instances/dev/databases/tenant_20)", again["reason"])
        check_in("1 database less (instances/dev/databases/tenant_00)", again["reason"])

        # the next merge meets the same databases, and says nothing of them
        second = w.release(SECOND)
        w.stage(second["rollout"], "prod", "DONE")
        check_equal(second["reason"], None)
        check_equal(w.count("tenant_20", "u"), 0)


def test_gone_before_its_task():
    """a database that is dropped before its stage is opened fails its task; the others are done"""
    with Fleet("databases: [\"tenant_*\"]", environments=(("dev", "manual"),)) as w:
        w.make("tenant_1")
        w.make("tenant_2")
        row = w.release(FIRST)
        os.unlink(w.path("tenant_1"))
        w.tidegate("run", row["rollout"], "--stage", "dev")
        w.stage(row["rollout"], "dev", "FAILED")
        tasks = {t["target"].split("/")[3]: t for t in w.rollout(row["rollout"])["stages"][0]["tasks"]}
        check_equal(tasks["tenant_2"]["status"], "DONE")
        check_in("is gone since the plan was made", tasks["tenant_1"]["detail"])
        check(not os.path.exists(w.path("tenant_1")), "the database was made again")


def test_moved_before_its_task():
    """an instance that moved to another environment is not worked on by the plan of before"""
    with Fleet("databases: [\"tenant_*\"]",
               environments=(("dev", "manual"), ("prod", "manual"))) as w:
        w.make("tenant_1")
        row = w.release(FIRST)
        with open(w.daemon.config, encoding="utf-8") as f:
            text = f.read()
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(text.replace("{id: dev, environment: dev,", "{id: dev, environment: prod,"))
        w.daemon.reload()
        check_equal(w.drift(row["rollout"], 3), [("environment", "instances/dev")])
        w.tidegate("run", row["rollout"], "--stage", "dev")
        w.stage(row["rollout"], "dev", "FAILED")
        task = w.rollout(row["rollout"])["stages"][0]["tasks"][0]
        check_in("moved from environment 'dev' to 'prod'", task["detail"])
        # a plan of today
        w.tidegate("replay", str(row["id"]))
        tide.wait_for("the new plan", lambda: w.planned() == 2)
        rollout = w.list("plans")[0]["name"] + "/rollout"
        tide.wait_for("the rollout", lambda: "prod" in w.stages(rollout))
        w.tidegate("run", rollout, "--stage", "prod")
        w.stage(rollout, "prod", "DONE")


def test_unreachable():
    """an instance that does not answer holds the delivery up; the list is not made without it"""
    with Fleet("databases: [\"tenant_*\"]", environments=(("dev", "automatic"),)) as w:
        w.make("tenant_1")
        w.loose = (f"  - {{id: far, environment: dev, "
                   f"url: \"postgresql://nobody@127.0.0.1:{tide.free_port()}\"}}")
        w.regroup()
        w.daemon.reload()
        commit = w.origin.merge(FIRST)
        number = w.deliver(commit).delivery
        tide.wait_for("the attempt", lambda: "instance 'far'" in (w.delivery(number)["reason"] or ""))
        check_equal(w.list("plans"), [])
        w.loose = ""
        w.regroup()
        w.daemon.reload()
        row = w.carried(number)
        check_equal(row["state"], "released")
        w.stage(row["rollout"], "dev", "DONE")


def test_without_environment():
    """databases without an environment are named, not dropped in silence"""
    with Fleet("databases: [\"tenant_*\"]", environments=(("dev", "automatic"),)) as w:
        w.make("tenant_1")
        os.makedirs(os.path.join(w.directory, "databases", "loose"))
        w.make("tenant_7", "loose")
        w.loose = f"  - {{id: loose, url: \"sqlite:{w.directory}/databases/loose\", labels: {{a: b}}}}"
        w.regroup()
        w.daemon.reload()
        row = w.release(FIRST)
        check_in("'tenant_7' of instance 'loose' (its instance has no environment)", row["reason"])
        w.stage(row["rollout"], "dev", "DONE")
        found = {d["database"]: d for d in w.list("databases")}
        check_equal(found["tenant_7"]["left_out"], "environment")
        check_equal(found["tenant_7"]["labels"], {"a": "b"})
        check_equal(found["tenant_7"]["target"], None)
        check_equal(found["tenant_1"]["groups"], [GROUP])
        check_equal(found["app"]["groups"], [])
        mine = w.list("databases", "--group", GROUP)
        check_equal([d["database"] for d in mine], ["tenant_7", "tenant_1"])
        text = w.tidegate("databases", "list", "--instance", "loose").stdout
        check_in("its instance has no environment", text)
        check_in("a=b", text)


def test_nothing_selected():
    """a group that selects nothing refuses the delivery, which can be replayed"""
    with Fleet("databases: [\"tenant_*\"]", environments=(("dev", "automatic"),)) as w:
        row = w.release(FIRST)
        check_equal(row["state"], "refused")
        check_in("selects no database now", row["reason"])
        w.make("tenant_1")
        w.tidegate("replay", str(row["id"]))
        tide.wait_for("the release", lambda: w.newest()["state"] == "released")
        w.stage(w.newest()["rollout"], "dev", "DONE")


tide.main(__name__)
