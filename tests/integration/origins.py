#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where migrations come from, and how that goes wrong."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in  # noqa: E402
from git_http import GitHttp  # noqa: E402

FILES = {"migrations/1__a.sql": "create table a (n integer);\n"}
MORE = {"migrations/2__b.sql": "create table b (n integer);\n"}
TOKEN = "ghs_0123456789abcdefghijklmnopqrstuvwxyz"


def test_http():
    """a repository is read over HTTP"""
    with World(start=False) as w, GitHttp(w.directory) as server:
        w.configure(clone_url=server.url + "/app.git")
        w.daemon.start()
        row = w.release(FILES)
        check_equal(row["state"], "released", f"state ({row['reason']})")
        w.stage(row["rollout"], "dev", "DONE")
        row = w.release(MORE)
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1", "2"])


def test_http_token():
    """a repository behind a token is read; the token is on no command line and in no log"""
    with World(start=False) as w, GitHttp(w.directory, token=TOKEN) as server:
        w.configure(clone_url=server.url + "/app.git", credentials="{token: {env: GIT_TOKEN}}")
        w.daemon.environment["GIT_TOKEN"] = TOKEN
        w.daemon.start()
        row = w.release(FILES)
        check_equal(row["state"], "released", f"state ({row['reason']})")
        check(server.authorised > 0, "the token was never sent")
        for directory, _, files in os.walk(os.path.join(w.directory, "state")):
            for path in (os.path.join(directory, name) for name in files):
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        check(TOKEN.encode() not in f.read(), f"the token is in {path}")
        check(TOKEN not in w.daemon.log(), "the token is in the log")


def test_http_wrong_token():
    """a wrong token fails with the reason and without the token"""
    with World(start=False) as w, GitHttp(w.directory, token=TOKEN) as server:
        w.configure(clone_url=server.url + "/app.git", credentials="{token: {env: GIT_TOKEN}}")
        w.daemon.environment["GIT_TOKEN"] = "ghs_wrong_wrong_wrong"
        w.daemon.start()
        row = w.release(FILES)
        check_equal(row["state"], "failed", f"state ({row['reason']})")
        check("ghs_wrong" not in row["reason"] + w.daemon.log(), "the token was shown")
        # mended by a reload, replayed by a person
        path = os.path.join(w.directory, "token")
        with open(path, "w", encoding="utf-8") as f:
            f.write(TOKEN + "\n")
        w.configure(credentials=f"{{token: {{file: {path}}}}}")
        w.daemon.reload()
        tide.wait_for("the reload", lambda: "reload" in w.daemon.log())
        w.tidegate("replay", str(row["id"]))
        replayed = tide.wait_for("the replay", lambda: [d for d in w.list("deliveries")
                                                        if d["state"] == "released"])
        check_equal(replayed[0]["origin"], row["id"])
        w.stage(replayed[0]["rollout"], "dev", "DONE")


def test_redirect():
    """git follows no redirect with the credentials"""
    with World(start=False) as w, GitHttp(w.directory, token=TOKEN) as server, \
            GitHttp(w.directory, redirect=server.url) as front:
        w.configure(clone_url=front.url + "/app.git", credentials="{token: {env: GIT_TOKEN}}")
        w.daemon.environment["GIT_TOKEN"] = TOKEN
        w.daemon.start()
        commit = w.origin.merge(FILES)
        answer = w.deliver(commit)
        row = tide.wait_for("the first attempt", lambda: [d for d in w.list("deliveries")
                                                          if d["reason"]])[0]
        check_equal(row["id"], answer.delivery)
        check(row["state"] != "released", "the redirect was followed")
        check_equal(server.requests, 0, "requests behind the redirect")


def test_unreachable_then_back():
    """an unreachable git server is tried again until it is back"""
    with World(start=False) as w:
        server = GitHttp(w.directory)
        url = server.url + "/app.git"
        server.close()
        w.configure(clone_url=url)
        w.daemon.start()
        answer = w.deliver(w.origin.merge(FILES))
        check_equal(answer.status, 202)

        def waiting():
            row = w.delivery(answer.delivery)
            return row if row["attempts"] >= 2 and row["state"] == "queued" else None
        row = tide.wait_for("the second attempt", waiting)
        check(row["reason"], "no reason while it waits")
        with GitHttp(w.directory, port=server.port):
            row = w.carried(answer.delivery)
            check_equal(row["state"], "released", f"state ({row['reason']})")
            w.stage(row["rollout"], "dev", "DONE")


