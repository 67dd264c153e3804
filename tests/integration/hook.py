#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real pushes to a bare repository with the installed hook, with and without a daemon."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import git_http  # noqa: E402
import tide  # noqa: E402
from tide import World, check, check_equal, check_in, run, wait_for  # noqa: E402

# A migration that takes some seconds and cannot be told from a stuck one.
SLOW = ("create table slow (n integer);\n"
        "with recursive c(n) as (select 1 union all select n + 1 from c where n < {n})\n"
        "insert into slow select max(n) from c;\n")
SLOW_N = 12000000


class Pushed:
    """A git server: the origin of a World, with the hook in it."""

    def __init__(self, daemon=True, top="", **options):
        self.daemon = daemon
        self.world = World(start=False, top=top, **options)
        w = self.world
        with open(w.daemon.config, encoding="utf-8") as f:
            text = f.read()
        text = re.sub(r"    secrets: .*\n", "", text.replace("provider: github", "provider: git"))
        with open(w.daemon.config, "w", encoding="utf-8") as f:
            f.write(text)
        self.socket = os.path.join(w.directory, "state", "hook.sock")
        self.hook_log = os.path.join(w.directory, "state", "hook.log")
        w.tidegate("hook", "install", w.origin.bare)
        if daemon:
            w.daemon.start()

    def __enter__(self):
        self.world.__enter__()
        return self

    def __exit__(self, *error):
        # a process of the hook's own may still be at work in the directory
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(tide.Failed):
            wait_for("the hook's processes", lambda: not self.workers(), timeout=20)
        complaint = re.search(r"Sanitizer|runtime error", self.log())
        if error[0] is not None:
            sys.stderr.write(self.log()[-4000:])
        result = self.world.__exit__(*error)
        if error[0] is None:
            check(complaint is None, "a sanitizer complains in hook.log")
        return result

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.hook_log, encoding="utf-8", errors="replace") as f:
                return f.read()
        return ""

    def workers(self):
        """Processes of the hook that outlive their push, by the log and still alive."""
        alive = []
        for pid in re.findall(r"the hook works by itself.* pid=(\d+)", self.log()):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                    if f.read().rpartition(")")[2].split()[0] != "Z":
                        alive.append(int(pid))
        return alive

    def commit(self, files, message="change"):
        o = self.world.origin
        o.write(files)
        o.git("commit", "-q", "--allow-empty", "-m", message)
        return o.head()

    def push(self, *arguments, remote="origin", ok=True, environment=None):
        """`git push`; what the pusher sees from the hook, and how long it took."""
        o = self.world.origin
        began = time.monotonic()
        done = run("git", "-C", o.work, "push", "--force", remote, *(arguments or ("main",)), ok=ok,
                   env=dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
                            **(environment or {})))
        self.took = time.monotonic() - began
        check(not re.search(r"Sanitizer|runtime error", done.stderr), done.stderr)
        self.seen = [m.rstrip() for m in re.findall(r"remote: (.*)", done.stderr)]
        return "\n".join(self.seen)

    def deliveries(self):
        return self.world.list("deliveries") if os.path.exists(
            os.path.join(self.world.directory, "state", "tidegate.db")) else []


def table(p, name, environment="dev"):
    return p.world.targets[environment].value(
        f"select count(*) from sqlite_master where name = '{name}'") == "1"


def check_push(p):
    """A push that is released while its pusher looks on."""
    commit = p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
    seen = p.push()
    check_in("tidegate: delivery 2: push to main by ", seen, "what the pusher sees")
    check_in("tidegate: release projects/shop/releases/release_", seen)
    check_in("tidegate: dev: done on 1 database", seen)
    check(p.took < 25, f"the push took {p.took:.1f} s")
    check(table(p, "a"), "the table is missing")
    row = p.deliveries()[0]
    check_equal((row["state"], row["provider"], row["source"]), ("released", "git", "hook"))
    release = p.world.list("releases")[0]
    check_in(commit, str(p.world.show("releases", release["name"])), "the release")


