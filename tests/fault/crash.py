#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the daemon with SIGKILL at random moments, 200 times and more, while deliveries come in and
migrations run; then looks whether anything was lost or done twice.

Each migration inserts rows into a table without a unique key, so that a repetition shows. Half of
the kills take the daemon's children (git) with them, as a power cut does.

    TIDEGATE_CRASH_KILLS=250   how often
    TIDEGATE_CRASH_SEED=...    the seed of an earlier run, to repeat its choices
"""

import hashlib
import hmac
import http.client
import json
import os
import random
import signal
import sys
import threading
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, wait_for  # noqa: E402

KILLS = int(os.environ.get("TIDEGATE_CRASH_KILLS", "250"))
SEED = int(os.environ.get("TIDEGATE_CRASH_SEED", str(random.SystemRandom().randrange(1 << 32))))
SPAN = float(os.environ.get("TIDEGATE_CRASH_SPAN", "0.9"))  # seconds of life at most between kills
FLEET = (("dev", "automatic"), ("test", "automatic"), ("staging", "automatic"),
         ("prod", "automatic"))
KINDS = ["sqlite", "postgresql", "sqlite", "postgresql"]

# Works in both databases and takes some tens of milliseconds.
SLOW = ("insert into t (tag) select '{tag}' where (with recursive c(n) as (select 1 union all"
        " select n + 1 from c where n < {steps}) select count(*) from c) > 0;\n")


def migration(number, chance):
    """The text of a migration and the tags that it leaves."""
    tags = [f"{number}a", f"{number}b"]
    if chance.random() < 0.4:
        middle = SLOW.format(tag=tags[0], steps=chance.choice([1000, 20000, 60000]))
    else:
        middle = f"insert into t (tag) values ('{tags[0]}');\n"
    return f"{middle}insert into t (tag) values ('{tags[1]}');\n", tags


class Sender(threading.Thread):
    """A developer who merges all the time, and the provider that tells of it."""

    def __init__(self, world, chance):
        super().__init__(daemon=True)
        self.world = world
        self.chance = chance
        self.finished = threading.Event()
        self.files = {1: "create table t (tag text);\n"}
        self.tags = []
        self.acknowledged = {}  # id -> status
        self.tries = 0
        self.number = 1
        self.failure = None

    def post(self, body, ident):
        """The status, or None when the connection broke: the outcome is unknown then."""
        mac = hmac.new(tide.SECRET.encode(), body, hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection("127.0.0.1", self.world.port, timeout=10)
        self.tries += 1
        try:
            connection.request("POST", "/webhooks/app", body, {
                "Content-Type": "application/json", "X-GitHub-Event": "pull_request",
                "X-GitHub-Delivery": ident, "X-Hub-Signature-256": "sha256=" + mac})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def tell(self, commit, number, insist):
        """Send the event; when the answer is lost send it again, under the same id, or give up."""
        ident = str(uuid.UUID(int=self.chance.getrandbits(128)))
        body = json.dumps(tide.merge_event(commit, number=number)).encode()
        while True:
            status = self.post(body, ident)
            if status in (200, 202):
                self.acknowledged[ident] = status
                return
            check(status in (None, 503), f"status {status} for delivery {ident}")
            if not insist and self.chance.random() < 0.3:
                return
            time.sleep(0.02)

    def merge(self):
        """One to three new migrations on the branch; the commit."""
        new = {}
        for _ in range(self.chance.choice([1, 1, 1, 2, 3])):
            self.number += 1
            text, tags = migration(self.number, self.chance)
            self.files[self.number] = text
            self.tags += tags
            new[f"migrations/{self.number:05d}__step.sql"] = text
        return self.world.origin.commit(new, f"migrations up to {self.number}")

    def run(self):
        try:
            first = self.world.origin.commit({"migrations/00001__t.sql": self.files[1]}, "first")
            self.tell(first, 1, insist=True)
            while not self.finished.is_set():
                commit = self.merge()
                for _ in range(self.chance.choice([1, 1, 2])):  # the provider repeats itself
                    self.tell(commit, self.number, insist=False)
                time.sleep(self.chance.random() * 0.5)
        except BaseException as e:  # told by the main thread
            self.failure = e


def children(pid):
    """The processes below `pid`."""
    found, at = [], [str(pid)]
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                parents.setdefault(f.read().rpartition(")")[2].split()[1], []).append(entry)
        except OSError:
            continue
    while at:
        below = parents.get(at.pop(), [])
        found += [int(p) for p in below]
        at += below
    return found


def kill(world, chance):
    """SIGKILL, with or without the children."""
    pids = children(world.daemon.process.pid) if chance.random() < 0.5 else []
    world.daemon.process.kill()
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    world.daemon.process.wait(30)
    return len(pids)


def drain(world, timeout=240):
    """Until every delivery is carried and every rollout is done."""
    def carried():
        left = [d for s in ("queued", "processing")
                for d in world.list("deliveries", "--state", s, "--limit", "1000")]
        return not left
    wait_for("the deliveries to be carried", carried, timeout=timeout, step=0.5)

    def done():
        rollouts = world.list("rollouts", "--limit", "100000")
        bad = [r for r in rollouts if r["status"] == "FAILED"]
        check(not bad, f"a rollout failed: {json.dumps(world.rollout(bad[0]['name']))[:3000]}"
              if bad else "")
        return all(r["status"] == "DONE" for r in rollouts)
    wait_for("the rollouts to be done", done, timeout=timeout, step=0.5)


def verify(world, sender):
    kept = world.list("deliveries", "--limit", "100000")
    by_id = {d["external_id"]: d for d in kept}
    check_equal(len(by_id), len(kept), "number of different delivery ids")
    lost = [i for i in sender.acknowledged if i not in by_id]
    check(not lost, f"{len(lost)} acknowledged deliveries are lost: {lost[:3]}")
    odd = [d for d in kept if d["state"] not in ("released", "ignored")]
    check(not odd, f"{len(odd)} deliveries ended badly: {odd[:2]}")

    wanted = sorted(sender.tags)
    for environment, target in world.targets.items():
        got = sorted(r[0] for r in target.rows("select tag from t"))
        twice = sorted({t for t in got if got.count(t) > 1}) if len(got) != len(set(got)) else []
        check(not twice, f"{environment}: ran twice: {twice[:10]}")
        missing = sorted(set(wanted) - set(got))
        check(not missing, f"{environment}: never ran: {missing[:10]}")
        check_equal(got, wanted, f"{environment}: rows")
        rows = world.list("revisions", f"instances/{environment}/databases/{target.name}")
        ledger = {int(r["version"]): r["sha256"] for r in rows}
        check_equal(len(rows), len(ledger), f"{environment}: ledger rows")
        files = {n: hashlib.sha256(t.encode()).hexdigest() for n, t in sender.files.items()}
        check(ledger == files, f"{environment}: the ledger and the files differ: "
              f"{sorted(set(ledger.items()) ^ set(files.items()))[:4]}")
    return len(kept)


def test_kills():
    """SIGKILL at random moments loses no delivery and repeats no migration"""
    print(f"seed {SEED}, {KILLS} kills", flush=True)
    chance = random.Random(SEED)
    with World(FLEET, KINDS) as w:
        sender = Sender(w, random.Random(SEED + 1))
        sender.start()
        with_children = 0
        for number in range(1, KILLS + 1):
            # early moments weigh more: a start is the time of most change
            time.sleep(SPAN * chance.random() ** 1.5)
            check(sender.failure is None, f"the sender failed: {sender.failure}")
            check(w.daemon.process.poll() is None, f"the daemon ended by itself: "
                  f"{w.daemon.process.returncode}: {w.daemon.log()[-1500:]}")
            with_children += kill(w, chance) > 0
            w.daemon.spawn()
            if number % 50 == 0:
                print(f"{number} kills, {len(sender.acknowledged)} deliveries, "
                      f"{sender.number} migrations", flush=True)
        w.daemon.await_ready()
        sender.finished.set()
        sender.join(60)
        check(sender.failure is None, f"the sender failed: {sender.failure}")
        sender.tell(w.origin.head(), sender.number, insist=True)
        drain(w)
        kept = verify(w, sender)
        print(f"{KILLS} kills ({with_children} with children): {len(sender.acknowledged)} of "
              f"{kept} deliveries acknowledged, {sender.number} migrations in each of "
              f"{len(w.targets)} databases, each exactly once", flush=True)
        check(len(sender.acknowledged) >= KILLS / 4, "too few deliveries to prove anything")


tide.main(__name__)
