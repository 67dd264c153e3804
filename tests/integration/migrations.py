#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What migrations do to databases, and what Tidegate says when they cannot."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in  # noqa: E402

BOTH = (("dev", "automatic"), ("prod", "automatic"))
KINDS = ["sqlite", "postgresql"]
PG = ["postgresql"]
FIRST = {"migrations/001__t.sql": "create table t (id integer primary key, v text);\n"}


def only_task(w, rollout, environment):
    stages = {s["environment"]: s for s in w.rollout(rollout)["stages"]}
    return stages[environment]["tasks"][0]


def last_run(w, rollout, environment):
    return only_task(w, rollout, environment)["runs"][-1]


def fails(kinds, broken, line, column, words):
    """Merge a good file, a broken one and a third; check what the task says; mend and retry."""
    with World((("dev", "automatic"),), kinds) as w:
        row = w.release(dict(FIRST, **{"migrations/002__broken.sql": broken,
                                       "migrations/003__u.sql": "create table u (id integer);\n"}))
        rollout = row["rollout"]
        w.stage(rollout, "dev", "FAILED")
        run = last_run(w, rollout, "dev")
        check_equal(run["status"], "FAILED")
        check_equal(run["file"], "migrations/002__broken.sql")
        check_equal((run["statement"], run["line"], run["column"]), (2, line, column), "place")
        check_in(words, run["detail"], "detail")
        # what went before stays, the failed file left nothing, what comes after did not run
        check_equal(w.revisions("dev"), ["1"])
        check_equal(w.targets["dev"].value("select count(*) from t"), "0")

        # the same again fails the same way
        w.tidegate("retry", rollout)
        tide.wait_for("the second run", lambda: len(only_task(w, rollout, "dev")["runs"]) == 2)
        w.stage(rollout, "dev", "FAILED")

        # mended in a new merge, it goes on from there
        again = w.release({"migrations/002__broken.sql": "insert into t values (7, 'mended');\n"})
        w.stage(again["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1", "2", "3"])
        check_equal(w.targets["dev"].value("select v from t"), "mended")


def test_failing_sqlite():
    """sqlite: a failing statement is shown with file, statement, line, column and message"""
    fails(["sqlite"], "insert into t values (1, 'one');\n  insert into nowhere values (2);\n",
          2, 3, "nowhere")


def test_failing_postgres():
    """postgresql: a failing statement is shown with file, statement, line, column and message"""
    fails(PG, "insert into t values (1, 'one');\n  insert into nowhere values (2);\n",
          2, 15, 'relation "nowhere" does not exist')


def test_user_named_tidegate():
    """postgresql: migrations of a user who is called like the ledger's schema do not land in it"""
    with World(kinds=PG, user="tidegate") as w:
        row = w.release(FIRST)
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select count(*) from public.t"), "0")


def test_retry_after_repair():
    """a task whose database was repaired by hand goes on from the failed file at retry"""
    with World(kinds=PG) as w:
        row = w.release(dict(FIRST, **{
            "migrations/002__more.sql": "insert into t select id, v from elsewhere;\n"}))
        w.stage(row["rollout"], "dev", "FAILED")
        w.postgres.psql("create table elsewhere (id integer, v text); "
                        "insert into elsewhere values (5, 'five')", w.targets["dev"].name)
        w.tidegate("retry", row["rollout"], "--stage", "dev")
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select v from t"), "five")
        run = last_run(w, row["rollout"], "dev")
        check_equal((run["applied"], run["present"]), (1, 1))


