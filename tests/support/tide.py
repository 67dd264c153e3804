# SPDX-License-Identifier: Apache-2.0
"""What the integration, crash and command tests are written with.

A World is a directory with a git repository, target databases, a configuration and a daemon.
Nothing in it is a mock: git is git, PostgreSQL is PostgreSQL, curl plays the provider and openssl
makes the signatures.

A test is a function `test_*(...)` of a file that ends in `tide.main(__name__)`; its docstring's
first line is its name in the output. `ok NAME` and `not ok NAME` lines are what tests/run counts.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse
import uuid

from proxy import Proxy

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TIDEGATE", os.path.join(ROOT, "build", "dev", "tidegate"))
SECRET = "a secret of at least some length"
BLANK_SHA = "0" * 40


class Failed(AssertionError):
    """A test's own complaint; shown without a stack of frames."""


def check(condition, message):
    if not condition:
        raise Failed(message)


def check_equal(got, wanted, what="value"):
    check(got == wanted, f"{what} is {got!r}, not {wanted!r}")


def check_in(part, text, what="text"):
    check(part in text, f"{what} lacks {part!r}: {text!r}")


def run(*command, ok=True, **options):
    """Run a program to its end; its output as text."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    options.setdefault("timeout", 120)
    done = subprocess.run([str(c) for c in command], text=True, **options)
    if ok and done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit {done.returncode}: "
                     f"{(done.stderr or '').strip()} {(done.stdout or '').strip()}")
    return done


def wait_for(what, probe, timeout=30.0, step=0.05):
    """Poll until probe() is true, and give what it gave."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"waited {timeout:g} s in vain for {what}")
        time.sleep(step)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False


class Origin:
    """A bare git repository and a clone in which a developer works."""

    def __init__(self, directory, name="app"):
        self.bare = os.path.join(directory, f"{name}.git")
        self.work = os.path.join(directory, f"{name}.work")
        self.pull_requests = 0
        run("git", "init", "-q", "--bare", "-b", "main", self.bare)
        run("git", "init", "-q", "-b", "main", self.work)
        self.git("remote", "add", "origin", self.bare)
        self.commit({"README.md": "An application.\n"}, "first commit")

    def git(self, *arguments):
        environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
                           GIT_AUTHOR_NAME="Mona", GIT_AUTHOR_EMAIL="mona@example.com",
                           GIT_COMMITTER_NAME="Mona", GIT_COMMITTER_EMAIL="mona@example.com")
        return run("git", "-C", self.work, *arguments, env=environment).stdout.strip()

    def write(self, files):
        for path, content in files.items():
            full = os.path.join(self.work, path)
            if content is None:
                self.git("rm", "-q", path)
                continue
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "wb") as f:
                f.write(content if isinstance(content, bytes) else content.encode())
            self.git("add", path)

    def commit(self, files, message):
        """Commit straight to main."""
        self.write(files)
        self.git("commit", "-q", "--allow-empty", "-m", message)
        self.push()
        return self.head()

    def merge(self, files, title="change the schema"):
        """A pull request: a branch with the files, merged into main. The merge commit."""
        self.pull_requests += 1
        branch = f"change-{self.pull_requests}"
        self.git("checkout", "-q", "-b", branch)
        self.write(files)
        self.git("commit", "-q", "--allow-empty", "-m", title)
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m",
                 f"Merge pull request #{self.pull_requests} from acme/{branch}", branch)
        self.push()
        return self.head()

    def push(self, branch="main"):
        self.git("push", "-q", "--force", "origin", branch)

    def head(self):
        return self.git("rev-parse", "HEAD")


class Answer:
    """What the receiver said to curl."""

    def __init__(self, status, body):
        self.status = status
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def delivery(self):
        return str(self.json["delivery"])

    def __repr__(self):
        return f"{self.status} {self.body!r}"