def first(p):
    """A push without migrations."""
    p.commit({}, "nothing")
    check_in("nothing to roll out: no migration", p.push())


def test_daemon():
    """a push over file:// is handed to the daemon, and the pusher sees release and stage"""
    with Pushed() as p:
        first(p)
        check_push(p)
        check_in('msg="push handed in"', p.world.daemon.log())
        check(not os.path.exists(p.hook_log), "the hook worked by itself beside a daemon")


def test_alone():
    """without a daemon the hook does the work itself"""
    with Pushed(daemon=False) as p:
        first(p)
        check_push(p)
        wait_for("the hook's process to end", lambda: not p.workers())


def test_http():
    """a push over HTTP, with and without a daemon"""
    for daemon in (True, False):
        with Pushed(daemon=daemon) as p:
            w = p.world
            run("git", "-C", w.origin.bare, "config", "http.receivepack", "true")
            with git_http.GitHttp(w.directory) as server:
                w.origin.git("remote", "add", "web", server.url + "/app.git")
                p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
                seen = p.push(remote="web")
                check_in("dev: done on 1 database", seen)
                check(table(p, "a"), "the table is missing")
                wait_for("the hook's process to end", lambda: not p.workers())


def test_pusher():
    """the pusher is known by the git server's variables"""
    cases = [({"GL_ID": "user-7", "GL_USERNAME": "lisa"}, "lisa", "gitlab"),
             ({"GITEA_PUSHER_NAME": "bart", "GITEA_PUSHER_ID": "9"}, "bart", "gitea"),
             ({"GL_USER": "homer", "GL_REPO": "app"}, "homer", "gitolite"),
             ({"REMOTE_USER": "marge"}, "marge", "http")]
    with Pushed() as p:
        for number, (environment, login, source) in enumerate(cases):
            p.commit({f"migrations/{number + 1}__x.sql": f"create table x{number} (n integer);\n"})
            check_in(f"push to main by {login}", p.push(environment=environment))
            row = p.deliveries()[0]
            body = p.world.tidegate("deliveries", "show", row["id"], "--body").stdout
            check_in(f'"source":"{source}"', body)
        names = [r["name"] for r in p.world.list("releases")]
        check_equal(len(names), len(cases), "releases")


def test_other_refs():
    """other branches and tags say nothing, and the branch is found among several refs"""
    with Pushed() as p:
        o = p.world.origin
        p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
        o.git("branch", "feature")
        o.git("tag", "v1")
        p.push("feature", "v1")
        check_equal(p.seen, [], "what the pusher of other refs sees")
        check_equal(p.deliveries(), [])
        o.git("branch", "another")
        o.git("tag", "-f", "v1", "HEAD~0")
        seen = p.push("another", "main", "--tags")
        check_in("dev: done on 1 database", seen)
        check_equal(len(p.deliveries()), 1, "deliveries")


def test_creation_deletion_force():
    """a new, a deleted and a force-pushed branch"""
    for daemon in (True, False):
        with Pushed(daemon=daemon) as p:
            w = p.world
            run("git", "-C", w.origin.bare, "update-ref", "-d", "refs/heads/main")
            base = w.origin.head()
            p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
            seen = p.push()
            check_in("branch 'main' is new", seen)
            check_in("dev: done on 1 database", seen)
            w.origin.git("reset", "-q", "--hard", base)
            p.commit({"migrations/1__a.sql": "create table a (n integer);\n",
                      "migrations/2__b.sql": "create table b (n integer);\n"})
            seen = p.push()
            check_in("branch 'main' was force-pushed", seen)
            check_in("dev: done on 1 database", seen)
            check_equal(w.revisions("dev"), ["1", "2"])
            run("git", "-C", w.origin.bare, "config", "receive.denyDeleteCurrent", "ignore")
            seen = p.push(":main")
            check_in("branch 'main' was deleted: what was applied stays applied", seen)
            check_in("nothing to roll out: branch 'main' was deleted", seen)
            check_equal(w.revisions("dev"), ["1", "2"])
            check_equal(p.deliveries()[0]["state"], "ignored")


