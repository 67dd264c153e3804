#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon's life: reload, drain, kill, restart; and the commands beside it."""

import json
import os
import sys
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in  # noqa: E402

FILES = {"migrations/1__a.sql": "create table a (n integer);\n"}
SLOW_PG = {"migrations/1__slow.sql":
           "create table a (n integer);\nselect pg_sleep(2);\ninsert into a values (1);\n"}


def test_reload():
    """SIGHUP puts a good file in force, and a bad one leaves the old in force"""
    with World() as w:
        w.daemon.environment["SECOND_SECRET"] = "unused"
        path = os.path.join(w.directory, "second.secret")
        with open(path, "w", encoding="utf-8") as f:
            f.write("the second secret 0123\n")
        body = tide.merge_event(w.origin.merge(FILES))
        check_equal(w.provider.send(body, secret="the second secret 0123").status, 401)
        w.configure(secrets=f"[{{env: WEBHOOK_SECRET}}, {{file: {path}}}]")
        w.daemon.reload()
        tide.wait_for("the new secret to be in force", lambda: w.provider.send(
            body, secret="the second secret 0123").status in (200, 202))

        good = open(w.daemon.config, encoding="utf-8").read()
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(good + "nonsense: true\n")
        before = len(w.daemon.log())
        w.daemon.reload()
        tide.wait_for("the complaint", lambda: "nonsense" in w.daemon.log()[before:])
        check_equal(w.provider.send(body, secret="the second secret 0123",
                                    delivery=str(uuid.uuid4())).status, 202)
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(good)


def test_drain():
    """SIGTERM lets the migration under way end, and then the daemon"""
    with World(kinds=["postgresql"]) as w:
        answer = w.deliver(w.origin.merge(SLOW_PG))
        row = w.carried(answer.delivery)
        w.stage(row["rollout"], "dev", "RUNNING")
        time.sleep(0.5)
        check_equal(w.daemon.stop(), 0, "exit code")
        check_equal(w.targets["dev"].value("select count(*) from a"), "1")
        w.daemon.start()
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select count(*) from a"), "1")


def test_drain_deadline():
    """a migration that outlasts the drain is rolled back and done after the next start"""
    with World(kinds=["postgresql"], top="drain_timeout: 1s") as w:
        row = w.release({"migrations/1__slow.sql": SLOW_PG["migrations/1__slow.sql"].replace(
            "pg_sleep(2)", "pg_sleep(6)")})
        w.stage(row["rollout"], "dev", "RUNNING")
        time.sleep(0.5)
        started = time.monotonic()
        check_equal(w.daemon.stop(), 0, "exit code")
        check(time.monotonic() - started < 5, "the drain took too long")
        check_equal(w.revisions("dev"), [])
        w.daemon.start()
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select count(*) from a"), "1")


def test_kill():
    """a start after kill -9 is a normal start: what was half done goes on"""
    with World((("dev", "automatic"), ("prod", "automatic")), ["sqlite", "postgresql"]) as w:
        files = dict(SLOW_PG)
        files["migrations/1__slow.sql"] = "create table a (n integer);\n"
        files["migrations/2__row.sql"] = "insert into a values (1);\n"
        commit = w.origin.merge(files)
        answer = w.deliver(commit)
        check_equal(answer.status, 202)
        w.daemon.kill()
        w.daemon.start()
        row = w.carried(answer.delivery)
        check_equal(row["state"], "released", f"state ({row['reason']})")
        w.stage(row["rollout"], "prod", "DONE")
        for environment in ("dev", "prod"):
            check_equal(w.targets[environment].value("select count(*) from a"), "1")


def test_kill_in_migration():
    """a daemon killed in the middle of a migration leaves nothing of it; the next runs it once"""
    with World(kinds=["postgresql"]) as w:
        row = w.release(SLOW_PG)
        w.stage(row["rollout"], "dev", "RUNNING")
        time.sleep(0.7)
        w.daemon.kill()
        w.daemon.start()
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select count(*) from a"), "1")
        check_equal(w.revisions("dev"), ["1"])