def merge_event(commit, number=1, title="change the schema", repository="acme/app", branch="main",
                merged=True, action="closed", login="mona", author=583231):
    """The parts of GitHub's pull_request payload that say what happened."""
    web = f"https://github.com/{repository}"
    return {
        "action": action,
        "number": number,
        "pull_request": {
            "id": 9007199254740993 + number,
            "number": number,
            "title": title,
            "html_url": f"{web}/pull/{number}",
            "state": "closed" if action == "closed" else "open",
            "merged": merged,
            "merged_at": "2026-11-23T10:11:12Z" if merged else None,
            "merge_commit_sha": commit,
            "user": {"id": author, "login": login, "type": "User"},
            "merged_by": {"id": 1, "login": "hubot", "type": "User"} if merged else None,
            "head": {"ref": f"change-{number}", "sha": commit},
            "base": {"ref": branch, "sha": commit},
        },
        "repository": {"id": 1296269, "full_name": repository, "clone_url": f"{web}.git",
                       "default_branch": "main"},
        "sender": {"id": 1, "login": "hubot", "type": "User"},
    }


def push_event(after, before=BLANK_SHA, repository="acme/app", ref="refs/heads/main"):
    return {
        "ref": ref, "before": before, "after": after, "deleted": after == BLANK_SHA,
        "created": before == BLANK_SHA, "forced": False, "commits": [],
        "repository": {"id": 1296269, "full_name": repository},
        "pusher": {"name": "mona"}, "sender": {"id": 1, "login": "mona", "type": "User"},
    }


class Provider:
    """GitHub, as curl and openssl play it."""

    def __init__(self, url, directory, secret=SECRET):
        self.url = url
        self.secret = secret
        self.body_file = os.path.join(directory, "request.body")
        self.answer_file = os.path.join(directory, "answer.body")

    def signature(self, secret=None):
        done = run("openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt",
                   "hexkey:" + (secret or self.secret).encode().hex(), "-r", self.body_file)
        return "sha256=" + done.stdout.split()[0]

    def send(self, body, event="pull_request", delivery=None, secret=None, signature=None,
             headers=(), content_type="application/json", url=None, curl=()):
        """POST these bytes. signature="" leaves the header away."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        with open(self.body_file, "wb") as f:
            f.write(body)
        command = ["curl", "-s", "-S", "-o", self.answer_file, "-w", "%{http_code}",
                   "--max-time", "60", "--data-binary", "@" + self.body_file,
                   "-H", "Content-Type: " + content_type, "-H", "User-Agent: GitHub-Hookshot/test",
                   "-H", "X-GitHub-Event: " + event,
                   "-H", "X-GitHub-Delivery: " + (delivery or str(uuid.uuid4()))]
        if signature is None:
            signature = self.signature(secret)
        if signature:
            command += ["-H", "X-Hub-Signature-256: " + signature]
        for header in headers:
            command += ["-H", header]
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.answer_file)
        done = run(*command, *curl, url or self.url)
        text = ""
        with contextlib.suppress(FileNotFoundError):
            with open(self.answer_file, encoding="utf-8", errors="replace") as f:
                text = f.read()
        return Answer(int(done.stdout), text)

    def form(self, payload):
        return "payload=" + urllib.parse.quote_plus(json.dumps(payload))


class Daemon:
    """`tidegate serve` in one directory; started and ended as often as a test likes."""

    def __init__(self, directory, port):
        self.directory = directory
        self.port = port
        self.config = os.path.join(directory, "tidegate.yaml")
        self.log_path = os.path.join(directory, "daemon.log")
        self.process = None
        self.environment = dict(os.environ, WEBHOOK_SECRET=SECRET)

    def spawn(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([BINARY, "serve", "-c", self.config], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment, cwd=self.directory)

    def start(self):
        self.spawn()
        self.await_ready()

    def await_ready(self, timeout=60):
        def ready():
            check(self.process.poll() is None,
                  f"the daemon ended with {self.process.returncode}: {self.log()[-2000:]}")
            return answers(self.port)
        wait_for("the daemon to answer", ready, timeout=timeout, step=0.02)

    def stop(self, timeout=60):
        """SIGTERM, and the exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        self.process = None
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(30)
        self.process = None

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                return f.read()
        return ""

    def sanitizer_complaint(self):
        found = re.search(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:).*",
                          self.log())
        return found.group(0) if found else None


