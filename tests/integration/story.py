#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job: a merged pull request becomes a rolled-out release, once."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in  # noqa: E402

THREE = (("dev", "automatic"), ("staging", "automatic"), ("prod", "manual"))
KINDS = ["sqlite", "postgresql", "postgresql"]

CUSTOMERS = {
    "migrations/001__customers.sql":
        "create table customer (id integer primary key, name text not null);\n",
    "migrations/002__orders.sql":
        "create table orders (id integer primary key, customer integer not null);\n"
        "insert into orders (id, customer) values (1, 1), (2, 1);\n",
}
INVOICES = {"migrations/003__invoices.sql": "create table invoice (id integer primary key);\n"}


def test_merge_to_rollout():
    """a merge reaches dev and staging by itself, and prod when a person opens it"""
    with World(THREE, KINDS) as w:
        row = w.release(CUSTOMERS, title="customers and orders", login="octocat")
        check_equal(row["state"], "released", f"state ({row['reason']})")
        check_equal(row["event"]["kind"], "merge")
        check_equal(row["event"]["author"]["login"], "octocat")
        check_equal(row["event"]["merge_commit"], w.origin.head())
        rollout = row["rollout"]
        w.stage(rollout, "staging", "DONE")
        check_equal(w.stages(rollout), {"dev": "DONE", "staging": "DONE", "prod": "READY"})
        check_equal(w.revisions("dev"), ["1", "2"])
        check_equal(w.revisions("staging"), ["1", "2"])
        check_equal(w.revisions("prod"), [])
        check_equal(w.targets["staging"].value("select count(*) from orders"), "2")

        w.tidegate("run", rollout, "--stage", "prod")
        w.stage(rollout, "prod", "DONE")
        check_equal(w.rollout(rollout)["status"], "DONE")
        check_equal(w.revisions("prod"), ["1", "2"])

        release = w.show("releases", row["release"])
        check_equal(release["commit"], w.origin.head())
        check_equal([f["version"] for f in release["files"]], ["1", "2"])
        check_equal(release["title"], "customers and orders")


def test_second_merge():
    """the next merge runs only what is new"""
    with World(THREE, KINDS) as w:
        first = w.release(CUSTOMERS)
        w.stage(first["rollout"], "staging", "DONE")
        second = w.release(INVOICES)
        check(second["release"] != first["release"], "the second merge made no release")
        w.stage(second["rollout"], "staging", "DONE")
        check_equal(w.revisions("dev"), ["1", "2", "3"])
        check_equal(w.targets["staging"].value("select count(*) from orders"), "2")
        # prod was never opened: the second rollout brings all three
        w.tidegate("run", second["rollout"], "--stage", "prod")
        w.stage(second["rollout"], "prod", "DONE")
        check_equal(w.revisions("prod"), ["1", "2", "3"])
        check_equal(len(w.list("releases")), 2)


def test_duplicate_id():
    """the same delivery id is answered 200 and changes nothing"""
    with World() as w:
        commit = w.origin.merge(CUSTOMERS)
        first = w.deliver(commit, delivery="0a0b0c0d-0000-4000-8000-000000000001")
        check_equal(first.status, 202)
        row = w.carried(first.delivery)
        w.stage(row["rollout"], "dev", "DONE")
        again = w.deliver(commit, delivery="0a0b0c0d-0000-4000-8000-000000000001")
        check_equal(again.status, 200, f"status ({again.body})")
        check_in("duplicate", again.body)
        check_equal(again.delivery, first.delivery)
        check_equal(len(w.list("deliveries")), 1)
        check_equal(len(w.list("rollouts")), 1)
        check_equal(w.targets["dev"].value("select count(*) from orders"), "2")


def test_same_commit_new_id():
    """a new id for the same commit leads to the same release and rollout"""
    with World() as w:
        commit = w.origin.merge(CUSTOMERS)
        first = w.carried(w.deliver(commit).delivery)
        w.stage(first["rollout"], "dev", "DONE")
        second = w.carried(w.deliver(commit).delivery)
        check_equal(second["release"], first["release"])
        check_equal(second["rollout"], first["rollout"])
        check_equal(len(w.list("releases")), 1)
        check_equal(len(w.list("plans")), 1)
        check_equal(w.targets["dev"].value("select count(*) from orders"), "2")