def test_server_gone_and_back():
    """a database session that is cut in the middle of a migration ends in exactly one run"""
    with World(kinds=["postgresql"]) as w:
        row = w.release(SLOW_PG)
        w.stage(row["rollout"], "dev", "RUNNING")
        name = w.targets["dev"].name
        tide.wait_for("the session", lambda: w.postgres.psql(
            f"select count(*) from pg_stat_activity where datname = '{name}'"
            " and query like '%pg_sleep%' and pid <> pg_backend_pid()") != "0")
        w.postgres.psql("select pg_terminate_backend(pid) from pg_stat_activity"
                        f" where datname = '{name}' and pid <> pg_backend_pid()")
        tide.wait_for("the rollout", lambda: w.stages(row["rollout"])["dev"] in ("DONE", "FAILED"))
        if w.stages(row["rollout"])["dev"] == "FAILED":
            w.tidegate("retry", row["rollout"])
            w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.targets["dev"].value("select count(*) from a"), "1")


def test_second_daemon():
    """a second daemon on the same store is refused"""
    with World() as w:
        text = open(w.daemon.config, encoding="utf-8").read()
        other = os.path.join(w.directory, "other.yaml")
        with open(other, "w", encoding="utf-8") as f:
            f.write(text.replace(f"127.0.0.1:{w.port}", f"127.0.0.1:{tide.free_port()}"))
        done = tide.run(tide.BINARY, "serve", "-c", other, ok=False, timeout=20,
                        env=w.daemon.environment)
        check(done.returncode in (1, 2), f"exit code {done.returncode}")
        check_in("tidegate.db", done.stderr, "message")
        check_equal(w.provider.send({"zen": "x"}, event="ping").status, 200)


def test_taken_port():
    """a port that is taken is an error that names it"""
    with World() as w:
        text = open(w.daemon.config, encoding="utf-8").read()
        other = os.path.join(w.directory, "other.yaml")
        with open(other, "w", encoding="utf-8") as f:
            f.write(text.replace("state/tidegate.db", "state/other.db"))
        done = tide.run(tide.BINARY, "serve", "-c", other, ok=False, timeout=20,
                        env=w.daemon.environment)
        check(done.returncode in (1, 2), f"exit code {done.returncode}")
        check_in(str(w.port), done.stderr, "message")


def refused_configuration(w, change, words):
    text = open(w.daemon.config, encoding="utf-8").read()
    try:
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(change(text))
        for command in (["config", "check"], ["serve"]):
            done = tide.run(tide.BINARY, command[0], "-c", w.daemon.config, *command[1:], ok=False,
                            timeout=20, env=w.daemon.environment)
            check_equal(done.returncode, 2, f"exit code of {command} ({done.stderr})")
            for word in words:
                check_in(word, done.stderr, f"message of {command}")
    finally:
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(text)