class Postgres:
    """The server that tests/run started; each World makes databases of its own in it."""

    def __init__(self):
        self.url = os.environ.get("TIDEGATE_TEST_PG", "")
        check(self.url, "TIDEGATE_TEST_PG is not set: tests/run starts the server and sets it")
        self.parts = urllib.parse.urlsplit(self.url)
        self.password = os.environ.get("TIDEGATE_TEST_PG_PASSWORD", "")
        check(self.password, "TIDEGATE_TEST_PG_PASSWORD is not set: tests/run sets it")
        self.made = []

    def instance(self, user, port=None):
        """The url of an instance in the configuration; the users have passwords."""
        return f"postgresql://{user}@{self.parts.hostname}:{port or self.parts.port}"

    def psql(self, sql, database="postgres"):
        """One value or rows, as psql prints them unaligned."""
        done = run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h",
                   self.parts.hostname, "-p", self.parts.port, "-U", self.parts.username,
                   "-d", database, "-c", sql)
        return done.stdout.strip()

    def make(self, name):
        self.psql(f'create database "{name}"')
        self.made.append(name)
        return name

    def drop_all(self):
        for name in self.made:
            self.psql(f'drop database if exists "{name}" with (force)')
        self.made = []


class Mysql:
    """The MariaDB that tests/run started; each World makes databases of its own in it."""

    def __init__(self):
        self.url = os.environ.get("TIDEGATE_TEST_MYSQL", "")
        check(self.url, "TIDEGATE_TEST_MYSQL is not set: tests/run starts the server and sets it")
        self.parts = urllib.parse.urlsplit(self.url)
        self.password = os.environ.get("TIDEGATE_TEST_MYSQL_PASSWORD", "")
        check(self.password, "TIDEGATE_TEST_MYSQL_PASSWORD is not set: tests/run sets it")
        self.made = []

    def instance(self, user, port=None):
        """The url of an instance in the configuration; the users have passwords."""
        return f"mysql://{user}@{self.parts.hostname}:{port or self.parts.port}"

    def rows(self, sql, database="mysql", ok=True):
        """Rows of texts."""
        done = run("mariadb", "--no-defaults", "--batch", "--skip-column-names", "-h",
                   self.parts.hostname, "-P", self.parts.port, "-u", self.parts.username,
                   "-D", database, "-e", sql, ok=ok)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def make(self, name):
        self.rows(f"create database `{name}`")
        self.made.append(name)
        return name

    def drop_all(self):
        for name in self.made:
            self.rows(f"drop database if exists `{name}`")
        self.made = []


class Target:
    """A target database, whatever its kind."""

    def __init__(self, name, rows):
        self.name = name
        self.rows = rows  # sql -> [[text, ...], ...]

    def value(self, sql):
        rows = self.rows(sql)
        return rows[0][0] if rows else None