def test_there_and_back():
    """a branch that goes there, back and there again makes three deliveries and one release"""
    with Pushed() as p:
        o = p.world.origin
        old = o.head()
        new = p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
        for tip in (new, old, new):
            o.git("reset", "-q", "--hard", tip)
            p.push()
        check_in("was released before as", "\n".join(p.seen))
        check_equal([d["state"] for d in p.deliveries()], ["released", "ignored", "released"])
        check_equal(len(p.world.list("releases")), 1, "releases")


def test_failure():
    """a migration that fails is told with its place, and the push succeeds"""
    for daemon in (True, False):
        with Pushed(daemon=daemon) as p:
            p.commit({"migrations/1__a.sql": "create table a (n integer);\n",
                      "migrations/2__b.sql": "creat table b;\n"})
            seen = p.push()
            check_in("dev: failed on 1 of 1 database", seen)
            check_in("migrations/2__b.sql:1:1", seen)
            check_in("tidegate retry projects/shop/plans/1/rollout", seen)


def test_manual_stage():
    """a stage that waits for a person is told with the command to type"""
    with Pushed(environments=(("dev", "automatic"), ("prod", "manual"))) as p:
        p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
        seen = p.push()
        check_in("prod: waits for a person: tidegate run projects/shop/plans/1/rollout "
                 "--stage prod", seen)
        check(p.took < 25, f"the push took {p.took:.1f} s")


def test_work():
    """without a daemon, `hook work` carries out the stage that a person opened"""
    with Pushed(daemon=False, environments=(("dev", "automatic"), ("prod", "manual"))) as p:
        p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
        p.push()
        wait_for("the hook's process to end", lambda: not p.workers())
        p.world.tidegate("run", "1", "--stage", "prod")
        p.world.tidegate("hook", "work")
        check_equal(p.world.stages("projects/shop/plans/1/rollout")["prod"], "DONE")
        check(table(p, "a", "prod"), "the table is missing")


def test_limit():
    """a slow migration keeps no pusher longer than hook_wait, and goes on"""
    for daemon in (True, False):
        with Pushed(daemon=daemon, top="hook_wait: 1s") as p:
            p.commit({"migrations/1__s.sql": SLOW.format(n=SLOW_N)})
            seen = p.push()
            check(p.took < 6, f"the push took {p.took:.1f} s")
            check_in("still under way after 1 s; it goes on without you", seen)
            check_in("to look: tidegate rollouts show projects/shop/plans/1/rollout", seen)
            p.world.stage("projects/shop/plans/1/rollout", "dev", "DONE", timeout=120)
            check(table(p, "slow"), "the table is missing")


def test_killed_worker():
    """after a kill -9 of the hook's own process the next push, or a daemon, goes on"""
    for how in ("push", "daemon"):
        with Pushed(daemon=False, top="hook_wait: 1s") as p:
            p.commit({"migrations/1__s.sql": SLOW.format(n=SLOW_N)})
            p.push()
            pids = p.workers()
            check_equal(len(pids), 1, "processes of the hook")
            os.kill(pids[0], signal.SIGKILL)
            wait_for("its end", lambda: not p.workers())
            check(not table(p, "slow"), "the migration was done before the kill")
            if how == "push":
                p.commit({"migrations/2__b.sql": "create table b (n integer);\n"})
                p.push()
            else:
                p.world.daemon.start()
            p.world.stage("projects/shop/plans/1/rollout", "dev", "DONE", timeout=120)
            check(table(p, "slow"), "the table is missing")
            if how == "push":
                p.world.stage("projects/shop/plans/2/rollout", "dev", "DONE", timeout=120)
                check_equal(p.world.revisions("dev"), ["1", "2"])


