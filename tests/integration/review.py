#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon's review of a plan: what it finds is kept, and what counts holds the rollout."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check_equal, check_in  # noqa: E402

FIRST = {"migrations/001__t.sql": "create table t (id integer primary key);\n"}
DROP = {"migrations/002__drop.sql": "drop table t;\n"}


def show(w, plan):
    return json.loads(w.tidegate("plans", "show", plan, "--format", "json").stdout)


def plans(w):
    return [p["name"] for p in w.list("plans")]


def test_warnings_are_kept():
    """a warning holds nothing up, and is shown with the plan"""
    for kind in ["sqlite", "postgresql"]:
        with World(kinds=[kind], fail_on="error") as w:
            w.stage(w.release(FIRST)["rollout"], "dev", "DONE")
            row = w.release(DROP)
            w.stage(row["rollout"], "dev", "DONE")
            review = show(w, plans(w)[0])["review"]
            check_equal((review["errors"], review["warnings"], review["risk"]), (0, 1, "HIGH"))
            check_equal(review["held"], None)
            advice = review["results"][0]["advices"][0]
            check_equal((advice["rule"], advice["line"], advice["column"]), ("drop-table", 1, 1))
            text = w.tidegate("plans", "show", plans(w)[0]).stdout
            check_in("migrations/002__drop.sql:1:1", text, "plans show")
            check_in("(drop-table)", text, "plans show")


def test_errors_hold_the_plan():
    """a syntax error refuses the delivery, and names the place and the next step"""
    bad = {"migrations/002__u.sql": "create table u (id integer primary key);\n\nselct 1;\n"}
    for kind in ["sqlite", "postgresql"]:
        with World(kinds=[kind], fail_on="error") as w:
            w.stage(w.release(FIRST)["rollout"], "dev", "DONE")
            row = w.release(bad)
            check_equal((row["state"], row["rollout"]), ("refused", None))
            for part in ["migrations/002__u.sql:3:", "selct", "environment 'dev'", "plans show"]:
                check_in(part, row["reason"], "reason")
            plan = show(w, plans(w)[0])
            check_equal((plan["has_rollout"], plan["review"]["errors"]), (False, 1))
            check_equal(w.revisions("dev"), ["1"])
            row = w.release({"migrations/002__u.sql": "create table u (id integer primary key);\n"})
            w.stage(row["rollout"], "dev", "DONE")
            check_equal(w.revisions("dev"), ["1", "2"])


def test_severity_of_an_environment():
    """a rule's severity decides; a suppression with its reason lets it pass"""
    keys = ", rules: [{id: drop-table, severity: error}]"
    with World(fail_on="error", environment_keys=keys) as w:
        w.stage(w.release(FIRST)["rollout"], "dev", "DONE")
        row = w.release(DROP)
        check_equal(row["state"], "refused")
        check_in("(drop-table", row["reason"], "reason")
        row = w.release({"migrations/002__drop.sql":
                         "-- tidegate: allow drop-table: nothing reads it\ndrop table t;\n"})
        w.stage(row["rollout"], "dev", "DONE")


def test_changed_severity_and_replay():
    """what was held is rolled out by a replay after the configuration was changed"""
    keys = ", rules: [{id: drop-table, severity: error}]"
    with World(fail_on="error", environment_keys=keys) as w:
        w.stage(w.release(FIRST)["rollout"], "dev", "DONE")
        row = w.release(DROP)
        check_equal(row["state"], "refused")
        w.configure(environment_keys=", fail_on: error")
        check_equal(w.daemon.stop(), 0, "exit code")
        w.daemon.start()
        w.tidegate("replay", str(row["id"]))
        row = w.carried(int(row["id"]) + 1)
        w.stage(row["rollout"], "dev", "DONE")


tide.main(__name__)