class World:
    """A directory with everything, removed at the end.

    environments: [(id, "automatic" | "manual"), ...] in stage order
    kinds:        the kind of database in each: "sqlite" (default), "postgresql" or "mysql"
    proxy:        reach the server through a Proxy, `world.proxy`, that can break connections; all
                  targets are of one kind then
    fail_on:      from which finding on the review holds a plan; tests of what the runner does
                  with wrong scripts need "never"
    """

    def __init__(self, environments=(("dev", "automatic"),), kinds=None, clone_url=None,
                 repository="", credentials="", environment_keys="", project_keys="", top="",
                 fail_on="never", secrets="[{env: WEBHOOK_SECRET}]", user="migrator", start=True,
                 proxy=False):
        self.directory = tempfile.mkdtemp(prefix="tidegate-test.")
        self.origin = Origin(self.directory)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.daemon = Daemon(self.directory, self.port)
        self.provider = Provider(self.url + "/webhooks/app", self.directory)
        self.environments = environments
        self.kinds = kinds or ["sqlite"] * len(environments)
        self.options = {"clone_url": clone_url or "file://" + self.origin.bare,
                        "repository": repository, "credentials": credentials,
                        "environment_keys": f", fail_on: {fail_on}{environment_keys}",
                        "project_keys": project_keys,
                        "top": top, "secrets": secrets}
        self.postgres = None
        self.mysql = None
        self.proxy = None
        self.user = user
        self.targets = {}
        self.pulls = 0
        for (environment, _), kind in zip(environments, self.kinds):
            self.make_target(environment, kind)
        server = self.postgres or self.mysql
        if proxy and server is not None:
            self.proxy = Proxy(server.parts.port)
        self.configure()
        if start:
            self.daemon.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        log = self.daemon.log()
        try:
            if self.daemon.process is not None:
                code = self.daemon.stop()
                if kind is None:
                    check_equal(code, 0, "exit code of the daemon")
            complaint = self.daemon.sanitizer_complaint()
            if kind is None:
                check(complaint is None, f"sanitizer: {complaint}")
        except BaseException:
            if self.daemon.process is not None:
                self.daemon.kill()
            sys.stderr.write(self.daemon.log()[-4000:])
            raise
        finally:
            if kind is not None:
                sys.stderr.write(log[-6000:])
            if self.proxy is not None:
                self.proxy.close()
            for server in (self.postgres, self.mysql):
                if server is not None:
                    server.drop_all()
            if os.environ.get("TIDEGATE_TEST_KEEP"):
                sys.stderr.write(f"kept: {self.directory}\n")
            else:
                shutil.rmtree(self.directory, ignore_errors=True)
        return False

    # ---- set-up ----

    def make_target(self, environment, kind):
        if kind == "sqlite":
            directory = os.path.join(self.directory, "databases", environment)
            os.makedirs(directory)
            path = os.path.join(directory, "app.db")
            sqlite3.connect(path).close()
            open(path, "ab").close()

            def rows(sql):
                with contextlib.closing(sqlite3.connect(path, timeout=30)) as db:
                    return [["" if v is None else str(v) for v in row] for row in db.execute(sql)]
            self.targets[environment] = Target("app", rows)
            return
        name = f"app_{environment}_{uuid.uuid4().hex[:12]}"
        if kind == "mysql":
            self.mysql = self.mysql or Mysql()
            self.mysql.make(name)
            self.targets[environment] = Target(name, lambda sql: self.mysql.rows(sql, name))
            return
        if self.postgres is None:
            self.postgres = Postgres()
        self.postgres.make(name)

        def pg_rows(sql):
            out = self.postgres.psql(sql, name)
            return [line.split("|") for line in out.split("\n")] if out else []
        self.targets[environment] = Target(name, pg_rows)

    def instance_lines(self, environment, kind):
        if kind == "sqlite":
            return [f"  - {{id: {environment}, environment: {environment}, "
                    f"url: \"sqlite:{self.directory}/databases/{environment}\"}}"]
        server = self.postgres if kind == "postgresql" else self.mysql
        path = os.path.join(self.directory, f"{kind}.password")
        with open(path, "w", encoding="utf-8") as f:
            f.write(server.password + "\n")
        url = server.instance(self.user, self.proxy.port if self.proxy is not None else None)
        return [f"  - {{id: {environment}, environment: {environment}, "
                f"url: \"{url}\", password: {{file: {path}}}}}"]

    def configure(self, **changes):
        """Write tidegate.yaml; named options replace those of the constructor."""
        o = self.options = dict(self.options, **changes)
        lines = [f"listen: 127.0.0.1:{self.port}", f"store: {self.directory}/state/tidegate.db"]
        os.makedirs(os.path.join(self.directory, "state"), exist_ok=True)
        lines += [line for line in o["top"].split("\n") if line]
        lines.append("environments:")
        for environment, policy in self.environments:
            lines.append(f"  - {{id: {environment}, rollout: {policy}{o['environment_keys']}}}")
        lines.append("instances:")
        for (environment, _), kind in zip(self.environments, self.kinds):
            lines += self.instance_lines(environment, kind)
        targets = ", ".join(f"instances/{e}/databases/{t.name}" for e, t in self.targets.items())
        lines += ["projects:", f"  - {{id: shop{o['project_keys']}}}",
                  "repositories:", "  - id: app",
                  f"    provider: {o.get('provider', 'github')}",
                  "    full_name: acme/app", f"    clone_url: \"{o['clone_url']}\"",
                  f"    secrets: {o['secrets']}", "    branch: main", "    project: shop",
                  "    file_pattern: migrations/**/*.sql", f"    targets: [{targets}]"]
        if o["credentials"]:
            lines.append(f"    credentials: {o['credentials']}")
        lines += ["    " + line for line in o["repository"].split("\n") if line]
        with open(self.daemon.config, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")

    # ---- what happens ----

    def tidegate(self, *arguments, ok=True, **options):
        command = arguments[0]
        return run(BINARY, command, "-c", self.daemon.config, *arguments[1:], ok=ok,
                   env=self.daemon.environment, cwd=self.directory, **options)

    def list(self, noun, *arguments):
        return json.loads(self.tidegate(noun, "list", "--format", "json", *arguments).stdout)[noun]

    def show(self, noun, name):
        return json.loads(self.tidegate(noun, "show", str(name), "--format", "json").stdout)

    def deliver(self, commit, delivery=None, **facts):
        """Tell the receiver of a merge."""
        self.pulls += 1
        facts.setdefault("number", self.pulls)
        return self.provider.send(merge_event(commit, **facts), delivery=delivery)

    def release(self, files, **facts):
        """Merge, tell, and wait for the delivery to be carried: its row."""
        commit = self.origin.merge(files)
        answer = self.deliver(commit, **facts)
        check_equal(answer.status, 202, f"status ({answer.body})")
        return self.carried(answer.delivery)

    def delivery(self, number):
        return self.show("deliveries", number)

    def carried(self, number, timeout=60):
        """Wait until a delivery is through."""
        def through():
            row = self.delivery(number)
            return row if row["state"] not in ("queued", "processing") else None
        return wait_for(f"delivery {number}", through, timeout=timeout, step=0.1)

    def rollout(self, name):
        return self.show("rollouts", name)

    def stages(self, name):
        """{environment: status} of a rollout."""
        return {s["environment"]: s["status"] for s in self.rollout(name)["stages"]}

    def stage(self, name, environment, status, timeout=60):
        """Wait until a stage of a rollout has this status."""
        seen = {}

        def there():
            seen.update(self.stages(name))
            return seen[environment] == status
        try:
            wait_for("", there, timeout=timeout, step=0.1)
        except Failed:
            raise Failed(f"stage {environment} is {seen.get(environment)}, not {status}: "
                         f"{json.dumps(self.rollout(name))[:1500]}") from None

    def revisions(self, environment):
        """Versions in the target's ledger, in order, read by the command."""
        kept = self.list("revisions",
                         f"instances/{environment}/databases/{self.targets[environment].name}")
        return [r["version"] for r in kept]


# ---- raw HTTP, for what curl would not send ----

def raw(port, data, timeout=10.0, pause=0.0, end=True):
    """Send bytes, read until the other side closes. (answer bytes, whether it closed)"""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        chunks = data if isinstance(data, (list, tuple)) else [data]
        with contextlib.suppress(ConnectionError):
            for chunk in chunks:
                s.sendall(chunk)
                if pause:
                    time.sleep(pause)
        out = b""
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    return out, True
                out += part
        except socket.timeout:
            return out, False
        except ConnectionError:
            return out, True


def main(module):
    """Run the test functions of a file in their order; arguments choose by part of the name."""
    if module != "__main__":
        return
    tests = [(n, f) for n, f in sys.modules["__main__"].__dict__.items()
             if n.startswith("test_") and callable(f)]
    chosen = [(n, f) for n, f in tests
              if len(sys.argv) < 2 or any(a in n for a in sys.argv[1:])]
    if not chosen:
        sys.exit(f"no test of that name; there are: {' '.join(n for n, _ in tests)}")
    failed = 0
    for name, function in chosen:
        title = (function.__doc__ or name).strip().split("\n")[0].rstrip(".")
        started = time.monotonic()
        try:
            function()
            print(f"ok {title} ({time.monotonic() - started:.1f} s)", flush=True)
        except Failed as e:
            failed += 1
            line = traceback.extract_tb(e.__traceback__)
            here = [f for f in line if f.filename == sys.modules["__main__"].__file__]
            print(f"not ok {title} [{name}:{here[-1].lineno if here else '?'}] {e}", flush=True)
        except Exception:  # one broken test must not hide the others
            failed += 1
            print(f"not ok {title} [{name}]", flush=True)
            traceback.print_exc(file=sys.stdout)
    sys.exit(1 if failed else 0)