def test_pushes_at_once():
    """pushes that meet without a daemon are all carried out, one after the other"""
    with Pushed(daemon=False) as p:
        o = p.world.origin
        for number in range(1, 5):
            p.commit({f"migrations/{number}__x.sql": f"create table x{number} (n integer);\n"})
            o.git("branch", f"step-{number}")
        pushes = [subprocess.Popen(["git", "-C", o.work, "push", "-q", "--force", "origin",
                                    f"step-{number}:main"], stderr=subprocess.PIPE, text=True)
                  for number in range(1, 5)]
        for push in pushes:
            push.communicate(timeout=120)
        p.push("step-4:main")
        wait_for("the last table", lambda: table(p, "x4"), timeout=60)
        wait_for("the hook's processes to end", lambda: not p.workers(), timeout=60)
        for row in p.deliveries():
            check(row["state"] in ("released", "ignored", "refused"), f"left: {row}")


def test_daemon_hangs():
    """a daemon that does not answer: the push is kept, and carried when it goes on"""
    with Pushed(top="hook_wait: 4s") as p:
        os.kill(p.world.daemon.process.pid, signal.SIGSTOP)
        try:
            p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
            seen = p.push()
            check(p.took < 12, f"the push took {p.took:.1f} s")
            check_in("tidegate deliveries", seen)  # where to look, however far it came
        finally:
            os.kill(p.world.daemon.process.pid, signal.SIGCONT)
        wait_for("the table", lambda: table(p, "a"), timeout=60)
        check_equal(len(p.deliveries()), 1, "deliveries")


def test_stale_socket():
    """the socket of a killed daemon is no daemon, and is replaced at the next start"""
    with Pushed() as p:
        p.world.daemon.kill()
        check(os.path.exists(p.socket), "the socket is gone")
        p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
        check_in("dev: done on 1 database", p.push())
        wait_for("the hook's process to end", lambda: not p.workers())
        p.world.daemon.start()
        p.commit({"migrations/2__b.sql": "create table b (n integer);\n"})
        check_in("dev: done on 1 database", p.push())
        check_in('msg="push handed in"', p.world.daemon.log())
        p.world.daemon.stop()
        check(not os.path.exists(p.socket), "the socket was left behind")


def test_store_unreadable():
    """a user who may neither use the socket nor the store is told what to do"""
    root = os.getuid() == 0
    other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if root else []
    with Pushed(daemon=False) as p:
        w = p.world
        state = os.path.join(w.directory, "state")
        line = f"{tide.BLANK_SHA} {w.origin.head()} refs/heads/main\n"
        os.chmod(w.directory, 0o755)
        try:
            # another user may see the socket of a running daemon, but not use it
            for start in (False, True):
                if start:
                    os.chmod(state, 0o700)
                    w.daemon.start()
                os.chmod(state, (0o711 if start else 0o700) if root else 0)
                done = run(*other, tide.BINARY, "hook", "post-receive", "-c", w.daemon.config,
                           "--repository", "app", input=line, cwd=w.origin.bare)
                check_in("the push is not released", done.stdout)
                check_in("add the user that git runs hooks as to the group of", done.stdout)
            check_in("this user may not use the daemon's socket", done.stdout)
        finally:
            os.chmod(state, 0o700)
        check_equal(p.deliveries(), [])


def test_sha256():
    """a sha256 repository is refused by install, and its pushes are told so"""
    with Pushed() as p:
        w = p.world
        other = os.path.join(w.directory, "sha256.git")
        run("git", "init", "-q", "--bare", "--object-format=sha256", other)
        done = w.tidegate("hook", "install", other, ok=False)
        check_equal(done.returncode, 1, "exit code")
        check_in("sha256 object ids, which are not supported", done.stderr)
        line = f"{'0' * 64} {'a' * 64} refs/heads/main\n"
        done = w.tidegate("hook", "post-receive", "--repository", "app", input=line)
        check_in("sha256, which is not supported", done.stdout)
        check_equal(p.deliveries(), [])