def test_configuration_errors():
    """a bad configuration is exit 2 with file, line and what was expected"""
    with World(start=False) as w:
        here = "tidegate.yaml:"
        cases = [
            (lambda t: t + "colour: green\n", ["colour"]),
            (lambda t: t.replace("provider: github", "provider: gitbub"), ["gitbub", "github"]),
            (lambda t: t.replace("rollout: automatic", "rollout: sometimes"), ["manual", "automatic"]),
            (lambda t: t.replace("project: shop", "project: shed"), ["shed"]),
            (lambda t: t.replace("instances/dev/", "instances/moon/"), ["moon"]),
            (lambda t: t.replace("[{env: WEBHOOK_SECRET}]", "[]"), ["secret"]),
            (lambda t: t.replace("    secrets: [{env: WEBHOOK_SECRET}]\n", ""), ["secret"]),
            (lambda t: t.replace("[{env: WEBHOOK_SECRET}]", "[hunter2hunter2]"), ["env", "file"]),
            (lambda t: t.replace("listen:", "listen: 127.0.0.1:1\nlisten:"), ["listen"]),
            (lambda t: t + "\tbad: [\n", [""]),
            (lambda t: t.replace("sqlite:", "oracle:"), ["postgresql", "sqlite"]),
            (lambda t: t.replace("branch: main", "branch: -main"), ["branch"]),
            (lambda t: t.replace("**/*.sql", "{a,b.sql"), ["file_pattern"]),
            (lambda t: t.replace("{id: shop}", "{id: shop, release_id_template: r1}"),
             ["release_id_template"]),
        ]
        for change, words in cases:
            refused_configuration(w, change, [here, *words])
        w.daemon.environment.pop("WEBHOOK_SECRET")
        done = tide.run(tide.BINARY, "serve", "-c", w.daemon.config, ok=False,
                        env=w.daemon.environment, timeout=20)
        check_equal(done.returncode, 2, "exit code without the variable")
        check_in("WEBHOOK_SECRET", done.stderr, "message")
        w.daemon.environment["WEBHOOK_SECRET"] = ""
        done = tide.run(tide.BINARY, "serve", "-c", w.daemon.config, ok=False,
                        env=w.daemon.environment, timeout=20)
        check_equal(done.returncode, 2, "exit code with an empty variable")


