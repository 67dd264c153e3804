#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Databases that another tool has worked on: refused, adopted, and rolled out from there."""

import hashlib
import json
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in  # noqa: E402

TABLE = "create table t (id integer primary key);\n"
FILES = {"migrations/V1__t.sql": TABLE,
         "migrations/V2__u.sql": "create table u (id integer primary key);\n",
         "migrations/V3__v.sql": "create table v (id integer primary key);\n"}
# as Flyway's createMetaDataTable.sql for PostgreSQL
FLYWAY = """create table flyway_schema_history (
    installed_rank int not null primary key, version varchar(50), description varchar(200) not null,
    type varchar(20) not null, script varchar(1000) not null, checksum integer,
    installed_by varchar(100) not null, installed_on timestamp not null default now(),
    execution_time integer not null, success boolean not null);
insert into flyway_schema_history values
    (1, '1', 't', 'SQL', 'V1__t.sql', 1, 'me', '2024-02-03 04:05:06', 3, true),
    (2, '2', 'u', 'SQL', 'V2__u.sql', 2, 'me', '2024-02-03 04:05:07', 3, true);
create table t (id integer primary key); create table u (id integer primary key);"""


def as_json(done):
    return json.loads(done.stdout)


def test_flyway():
    """postgresql: a database of Flyway is refused with the way out, adopted, and goes on from there"""
    with World(kinds=["postgresql"]) as w:
        name = w.targets["dev"].name
        target = "instances/dev/databases/" + name
        w.postgres.psql(FLYWAY, name)
        row = w.release(FILES)
        w.stage(row["rollout"], "dev", "FAILED")
        task = w.rollout(row["rollout"])["stages"][0]["tasks"][0]
        check_in(f"tidegate revisions adopt {target} --from flyway", task["detail"])
        check_equal(w.postgres.psql("select count(*) from pg_tables where tablename = 'v'", name), "0")

        dry = as_json(w.tidegate("revisions", "adopt", target, "--from", "flyway", "--release",
                                 row["release"], "--dry-run", "--format", "json"))
        check_equal((dry["dry_run"], dry["targets"][0]["taken"]), (True, 2))
        check_equal(w.revisions("dev"), [])
        text = w.tidegate("revisions", "adopt", target, "--from", "flyway", "--release",
                          row["release"], "--reason", "we move").stdout
        check_in("2 taken, 0 present, 0 in conflict", text)
        kept = w.list("revisions", target)
        check_equal([(r["version"], r["state"], r["path"]) for r in kept],
                    [("1", "baseline", "migrations/V1__t.sql"),
                     ("2", "baseline", "migrations/V2__u.sql")])
        check_equal(kept[0]["applied_at"][:19], "2024-02-03T04:05:06")
        check_in("from Flyway: we move", kept[0]["applied_by"])
        entry = as_json(w.tidegate("audit", "list", "--object", target, "--format", "json"))["entries"]
        check_equal([(e["action"], e["who"]) for e in entry], [("adopt", pwd.getpwuid(os.getuid())[0])])
        check_in("cli on ", entry[0]["from"])

        w.tidegate("retry", row["rollout"])
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1", "2", "3"])
        check_equal(w.targets["dev"].value("select count(*) from v"), "0")


def test_failed_history():
    """a history with a failed migration is refused, and nothing is written"""
    with World(kinds=["postgresql"]) as w:
        name = w.targets["dev"].name
        w.postgres.psql(FLYWAY + "update flyway_schema_history set success = false"
                        " where installed_rank = 2;", name)
        done = w.tidegate("revisions", "adopt", "instances/dev/databases/" + name, "--from",
                          "flyway", ok=False)
        check_equal(done.returncode, 3, f"exit code ({done.stderr})")
        check_in("failed and was not repaired", done.stderr)
        check_equal(w.revisions("dev"), [])