def test_no_migration_changed():
    """a merge that changes no migration is ignored, naming the release that holds the files"""
    with World() as w:
        first = w.release(CUSTOMERS)
        second = w.release({"README.md": "A better application.\n"})
        check_equal(second["state"], "ignored")
        check_in(first["release"], second["reason"], "reason")
        check_equal(len(w.list("releases")), 1)


def test_repository_without_migrations():
    """a merge without any migration at all is ignored, with the pattern"""
    with World() as w:
        row = w.release({"src/main.c": "int main(void) { return 0; }\n"})
        check_equal(row["state"], "ignored")
        check_in("migrations/**/*.sql", row["reason"], "reason")


def test_files_without_version():
    """files without a version are left out and reported"""
    with World() as w:
        row = w.release(dict(CUSTOMERS, **{"migrations/notes.sql": "drop table customer;\n"}))
        check_equal(row["state"], "released")
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1", "2"])
        check_equal(len(w.show("releases", row["release"])["files"]), 2)
        check_in("notes.sql", (row["reason"] or "") + w.daemon.log(), "reason and log")


def test_numeric_order():
    """versions run in the order of numbers, not of letters"""
    with World() as w:
        row = w.release({
            "migrations/10__c.sql": "insert into trail select 10;\n",
            "migrations/9__b.sql": "insert into trail select 9;\n",
            "migrations/V1.2__a.sql": "insert into trail select 12;\n",
            "migrations/deep/er/1__first.sql": "create table trail (n integer);\n",
        })
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1", "1.2", "9", "10"])
        check_equal([r[0] for r in w.targets["dev"].rows("select n from trail order by rowid")],
                    ["12", "9", "10"])


def test_ten_targets_of_one_stage():
    """ten databases of one stage are migrated, each once"""
    with World() as w:
        names = [f"shard{i}" for i in range(10)]
        for name in names:
            open(os.path.join(w.directory, "databases", "dev", name + ".db"), "wb").close()
        text = open(w.daemon.config, encoding="utf-8").read()
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(text.replace("[instances/dev/databases/app]",
                                 "[" + ", ".join(f"instances/dev/databases/{n}" for n in names) + "]"))
        check_equal(w.daemon.stop(), 0, "exit code")
        w.daemon.start()
        row = w.release(CUSTOMERS)
        w.stage(row["rollout"], "dev", "DONE")
        for name in names:
            kept = w.list("revisions", f"instances/dev/databases/{name}")
            check_equal([r["version"] for r in kept], ["1", "2"], f"revisions of {name}")


def test_target_stage():
    """a rollout goes no further than the repository's target stage by itself"""
    everywhere = (("dev", "automatic"), ("staging", "automatic"), ("prod", "automatic"))
    with World(everywhere, repository="target_stage: environments/dev") as w:
        row = w.release(CUSTOMERS)
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.stages(row["rollout"])["staging"], "READY")
        check_equal(w.rollout(row["rollout"])["status"], "DONE")
        check_equal(w.revisions("staging"), [])


def test_gate_order():
    """a later stage cannot be opened before the one in front of it is complete"""
    manual = (("dev", "manual"), ("prod", "manual"))
    with World(manual) as w:
        row = w.release(CUSTOMERS)
        refused = w.tidegate("run", row["rollout"], "--stage", "prod", ok=False)
        check_equal(refused.returncode, 3, f"exit code ({refused.stderr})")
        check_in("dev", refused.stderr, "message")
        check_equal(w.stages(row["rollout"]), {"dev": "READY", "prod": "WAITING"})
        w.tidegate("run", row["rollout"], "--stage", "dev")
        w.stage(row["rollout"], "dev", "DONE")
        w.tidegate("run", row["rollout"], "--stage", "prod")
        w.stage(row["rollout"], "prod", "DONE")
        unknown = w.tidegate("run", row["rollout"], "--stage", "moon", ok=False)
        check(unknown.returncode in (1, 2), f"exit code for an unknown stage: {unknown.returncode}")


def test_push_trigger():
    """with the push trigger a push to the branch is released, and a pull request is not"""
    with World(repository="trigger: push") as w:
        commit = w.origin.commit(CUSTOMERS, "straight to main")
        answer = w.provider.send(tide.push_event(commit), event="push")
        check_equal(answer.status, 202, f"status ({answer.body})")
        row = w.carried(answer.delivery)
        check_equal(row["state"], "released", f"state ({row['reason']})")
        merge = w.deliver(commit)
        check_equal(merge.status, 200, f"status ({merge.body})")
        check_equal(w.delivery(merge.delivery)["state"], "ignored")


tide.main(__name__)
