#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What knocks at the receiver's door, and what it is told."""

import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in, merge_event, raw  # noqa: E402

FILES = {"migrations/1__a.sql": "create table a (n integer);\n"}
CAP = 26214400


def kept(w):
    return len(w.list("deliveries"))


def test_ping():
    """ping is answered 200"""
    with World() as w:
        answer = w.provider.send({"zen": "Keep it logically awesome.", "hook_id": 1}, event="ping")
        check_equal(answer.status, 200, f"status ({answer.body})")


def test_no_interest():
    """events of no interest are answered 200 and recorded as ignored with the reason"""
    with World() as w:
        commit = w.origin.merge(FILES)
        cases = [
            ("pull_request", merge_event(commit, action="opened", merged=False), "opened"),
            ("pull_request", merge_event(commit, merged=False), "merged"),
            ("pull_request", merge_event(commit, branch="release-1"), "release-1"),
            ("push", tide.push_event(commit), "push"),
            ("issues", {"action": "opened", "repository": {"full_name": "acme/app"}}, "issues"),
        ]
        for event, body, word in cases:
            answer = w.provider.send(body, event=event)
            check_equal(answer.status, 200, f"status of {word} ({answer.body})")
            row = w.delivery(answer.delivery)
            check_equal(row["state"], "ignored", f"state of {word}")
            check_in(word, row["reason"], "reason")
        check_equal(w.list("releases"), [])


def test_signatures():
    """wrong, missing, empty, doubled and SHA-1 signatures are answered 401 and leave no trace"""
    with World() as w:
        body = merge_event(w.origin.merge(FILES))
        ident = "11111111-2222-4333-8444-555555555555"
        hollow = "sha256=" + "0" * 64
        good = None
        cases = [
            {"secret": "another secret of some length"},
            {"signature": ""},
            {"signature": hollow},
            {"signature": "sha256="},
            {"signature": "sha256=" + "0" * 63},
            {"signature": "sha256=" + "zz" * 32},
            {"signature": "", "headers": ["X-Hub-Signature: sha1=" + "0" * 40]},
            {"headers": ["X-Hub-Signature-256: " + hollow]},
        ]
        for case in cases:
            answer = w.provider.send(body, delivery=ident, **case)
            check_equal(answer.status, 401, f"status of {case} ({answer.body})")
        check_equal(kept(w), 0, "deliveries kept")
        # the id was not burnt by those who could not sign
        good = w.provider.send(body, delivery=ident)
        check_equal(good.status, 202, f"status ({good.body})")


def test_rotation():
    """two secrets are good while one is being rotated"""
    with World(secrets="[{env: OLD_SECRET}, {env: NEW_SECRET}]", start=False) as w:
        w.daemon.environment.update(OLD_SECRET="the old secret 0123456789",
                                    NEW_SECRET="the new secret 9876543210")
        w.daemon.start()
        for number, secret in enumerate(["the old secret 0123456789", "the new secret 9876543210"]):
            commit = w.origin.merge({f"migrations/{number + 1}__x.sql": "select 1;\n"})
            answer = w.provider.send(merge_event(commit, number=number + 1), secret=secret)
            check_equal(answer.status, 202, f"status ({answer.body})")
        check_equal(w.provider.send(merge_event(commit)).status, 401)


def test_form():
    """GitHub's form encoding is taken, signed over the encoded form"""
    with World() as w:
        commit = w.origin.merge(FILES)
        payload = merge_event(commit, title="pay 100% & more + \u00e9\u20ac\U0001f600")
        answer = w.provider.send(w.provider.form(payload),
                                 content_type="application/x-www-form-urlencoded")
        check_equal(answer.status, 202, f"status ({answer.body})")
        row = w.carried(answer.delivery)
        check_equal(row["state"], "released", f"state ({row['reason']})")
        check_equal(row["event"]["pull_request"]["title"], payload["pull_request"]["title"])


def test_content_type():
    """another content type is answered 415"""
    with World() as w:
        for kind in ["text/plain", "application/xml", "multipart/form-data"]:
            answer = w.provider.send(merge_event(tide.BLANK_SHA), content_type=kind)
            check_equal(answer.status, 415, f"status of {kind} ({answer.body})")


def test_paths_and_methods():
    """unknown endpoints are 404, other methods 405"""
    with World() as w:
        body = merge_event(tide.BLANK_SHA)
        for path in ["/webhooks/nobody", "/webhooks/", "/webhooks/app/x", "/webhooks/APP",
                     "/webhooks/%61pp", "/elsewhere"]:
            answer = w.provider.send(body, url=w.url + path)
            check_equal(answer.status, 404, f"status of {path} ({answer.body})")
        for method in ["GET", "PUT", "DELETE"]:
            answer = w.provider.send(body, curl=["-X", method])
            check_equal(answer.status, 405, f"status of {method} ({answer.body})")
        check_equal(kept(w), 0, "deliveries kept")