def test_silent_server():
    """a git server that accepts and says nothing is given up at the deadline and tried again"""
    with World(start=False) as w:
        with tide.socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen(8)
            w.configure(clone_url=f"http://127.0.0.1:{s.getsockname()[1]}/app.git",
                        repository="fetch_timeout: 1s")
            w.daemon.start()
            answer = w.deliver(w.origin.merge(FILES))
            row = tide.wait_for("an attempt to end", lambda: [
                d for d in w.list("deliveries") if d["state"] == "queued" and d["attempts"] >= 1])
            check_equal(row[0]["id"], answer.delivery)
            check_equal(w.daemon.stop(), 0, "exit code")


def test_force_push():
    """a merge commit that a forced push took off the branch is refused, with the reason"""
    with World() as w:
        first = w.release(FILES)
        w.stage(first["rollout"], "dev", "DONE")
        gone = w.origin.merge(MORE)
        # the mirror sees the commit, then it is pushed away
        w.carried(w.deliver(gone, merged=True, number=90).delivery)
        w.origin.git("reset", "-q", "--hard", "HEAD~1")
        lost = w.origin.merge({"migrations/3__c.sql": "create table c (n integer);\n"})
        w.carried(w.deliver(lost).delivery)
        w.origin.git("reset", "-q", "--hard", "HEAD~1")
        unseen = w.origin.merge({"migrations/4__d.sql": "create table d (n integer);\n"})
        w.origin.git("reset", "-q", "--hard", "HEAD~1")
        w.origin.commit({"README.md": "rewritten\n"}, "rewritten")
        answer = w.deliver(unseen)
        row = tide.wait_for("an answer to the lost commit", lambda: next(
            (d for d in w.list("deliveries") if d["id"] == answer.delivery and d["reason"]), None))
        check(row["state"] in ("refused", "queued", "failed"), f"state is {row['state']}")
        check_in(unseen[:7], row["reason"], "reason")
        check_equal(len([r for r in w.list("releases") if r["commit"] == unseen]), 0, "releases")


def test_force_push_seen():
    """a commit that the mirror knows but the branch no longer holds is refused at once"""
    with World() as w:
        w.stage(w.release(FILES)["rollout"], "dev", "DONE")
        side = w.origin.merge(MORE)
        newer = w.origin.merge({"README.md": "newer\n"})
        w.carried(w.deliver(newer).delivery)
        w.origin.git("reset", "-q", "--hard", "HEAD~2")
        w.origin.commit({"README.md": "rewritten\n"}, "rewritten")
        row = w.carried(w.deliver(side).delivery, timeout=10)
        check_equal(row["state"], "refused", f"state ({row['reason']})")
        check_in("main", row["reason"], "reason")


def test_deleted_branch():
    """a branch that is gone fails with its name"""
    with World() as w:
        commit = w.origin.merge(FILES)
        run = tide.run
        run("git", "-C", w.origin.bare, "update-ref", "-d", "refs/heads/main")
        answer = w.deliver(commit)
        row = tide.wait_for("an attempt", lambda: next(
            (d for d in w.list("deliveries") if d["id"] == answer.delivery and d["reason"]), None))
        check_in("main", row["reason"], "reason")
        w.origin.push()
        row = w.carried(answer.delivery)
        check_equal(row["state"], "released", f"state ({row['reason']})")


def test_branch_deletion_push():
    """the push event of a deleted branch is ignored"""
    with World(repository="trigger: push") as w:
        w.origin.merge(FILES)
        answer = w.provider.send(tide.push_event(tide.BLANK_SHA, before="1" * 40), event="push")
        check(answer.status in (200, 202), f"status ({answer})")
        row = w.carried(answer.delivery)
        check(row["state"] in ("ignored", "refused"), f"state ({row})")
        check_equal(w.list("releases"), [])


def test_payload_url_is_not_used():
    """the clone url of the payload is never used"""
    with World() as w, GitHttp(w.directory) as server:
        body = tide.merge_event(w.origin.merge(FILES))
        body["repository"]["clone_url"] = server.url + "/app.git"
        body["repository"]["ssh_url"] = "ext::sh -c true"
        row = w.carried(w.provider.send(body).delivery)
        check_equal(row["state"], "released")
        check_equal(server.requests, 0, "requests to the payload's url")


def test_symlinks_and_submodules():
    """symbolic links in the tree are not followed"""
    with World() as w:
        os.makedirs(os.path.join(w.origin.work, "migrations"))
        os.symlink("/etc/passwd", os.path.join(w.origin.work, "migrations", "2__link.sql"))
        w.origin.git("add", "migrations/2__link.sql")
        row = w.release(FILES)
        w.stage(row["rollout"], "dev", "DONE")
        check_equal(w.revisions("dev"), ["1"])


tide.main(__name__)