def test_baseline():
    """a baseline of several databases: one report each, newer files run, older ones do not"""
    with World(environments=(("dev", "automatic"), ("prod", "automatic"))) as w:
        names = [f"instances/{e}/databases/app" for e in ("dev", "prod")]
        done = as_json(w.tidegate("revisions", "baseline", *names, "--version", "002",
                                  "--format", "json"))
        check_equal([t["taken"] for t in done["targets"]], [1, 1])
        row = w.release(FILES)
        w.stage(row["rollout"], "prod", "DONE")
        check_equal(w.revisions("dev"), ["2", "3"])
        check_equal(w.targets["dev"].value(
            "select group_concat(name) from sqlite_master where name in ('t', 'u', 'v')"), "v")
        again = w.tidegate("revisions", "baseline", names[0], "--version", "2", ok=False)
        check_equal(again.returncode, 3, f"exit code ({again.stderr})")
        check_in("the ledger has version '3' already", again.stderr)


def test_fresh_and_allowed():
    """version 0 says that nothing is applied; a project can allow foreign histories"""
    with World() as w:
        path = os.path.join(w.directory, "databases", "dev", "app.db")
        with tide.contextlib.closing(tide.sqlite3.connect(path)) as db:
            db.execute("create table schema_migrations (version varchar(128) primary key)")
        row = w.release(FILES)
        w.stage(row["rollout"], "dev", "FAILED")
        check_in("--from dbmate|golang-migrate",
                 w.rollout(row["rollout"])["stages"][0]["tasks"][0]["detail"])
        w.tidegate("revisions", "baseline", "instances/dev/databases/app", "--version", "0")
        w.tidegate("retry", row["rollout"])
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["0", "1", "2", "3"])
    with World(project_keys=", allow_foreign_history: true") as w:
        path = os.path.join(w.directory, "databases", "dev", "app.db")
        with tide.contextlib.closing(tide.sqlite3.connect(path)) as db:
            db.execute("create table schema_migrations (version varchar(128) primary key)")
        w.stage(w.release(FILES)["rollout"], "dev", "DONE")


def test_bytebase():
    """an export of Bytebase, with the files of a checkout; a file that differs is refused"""
    with World() as w:
        os.makedirs(os.path.join(w.directory, "migrations"))
        for path, text in FILES.items():
            with open(os.path.join(w.directory, path), "w", encoding="utf-8") as f:
                f.write(text)
        sha = hashlib.sha256(TABLE.encode()).hexdigest()
        export = os.path.join(w.directory, "revisions.csv")
        with open(export, "w", encoding="utf-8") as f:
            f.write("version,file,sheet_sha256,create_time,type\n"
                    f"1,projects/p/releases/r/files/V1__t.sql,{sha},2024-02-03T04:05:06Z,VERSIONED\n")
        command = ("revisions", "adopt", "instances/dev/databases/app", "--from", "bytebase",
                   "--file", export, "--file-pattern", "migrations/*.sql", "--format", "json")
        done = as_json(w.tidegate(*command))["targets"][0]
        check_equal((done["taken"], done["revisions"][0]["path"]), (1, "migrations/V1__t.sql"))
        with open(os.path.join(w.directory, "migrations", "V1__t.sql"), "a", encoding="utf-8") as f:
            f.write("-- changed\n")
        refused = w.tidegate(*command, ok=False)
        check_equal(refused.returncode, 3, f"exit code ({refused.stderr})")
        check_in("is not what Bytebase applied", refused.stderr)


def test_usage():
    """what does not go together is told"""
    with World(start=False) as w:
        target = "instances/dev/databases/app"
        for arguments, words in (
                ([target], "--from is missing"),
                ([target, "--from", "liquibase"], "no tool whose history"),
                ([target, "--from", "flyway", "--file", "x"], "--file is for bytebase"),
                ([target, "--from", "bytebase"], "export it"),
                ([target, "--from", "flyway", "--file-pattern", "a", "--release", "b"],
                 "do not go together")):
            done = w.tidegate("revisions", "adopt", *arguments, ok=False)
            check_equal(done.returncode, 2, f"exit code of {arguments} ({done.stderr})")
            check_in(words, done.stderr)
        done = w.tidegate("revisions", "adopt", target, "--from", "goose", ok=False)
        check_equal(done.returncode, 1, f"exit code ({done.stderr})")
        check_in("there is no table 'goose_db_version'", done.stderr)
        check(w.tidegate("revisions", "baseline", target, ok=False).returncode == 2, "exit code")


tide.main(__name__)