def test_failed_task_leaves_others():
    """a task that fails does not stop those beside it, and holds the next stage back"""
    environments = (("dev", "automatic"), ("prod", "automatic"))
    with World(environments) as w:
        names = ["app", "other"]
        path = os.path.join(w.directory, "databases", "dev", "other.db")
        with tide.contextlib.closing(tide.sqlite3.connect(path)) as db:
            db.execute("create table t (in_the_way integer)")
        text = open(w.daemon.config, encoding="utf-8").read()
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(text.replace("[instances/dev/databases/app,",
                                 "[" + ", ".join(f"instances/dev/databases/{n}" for n in names) +
                                 ","))
        check_equal(w.daemon.stop(), 0, "exit code")
        w.daemon.start()
        row = w.release(FIRST)
        w.stage(row["rollout"], "dev", "FAILED")
        check_equal(w.revisions("dev"), ["1"])
        check_equal(w.stages(row["rollout"])["prod"], "WAITING")
        refused = w.tidegate("run", row["rollout"], "--stage", "prod", ok=False)
        check_equal(refused.returncode, 3, f"exit code ({refused.stderr})")


def refused_second(first, second, words, kinds=("sqlite",)):
    """Release `first`, then `second`: the rollout must fail or the delivery be refused."""
    with World((("dev", "automatic"),), list(kinds)) as w:
        w.stage(w.release(first)["rollout"], "dev", "DONE")
        before = w.revisions("dev")
        row = w.release(second)
        if row["state"] == "refused":
            text = row["reason"]
        else:
            w.stage(row["rollout"], "dev", "FAILED")
            text = last_run(w, row["rollout"], "dev")["detail"]
        for word in words:
            check_in(word, text, "message")
        check_equal(w.revisions("dev"), before, "revisions")


def test_edited_after_apply():
    """a file that was edited after it was applied is refused, by name"""
    for kind in ["sqlite", "postgresql"]:
        refused_second(FIRST, {"migrations/001__t.sql": "create table t (id bigint);\n"},
                       ["migrations/001__t.sql"], [kind])


def test_out_of_order():
    """a file below the newest applied version is refused, by name"""
    refused_second({"migrations/002__t.sql": "create table t (id integer);\n"},
                   {"migrations/001__late.sql": "create table late (id integer);\n"},
                   ["migrations/001__late.sql", "2"])


def test_out_of_order_allowed():
    """a project can allow files out of order"""
    with World(project_keys=", allow_out_of_order: true") as w:
        w.stage(w.release({"migrations/002__t.sql": "create table t (id integer);\n"})["rollout"],
                "dev", "DONE")
        row = w.release({"migrations/001__late.sql": "create table late (id integer);\n"})
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1", "2"])


def test_edited_allowed():
    """a project can leave edited files as they were applied"""
    with World(project_keys=", allow_edited: true") as w:
        w.stage(w.release(FIRST)["rollout"], "dev", "DONE")
        row = w.release({"migrations/001__t.sql": "drop table t;\n",
                         "migrations/002__u.sql": "create table u (id integer);\n"})
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select count(*) from t"), "0")
        check_equal(w.revisions("dev"), ["1", "2"])


def test_same_version_twice():
    """001 and 1 in one release are refused, naming both files"""
    with World() as w:
        row = w.release({"migrations/001__a.sql": "select 1;\n", "migrations/1__b.sql": "select 2;\n"})
        check_equal(row["state"], "refused")
        check_in("migrations/001__a.sql", row["reason"], "reason")
        check_in("migrations/1__b.sql", row["reason"], "reason")
        check_equal(w.list("releases"), [])


def test_renamed_file():
    """a renamed file with the same version and content is the same migration"""
    with World() as w:
        w.stage(w.release(FIRST)["rollout"], "dev", "DONE")
        row = w.release({"migrations/001__t.sql": None,
                         "migrations/v1__better_name.sql": FIRST["migrations/001__t.sql"],
                         "migrations/002__u.sql": "create table u (id integer);\n"})
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1", "2"])


FUNCTION = """\
-- a semicolon; in a comment
/* and; one; /* nested; */ here; */
create table log (line text, at integer default 1);
create function note(text) returns void language plpgsql as $$
begin
  insert into log(line) values ($1 || ';');  -- not the end;
  perform $q$ it's; $q$;
end
$$;
create or replace function twice(n int) returns int language sql as $body$ select $1 * 2; $body$;
select note('a;b'), note(E'it\\'s; quoted'), note('it''s');
insert into log values ('tag $$ in a string; ', 2);
do $outer$ begin execute $inner$ insert into log values ('do;', 3) $inner$; end $outer$
"""