def test_never_fails():
    """whatever is wrong, the hook reads all of its input and ends with 0"""
    with Pushed(daemon=False) as p:
        w = p.world
        many = f"{'a' * 40} {'b' * 40} refs/heads/x\n" * 20000
        cases = [(["-c", "/nonexistent.yaml", "--repository", "app"], many),
                 (["-c", w.daemon.config, "--repository", "nobody"], many),
                 (["-c", w.daemon.config], many),
                 (["-c", w.daemon.config, "--repository", "app"], many),
                 (["-c", w.daemon.config, "--repository", "app"], "no line of git's\n" * 9),
                 (["-c", w.daemon.config, "--repository", "app"], "")]
        for arguments, text in cases:
            done = run(tide.BINARY, "hook", "post-receive", *arguments, input=text)
            check_equal(done.returncode, 0, f"exit code of {arguments}")
        check_equal(p.deliveries(), [])


def ask(path, request):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(request.encode())
        out = b""
        with contextlib.suppress(ConnectionError):
            while part := s.recv(65536):
                out += part
        return out.decode()


def test_socket_door():
    """what the socket answers, and that HTTP has no way in for a git repository"""
    with Pushed() as p:
        w = p.world
        check_equal(oct(os.stat(p.socket).st_mode & 0o777), "0o660", "mode of the socket")
        body = '{"ref":"refs/heads/main","after":"%s"}' % ("a" * 40)
        kind = "Content-Type: application/json"
        end = "Host: localhost\r\nConnection: close\r\n"
        cases = [("POST /hooks/nobody", body, kind, 404), ("GET /hooks/app", "", kind, 405),
                 ("POST /hooks/app", body, "Content-Type: text/plain", 415),
                 ("POST /hooks/app", "x" * 70000, kind, 413), ("POST /hooks/app", "{", kind, 422),
                 ("POST /hooks/app", body, kind, 202), ("POST /hooks/app", body, kind, 200),
                 ("GET /hooks/deliveries/1", "", kind, 200),
                 ("GET /hooks/deliveries/99", "", kind, 404),
                 ("GET /hooks/deliveries/x", "", kind, 404),
                 ("POST /hooks/deliveries/1", "", kind, 405), ("POST /webhooks/app", body, kind, 404)]
        for line, text, header, status in cases:
            got = ask(p.socket, f"{line} HTTP/1.1\r\n{end}{header}\r\nContent-Length: {len(text)}"
                                f"\r\n\r\n{text}")
            check(got.startswith(f"HTTP/1.1 {status} "), f"{line}: {got[:200]}")
        # the event names no repository: kept, and refused
        check_equal([d["state"] for d in p.deliveries()], ["refused"])
        answer = w.provider.send(body)
        check_equal(answer.status, 404, f"status over HTTP ({answer.body})")


def test_install():
    """install is idempotent, keeps another hook with --force, and prints"""
    with Pushed(daemon=False) as p:
        w = p.world
        hook = os.path.join(w.origin.bare, "hooks", "post-receive")
        check_in(": unchanged", w.tidegate("hook", "install", w.origin.bare).stdout)
        with open(hook, encoding="utf-8") as f:
            ours = f.read()
        check_equal(w.tidegate("hook", "install", w.origin.bare, "--print").stdout, ours)
        with open(hook, "w", encoding="utf-8") as f:
            f.write("#!/bin/sh\nwhile read -r old new ref; do echo \"mine: $ref\"; done\n")
        check_equal(w.tidegate("hook", "install", w.origin.bare, ok=False).returncode, 1)
        check_in("chained", w.tidegate("hook", "install", w.origin.bare, "--force").stdout)
        p.commit({"migrations/1__a.sql": "create table a (n integer);\n"})
        seen = p.push()
        check_in("mine: refs/heads/main", seen)
        check_in("dev: done on 1 database", seen)
        check_equal(w.tidegate("hook", "install", w.directory, ok=False).returncode, 1)


tide.main(__name__)