def test_huge_body():
    """a body over the cap is answered 413, announced or chunked, and one at the cap is taken"""
    with World(top="limits: {max_body: 1MiB}") as w:
        body = json.dumps(merge_event(w.origin.merge(FILES)))
        cap = 1048576
        answer = w.provider.send(body + " " * (cap - len(body)))
        check_equal(answer.status, 202, f"status at the cap ({answer.body})")
        over = body + " " * (cap + 1 - len(body))
        answer = w.provider.send(over)
        check_equal(answer.status, 413, f"status over the cap ({answer.body})")
        answer = w.provider.send(over, headers=["Transfer-Encoding: chunked"], curl=["--http1.1"])
        check_equal(answer.status, 413, f"status over the cap, chunked ({answer.body})")
        answer = w.provider.send(body, headers=["Transfer-Encoding: chunked"])
        check_equal(answer.status, 202, f"status of a small chunked body ({answer.body})")


def test_announced_huge_body():
    """a body of 30 MB is refused with the default cap before it is sent"""
    with World() as w:
        head = (f"POST /webhooks/app HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                f"X-GitHub-Event: pull_request\r\nX-GitHub-Delivery: 1\r\n"
                f"X-Hub-Signature-256: sha256={'0' * 64}\r\nContent-Length: {CAP + 1}\r\n\r\n")
        got, _ = raw(w.port, head.encode())
        check_in(b" 413 ", got.split(b"\r\n")[0] + b" ", "status line")


def test_unreadable():
    """signed bodies that cannot be read are answered 422 with the place"""
    with World() as w:
        whole = json.dumps(merge_event(w.origin.merge(FILES)))
        cases = {
            "truncated": whole[:-40],
            "empty": "",
            "deep": "[" * 100000,
            "deep objects": '{"a":' * 5000 + "1" + "}" * 5000,
            "not json": "hello",
            "doubled key": '{"action":"opened",' + whole[1:],
            "nul": whole.replace("change the schema", "a\\u0000b"),
            "bad utf-8": whole.encode().replace(b"change the schema", b"\xc3\x28"),
            "trailing": whole + "{}",
            "nan": '{"action": NaN}',
            "lone surrogate": whole.replace("change the schema", "\\ud800"),
        }
        for what, body in cases.items():
            answer = w.provider.send(body)
            check_equal(answer.status, 422, f"status of {what} ({answer.body})")
            check_equal(answer.json["status"], "unreadable")
            check(len(answer.json["reason"]) > 10, f"no reason for {what}: {answer.body}")
        check_equal(w.list("releases"), [])


def test_foreign_repository():
    """a foreign repository on the endpoint is refused, with both names"""
    with World() as w:
        commit = w.origin.merge(FILES)
        answer = w.deliver(commit, repository="mallory/app")
        row = w.carried(answer.delivery)
        check_equal(row["state"], "refused")
        check_in("mallory/app", row["reason"], "reason")
        check_in("acme/app", row["reason"], "reason")
        check_equal(w.list("releases"), [])


def test_bad_commits():
    """merge commits that are none are refused"""
    with World() as w:
        for commit in [tide.BLANK_SHA, "", "HEAD", "--upload-pack=/bin/true", "a" * 39, None]:
            answer = w.deliver(commit)
            if answer.status == 422:
                continue
            row = w.carried(answer.delivery)
            # 39 digits may be the beginning of a commit, which other providers send: not found
            check(row["state"] in ("refused", "failed"), f"{commit!r} is {row['state']}")
        check_equal(w.list("releases"), [])