def test_dollar_quotes():
    """postgresql: dollar quotes, nested comments, E strings and a missing last semicolon work"""
    with World(kinds=PG) as w:
        row = w.release({"migrations/1__f.sql": FUNCTION})
        w.stage(row["rollout"], "dev", "DONE")
        lines = sorted(r[0] for r in w.targets["dev"].rows("select line from log"))
        check_equal(lines, sorted(["a;b;", "it's; quoted;", "it's;", "tag $$ in a string; ", "do;"]))
        check_equal(w.targets["dev"].value("select twice(21)"), "42")


TRIGGER = """\
create table item (id integer primary key, name text);
create table trail (what text);
create trigger item_added after insert on item begin
  insert into trail values ('added; ' || new.name);
  insert into trail values ('twice');
end;
insert into item values (1, 'a;b');
insert into item values (2, 'it''s') -- no semicolon
"""


def test_sqlite_trigger():
    """sqlite: triggers with statements inside, quotes and a missing last semicolon work"""
    with World() as w:
        row = w.release({"migrations/1__trigger.sql": TRIGGER})
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select count(*) from trail"), "4")


def test_own_transaction():
    """a script with its own BEGIN or COMMIT is refused with its place, and nothing runs"""
    for kind, script in [("sqlite", "create table x (n integer);\nCOMMIT;\nselect 1;\n"),
                         ("postgresql", "create table x (n integer);\ncommit;\n"),
                         ("postgresql", "create table x (n integer);\n rollback and chain;\n")]:
        with World((("dev", "automatic"),), [kind]) as w:
            row = w.release({"migrations/1__x.sql": script})
            w.stage(row["rollout"], "dev", "FAILED")
            run = last_run(w, row["rollout"], "dev")
            check_equal((run["statement"], run["line"]), (2, 2), f"place ({run['detail']})")
            check_equal(w.revisions("dev"), [])


def test_both_databases():
    """one rollout over sqlite and postgresql writes the same ledger in both"""
    with World(BOTH, KINDS) as w:
        row = w.release(FIRST)
        w.stage(row["rollout"], "prod", "DONE")
        rows = [w.list("revisions", f"instances/{e}/databases/{w.targets[e].name}")[0]
                for e in ("dev", "prod")]
        for key in ("version", "path", "sha256", "release", "repository", "commit"):
            check_equal(rows[0][key], rows[1][key], key)
        check_equal(rows[0]["commit"], w.origin.head())
        check_equal(w.targets["prod"].value("select count(*) from tidegate.revision"), "1")
        check_equal(w.targets["dev"].value("select count(*) from tidegate_revision"), "1")


def test_unreachable_target():
    """a target that is not there fails or waits with its reason; others are not harmed"""
    with World(kinds=PG, start=False) as w:
        text = open(w.daemon.config, encoding="utf-8").read()
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(text.replace(w.targets["dev"].name, "no_such_database"))
        w.daemon.start()
        row = w.release(FIRST)
        w.stage(row["rollout"], "dev", "FAILED")
        check_in("no_such_database", last_run(w, row["rollout"], "dev")["detail"], "detail")


def test_odd_names_and_bytes():
    """paths with blanks, quotes and umlauts and contents with CRLF, BOM and no newline work"""
    with World(BOTH, KINDS) as w:
        row = w.release({
            "migrations/1__it's \"here\" \u00fc.sql": "create table a (n integer);",
            "migrations/2__crlf.sql": "create table b (n integer);\r\ninsert into b values (1);\r\n",
            "migrations/3__bom.sql": b"\xef\xbb\xbfcreate table c (n integer);\n",
            "migrations/4__empty.sql": "",
            "migrations/5__comment.sql": "-- nothing to do yet\n",
        })
        w.stage(row["rollout"], "prod", "DONE")
        check_equal(w.revisions("dev"), ["1", "2", "3", "4", "5"])
        check_equal(w.revisions("prod"), ["1", "2", "3", "4", "5"])


tide.main(__name__)
