#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MySQL and MariaDB targets through the daemon."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check_equal, check_in  # noqa: E402

DEV = (("dev", "automatic"),)
TABLE = "create table t (id bigint primary key, v varchar(20));\n"
ROUTINE = """DELIMITER //
create procedure fill(in n int)
begin
  insert into t (id, v) values (n, 'a;b');
end//
DELIMITER ;
call fill(3);
"""


def last_run(w, rollout):
    return w.rollout(rollout)["stages"][0]["tasks"][0]["runs"][-1]


def test_files_of_all_sorts():
    """mysql: DDL, rows in one transaction, and a procedure with DELIMITER"""
    with World(DEV, ["mysql"]) as w:
        row = w.release({"migrations/001__t.sql": TABLE,
                         "migrations/002__rows.sql": "insert into t (id, v) values (1, 'x');\n"
                                                     "insert into t (id, v) values (2, 'y');\n",
                         "migrations/003__fill.sql": ROUTINE})
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1", "2", "3"])
        check_equal(w.targets["dev"].value("select count(*) from t"), "3")


def test_failing_statement():
    """mysql: a failing statement is shown with its place, left nothing, and is mended by a merge"""
    with World(DEV, ["mysql"]) as w:
        row = w.release({"migrations/001__t.sql": TABLE,
                         "migrations/002__rows.sql": "insert into t (id, v) values (1, 'x');\n"
                                                     "  insert into nowhere values (2);\n"})
        w.stage(row["rollout"], "dev", "FAILED")
        run = last_run(w, row["rollout"])
        check_equal((run["file"], run["statement"], run["line"], run["column"]),
                    ("migrations/002__rows.sql", 2, 2, 3), "place")
        check_in("nowhere", run["detail"], "detail")
        check_equal(w.targets["dev"].value("select count(*) from t"), "0")
        again = w.release({"migrations/002__rows.sql": "insert into t (id, v) values (1, 'm');\n"})
        w.stage(again["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select v from t"), "m")


tide.main(__name__)