def test_config_show():
    """config show prints what config check takes, and no secret"""
    with World() as w:
        shown = w.tidegate("config", "show").stdout
        check(tide.SECRET not in shown, "the secret is shown")
        path = os.path.join(w.directory, "shown.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(shown)
        tide.run(tide.BINARY, "config", "-c", path, "check", env=w.daemon.environment)


def test_damaged_store():
    """a store that is no database, or of a newer version, is refused by its name"""
    with World(start=False) as w:
        path = os.path.join(w.directory, "state", "tidegate.db")
        with open(path, "wb") as f:
            f.write(b"this is not a database\n" * 1000)
        done = tide.run(tide.BINARY, "serve", "-c", w.daemon.config, ok=False, timeout=20,
                        env=w.daemon.environment)
        check(done.returncode in (1, 2), f"exit code {done.returncode}")
        check_in("tidegate.db", done.stderr, "message")


def test_no_store_yet():
    """lists without a store say what to do"""
    with World(start=False) as w:
        done = w.tidegate("deliveries", "list", ok=False)
        check_equal(done.returncode, 1, f"exit code ({done.stderr})")
        check_in("serve", done.stderr, "message")


def test_unwritable_store():
    """deliveries that cannot be written down are answered 503, and taken later"""
    with World() as w:
        body = tide.merge_event(w.origin.merge(FILES))
        store = os.path.join(w.directory, "state", "tidegate.db")
        with tide.contextlib.closing(tide.sqlite3.connect(store, isolation_level=None)) as db:
            db.execute("begin immediate")
            ident = str(uuid.uuid4())
            answer = w.provider.send(body, delivery=ident)
            check_equal(answer.status, 503, f"status ({answer.body})")
            db.execute("rollback")
        answer = w.provider.send(body, delivery=ident)
        check_equal(answer.status, 202, f"status ({answer.body})")


def test_replay():
    """a delivery that was refused can be replayed when its cause is mended"""
    with World() as w:
        row = w.release({"migrations/001__a.sql": "select 1;\n", "migrations/1__b.sql": "select 1;\n"})
        check_equal(row["state"], "refused")
        text = open(w.daemon.config, encoding="utf-8").read()
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(text.replace("file_pattern: migrations/**/*.sql",
                                 "file_pattern: migrations/001*.sql"))
        before = len(w.daemon.log())
        w.daemon.reload()
        tide.wait_for("the reload", lambda: "reload" in w.daemon.log()[before:])
        w.tidegate("replay", str(row["id"]))

        def replayed():
            newest = w.list("deliveries")[0]
            return newest if newest["origin"] == row["id"] and newest["state"] == "released" else None
        again = tide.wait_for("the replay", replayed)
        w.stage(again["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1"])
        missing = w.tidegate("replay", "999999", ok=False)
        check_equal(missing.returncode, 1, "exit code for an unknown delivery")


def test_dry_run():
    """replay --dry-run prints the event and what would happen, without signature or store"""
    with World(start=False) as w:
        path = os.path.join(w.directory, "event.json")
        event = tide.merge_event("c" * 40, number=7, title="seven", login="dependabot[bot]")
        event["pull_request"]["user"]["type"] = "Bot"
        with open(path, "w", encoding="utf-8") as f:
            json.dump(event, f)
        done = tide.run(tide.BINARY, "replay", "--dry-run", "--provider", "github", "--event",
                        "pull_request", "--body", path, "--format", "json", cwd="/")
        said = json.loads(done.stdout)
        check_equal(said["would"], "release")
        check_equal(said["event"], {
            "kind": "merge", "repository": "acme/app", "target_branch": "main",
            "merge_commit": "c" * 40,
            "pull_request": {"number": 7, "title": "seven",
                             "url": "https://github.com/acme/app/pull/7"},
            "author": {"id": "583231", "login": "dependabot[bot]", "bot": True}})
        with open(path, "w", encoding="utf-8") as f:
            f.write('{"action": "closed", ')
        done = tide.run(tide.BINARY, "replay", "--dry-run", "--provider", "github", "--event",
                        "pull_request", "--body", path, ok=False)
        check_equal(done.returncode, 1, "exit code of an unreadable body")
        check(len(done.stderr) > 20, "no reason was given")


def test_simulate():
    """simulate signs and sends merges and pings as the provider does"""
    with World() as w:
        commit = w.origin.merge(FILES)
        w.tidegate("simulate", "app", "ping")
        w.tidegate("simulate", "app", "merge", "--commit", commit)
        row = tide.wait_for("the release", lambda: next(
            (d for d in w.list("deliveries") if d["state"] == "released"), None))
        w.stage(row["rollout"], "dev", "DONE")


def test_lists():
    """every list and show is a table for people and JSON for programs"""
    with World() as w:
        row = w.release(FILES)
        w.stage(row["rollout"], "dev", "DONE")
        for noun in ("deliveries", "releases", "plans", "rollouts"):
            rows = w.list(noun)
            check_equal(len(rows), 1, f"rows of {noun}")
            name = rows[0].get("name") or rows[0]["id"]
            check(isinstance(w.show(noun, name), dict), f"show of {noun}")
            table = w.tidegate(noun, "list").stdout
            check(len(table.strip().split("\n")) >= 2, f"table of {noun}: {table!r}")
            check(w.tidegate(noun, "show", str(name)).stdout.strip(), f"text of {noun}")
        check_equal(len(w.list("revisions", "instances/dev/databases/app")), 1)
        for noun in ("releases", "plans", "rollouts", "deliveries"):
            gone = w.tidegate(noun, "show", "projects/shop/releases/none" if noun == "releases"
                              else "999", ok=False)
            check(gone.returncode in (1, 2), f"exit code of {noun} show: {gone.returncode}")
            check_equal(gone.stdout, "", f"output of {noun} show")


def test_usage():
    """help is exit 0 on standard output, misuse exit 2 on standard error"""
    helped = tide.run(tide.BINARY, "help")
    for command in ("serve", "config", "replay", "simulate", "deliveries", "releases", "plans",
                    "rollouts", "revisions", "run", "retry"):
        check_in(command, helped.stdout, "help")
        check(tide.run(tide.BINARY, "help", command).stdout.strip(), f"no help for {command}")
    for arguments in ([], ["nonsense"], ["serve", "--nonsense"], ["run"], ["config", "nonsense"],
                      ["deliveries", "list", "--format", "xml"]):
        done = tide.run(tide.BINARY, *arguments, ok=False)
        check_equal(done.returncode, 2, f"exit code of {arguments}")
        check_equal(done.stdout, "", f"output of {arguments}")
        check(done.stderr.strip(), f"no message for {arguments}")


tide.main(__name__)