def request(*lines, body=b"{}"):
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def test_smuggling():
    """requests that two parsers could read differently are refused with 400 and closed"""
    with World() as w:
        start = "POST /webhooks/app HTTP/1.1"
        head = [start, "Host: x", "Content-Type: application/json"]
        cases = {
            "two lengths": head + ["Content-Length: 2", "Content-Length: 3"],
            "the same length twice": head + ["Content-Length: 2", "Content-Length: 2"],
            "length and chunked": head + ["Content-Length: 2", "Transfer-Encoding: chunked"],
            "chunked twice": head + ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
            "another coding": head + ["Transfer-Encoding: gzip, chunked"],
            "chunked, not quite": head + ["Transfer-Encoding: xchunked"],
            "chunked behind a tab": head + ["Transfer-Encoding:\x0bchunked"],
            "signed length": head + ["Content-Length: +2"],
            "negative length": head + ["Content-Length: -2"],
            "hexadecimal length": head + ["Content-Length: 0x2"],
            "list of lengths": head + ["Content-Length: 2, 2"],
            "endless length": head + ["Content-Length: 99999999999999999999999"],
            "blank before the colon": head + ["Content-Length : 2"],
            "folded header": head + ["X-A: b", " folded", "Content-Length: 2"],
            "control character": head + ["X-A: a\x01b", "Content-Length: 2"],
            "bare carriage return": head + ["X-A: a\rb", "Content-Length: 2"],
            "header without a colon": head + ["nonsense", "Content-Length: 2"],
            "empty header name": head + [": x", "Content-Length: 2"],
            "two hosts": head + ["Host: y", "Content-Length: 2"],
            "no host": [start, "Content-Length: 2"],
        }
        hidden = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
        for what, lines in cases.items():
            got, closed = raw(w.port, request(*lines) + hidden)
            right = b"413" if what == "endless length" else b"400"
            check(got[9:12] == right or (got == b"" and closed), f"{what}: answered {got[:80]!r}")
            check(closed, f"{what}: the connection stayed open")
            check(b" 404 " not in got and b" 405 " not in got,
                  f"{what}: a second request was read: {got!r}")
        check_equal(kept(w), 0, "deliveries kept")
        check_equal(w.provider.send({"zen": "x"}, event="ping").status, 200)


def test_bad_chunks():
    """malformed chunks do not become a body"""
    with World() as w:
        head = ["POST /webhooks/app HTTP/1.1", "Host: x", "Content-Type: application/json",
                "X-GitHub-Event: ping", "X-GitHub-Delivery: 1",
                "X-Hub-Signature-256: sha256=" + "0" * 64, "Transfer-Encoding: chunked"]
        for chunk in [b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n",
                      b"2\r\n{}XX0\r\n\r\n", b"ffffffffffffffffff\r\n{}\r\n"]:
            got, closed = raw(w.port, request(*head, body=chunk))
            check(b" 20" not in got[:14], f"{chunk!r}: answered {got[:60]!r}")
            check(closed, f"{chunk!r}: the connection stayed open")


def test_slow_clients():
    """a client that trickles a byte a second, and one that is silent, are ended in time"""
    with World(top="limits: {request_timeout: 2s, idle_timeout: 2s}") as w:
        silent = socket.create_connection(("127.0.0.1", w.port))
        silent.settimeout(15)
        slow = socket.create_connection(("127.0.0.1", w.port))
        slow.settimeout(0.2)
        slow.sendall(b"POST /webhooks/app HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                     b"X-GitHub-Event: ping\r\nX-GitHub-Delivery: 1\r\n"
                     b"X-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\nContent-Length: 500\r\n\r\n")
        started = time.monotonic()
        ended = False
        while not ended and time.monotonic() - started < 20:
            try:
                slow.sendall(b" ")
                time.sleep(0.8)
                ended = slow.recv(4096) == b"" or ended
            except socket.timeout:
                continue
            except ConnectionError:
                ended = True
        took = time.monotonic() - started
        check(ended and took < 12, f"the slow client was served for {took:.1f} s")
        check(silent.recv(4096)[:12] in (b"", b"HTTP/1.1 408"), "the silent client was not ended")
        slow.close()
        silent.close()
        # slow header lines count as well
        pieces = [b"POST /webhooks/app HTTP/1.1\r\nHost: x\r\n"] + [b"X-A: b\r\n"] * 10
        started = time.monotonic()
        _, closed = raw(w.port, pieces, pause=0.7, timeout=15)
        check(closed and time.monotonic() - started < 14, "slow headers were waited for")
        check_equal(w.provider.send({"zen": "x"}, event="ping").status, 200)


def test_many_connections():
    """over the bound on connections the receiver says 503 or closes, and recovers"""
    with World(top="limits: {max_connections: 32, idle_timeout: 5s}") as w:
        held = []
        for _ in range(60):
            s = socket.create_connection(("127.0.0.1", w.port))
            s.settimeout(5)
            held.append(s)
        for s in held:
            s.close()

        def served():
            try:
                return w.provider.send({"zen": "x"}, event="ping").status == 200
            except tide.Failed:
                return False
        tide.wait_for("the receiver to recover", served, timeout=20)


def test_pipelined():
    """two requests on one connection are both answered, in their order"""
    with World() as w:
        one = request("GET /webhooks/app HTTP/1.1", "Host: x", body=b"")
        got, _ = raw(w.port, one + one.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        check_equal(got.count(b"HTTP/1.1 405"), 2, "answers")


tide.main(__name__)
