#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What webhooks do not say: each provider's API is asked, and fails in every way there is."""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tide  # noqa: E402
from tide import World, check, check_equal, check_in  # noqa: E402
from provider_stub import AZURE_REPOSITORY, PROVIDERS, Stub  # noqa: E402

FILES = {"migrations/1__a.sql": "create table a (n integer);\n"}
MORE = {"migrations/2__b.sql": "create table b (n integer);\n"}
TOKEN = "a-token-for-the-api"
HOOK_ID = "11111111-1111-4111-8111-111111111111"


class Api:
    """A World whose repository is one of the provider's, with the stub as its API."""

    def __init__(self, provider, api=True, keys="", token=TOKEN, certificate=None, ca_file=None,
                 top="", timeout="2s"):
        self.name = provider
        self.stub = Stub(provider, token=TOKEN, certificate=certificate)
        self.w = World(start=False, top=top)
        self.w.daemon.environment["API_TOKEN"] = token
        lines = []
        if api:
            ca = f", ca_file: {ca_file}" if ca_file else ""
            lines.append(f"api: {{url: \"{self.stub.url}\", token: {{env: API_TOKEN}}, "
                         f"timeout: {timeout}{ca}}}")
        lines += [keys] if keys else []
        self.w.configure(provider=provider, repository="\n".join(lines))
        self.w.daemon.start()

    def __enter__(self):
        self.w.__enter__()
        self.stub.__enter__()
        return self

    def __exit__(self, *why):
        self.stub.__exit__(*why)
        return self.w.__exit__(*why)

    # ---- webhooks, written by hand ----

    def event(self, number, commit, **facts):
        """(headers, body) of a merge as the provider sends it; commit None: it does not say."""
        pull = self.stub.pulls.get(number)
        branch = facts.get("branch", "main")
        author = facts.get("author", pull.author if pull else 7)
        if self.name in ("github", "gitea"):
            body = tide.merge_event(commit, number=number, author=author, login="mona")
            kind = "GitHub" if self.name == "github" else "Gitea"
            return {f"X-{kind}-Event": "pull_request", f"X-{kind}-Delivery": str(uuid.uuid4())}, body
        if self.name == "gitlab":
            attributes = {"id": 99, "iid": number, "title": "t", "state": "merged",
                          "action": "merge", "author_id": author, "target_branch": branch,
                          "source_branch": "change", "target_project_id": 15,
                          "source_project_id": 15, "merge_commit_sha": commit,
                          "last_commit": {"id": "e" * 40}}
            body = {"object_kind": "merge_request", "user": {"id": 1, "username": "root"},
                    "project": {"id": 15, "path_with_namespace": "acme/app"},
                    "object_attributes": attributes}
            return {"X-Gitlab-Event": "Merge Request Hook", "Idempotency-Key": str(uuid.uuid4())}, body
        if self.name == "bitbucket":
            body = {"actor": {"nickname": "otto"}, "repository": {"full_name": "acme/app"},
                    "pullrequest": PROVIDERS[self.name].render(self.stub, pull)}
            body["pullrequest"]["merge_commit"] = {"hash": commit} if commit else None
            return {"X-Event-Key": "pullrequest:fulfilled", "X-Request-UUID": str(uuid.uuid4())}, body
        if self.name == "bitbucket-server":
            body = {"eventKey": "pr:merged", "actor": {"name": "otto"},
                    "pullRequest": PROVIDERS[self.name].render(self.stub, pull)}
            body["pullRequest"]["properties"] = {"mergeCommit": {"id": commit}} if commit else {}
            body["pullRequest"]["state"] = "MERGED"
            return {"X-Event-Key": "pr:merged", "X-Request-Id": str(uuid.uuid4())}, body
        body = {"id": str(uuid.uuid4()), "eventType": "git.pullrequest.merged",
                "subscriptionId": facts.get("subscription", HOOK_ID),
                "resource": PROVIDERS["azure"].render(self.stub, pull)}
        body["resource"].update(status="completed", mergeStatus="succeeded",
                                lastMergeCommit={"commitId": commit},
                                targetRefName="refs/heads/" + branch)
        return {}, body

    def send(self, number, commit, **facts):
        headers, body = self.event(number, commit, **facts)
        return self.post(headers, json.dumps(body).encode())

    def post(self, headers, body):
        mac = "sha256=" + hmac.new(tide.SECRET.encode(), body, hashlib.sha256).hexdigest()
        proof = {"github": ("X-Hub-Signature-256", mac), "gitlab": ("X-Gitlab-Token", tide.SECRET),
                 "bitbucket": ("X-Hub-Signature", mac), "bitbucket-server": ("X-Hub-Signature", mac),
                 "gitea": ("X-Gitea-Signature", mac[len("sha256="):]),
                 "azure": ("Authorization", "Basic " + base64.b64encode(
                     b":" + tide.SECRET.encode()).decode())}[self.name]
        request = urllib.request.Request(self.w.provider.url, body, dict(
            headers, **{"Content-Type": "application/json", proof[0]: proof[1]}))
        try:
            with urllib.request.urlopen(request, timeout=30) as r:
                return tide.Answer(r.status, r.read().decode())
        except urllib.error.HTTPError as e:
            return tide.Answer(e.code, e.read().decode())

    # ---- what becomes of it ----

    def carried(self, answer):
        check(answer.status in (200, 202), f"status {answer}")
        return self.w.carried(answer.delivery)

    def released(self, answer, version="1"):
        row = self.carried(answer)
        check_equal(row["state"], "released", f"state ({row['reason']})")
        self.w.stage(row["rollout"], "dev", "DONE")
        check_in(version, self.w.revisions("dev"), "revisions")
        return row

    def waiting(self, answer):
        """The row after the first attempt that left it queued."""
        def tried():
            row = self.w.delivery(answer.delivery)
            return row if row["attempts"] >= 1 and row["state"] == "queued" else None
        return tide.wait_for("an attempt to end", tried, timeout=45)

    def merge(self, number, files=None, **facts):
        commit = self.w.origin.merge(files or FILES)
        self.stub.add(number, commit, **facts)
        return commit

    def token_is_nowhere(self):
        check(TOKEN not in self.w.daemon.log(), "the token is in the log")
        for row in self.w.list("deliveries"):
            check(TOKEN not in json.dumps(row), "the token is in a delivery")
        for path, _ in self.stub.requests:
            check(TOKEN not in path, "the token is in a url")


# ---- what is missing is asked ----

def null_commit(provider, **facts):
    with Api(provider) as a:
        a.merge(12, **facts)
        row = a.released(a.send(12, None))
        headers = a.stub.requests[0][1]
        check(headers["User-Agent"].startswith("tidegate/"), f"User-Agent {headers['User-Agent']}")
        check_equal(len(a.stub.asked("12")), 1, "requests for the pull request")
        a.token_is_nowhere()
        return row


def test_github():
    """GitHub: a merge without its commit is released by what the API says"""
    null_commit("github")


def test_gitea():
    """Gitea: a merge without its commit is released by what the API says"""
    null_commit("gitea")


def test_bitbucket():
    """Bitbucket Cloud: the API's 12 digits are made whole in the mirror"""
    null_commit("bitbucket")


def test_gitlab():
    """GitLab: merge commit, else squash commit, else head, as the API has them"""
    with Api("gitlab") as a:
        a.stub.users[7] = {"id": 7, "username": "mona", "name": "Mona", "bot": False}
        commit = a.w.origin.merge(FILES)
        a.stub.add(12, None, head=commit)
        a.released(a.send(12, None))
        commit = a.w.origin.merge(MORE)
        a.stub.add(13, None, squash=commit, head="e" * 40)
        a.released(a.send(13, None), version="2")
        a.token_is_nowhere()


def test_bitbucket_server():
    """Bitbucket Data Center: a remote merge is released by the commit of its activities"""
    with Api("bitbucket-server") as a:
        commit = a.w.origin.merge(FILES)
        a.stub.add(12, None, activities=[{"action": "COMMENTED"},
                                         {"action": "MERGED", "commit": {"id": commit}}])
        a.released(a.send(12, None))
        a.merge(13, MORE)
        a.released(a.send(13, None), version="2")
        a.stub.add(14, None)
        row = a.carried(a.send(14, None))
        check_equal(row["state"], "refused")
        check_in("which commit", row["reason"])


def test_azure():
    """Azure DevOps: the commit of the API counts, not that of the body"""
    with Api("azure") as a:
        a.merge(12)
        a.released(a.send(12, "c" * 40))
        check_equal(len(a.stub.asked("/pullrequests/12")), 1, "requests")
        a.token_is_nowhere()


def test_not_needed():
    """a merge that says all asks nothing"""
    for provider in ("github", "gitea", "bitbucket", "bitbucket-server"):
        with Api(provider) as a:
            commit = a.merge(12)
            a.released(a.send(12, commit[:12] if provider == "bitbucket" else commit))
            check_equal(a.stub.requests, [], f"requests of {provider}")


def test_short_commit():
    """a commit of 12 digits needs no API; one that nothing begins with is not released"""
    with Api("bitbucket", api=False) as a:
        commit = a.merge(12)
        row = a.released(a.send(12, commit[:12]))
        check_equal(a.w.show("releases", row["release"])["commit"], commit)
        again = a.carried(a.send(12, commit))
        check_equal(again["release"], row["release"])
        row = a.waiting(a.send(12, "0123456789ab"))
        check_in("begins with 0123456789ab", row["reason"])


def test_simulate():
    """every provider's simulated merge goes from HTTP to a rolled-out release"""
    for provider in PROVIDERS:
        keys = f"repository_ids: [{AZURE_REPOSITORY}]\nsubscription_ids: [{HOOK_ID}]"
        with Api(provider, keys=keys if provider == "azure" else "") as a:
            a.stub.users[583231] = {"id": 583231, "username": "octocat", "bot": False}
            commit = a.merge(1)
            a.w.tidegate("simulate", "app", "merge", "--commit", commit)
            row = tide.wait_for(f"the release of {provider}", lambda: next(
                (d for d in a.w.list("deliveries") if d["state"] not in ("queued", "processing")),
                None))
            check_equal(row["state"], "released", f"{provider} ({row['reason']})")
            a.w.stage(row["rollout"], "dev", "DONE")


def test_without_api():
    """without an API what is needed is refused, with a reason that names the key"""
    for provider in PROVIDERS:
        if provider == "azure":
            continue
        with Api(provider, api=False) as a:
            a.merge(12)
            answer = a.send(12, None)
            row = a.w.delivery(answer.delivery)
            check_equal(row["state"], "refused", f"state of {provider}")
            check_in("'api'", row["reason"])


# ---- authors ----

def users(a):
    return json.loads(a.w.tidegate("users", "list", "--format", "json").stdout)["users"]


def test_author():
    """GitLab: the author is who the API says, bots by its mark"""
    with Api("gitlab") as a:
        a.stub.users[7] = {"id": 7, "username": "mona", "name": "Mona", "bot": False}
        a.stub.users[8] = {"id": 8, "username": "deploy", "name": "Deploy", "bot": True}
        a.stub.users[9] = {"id": 9, "username": "project_1_bot", "name": "A joker", "bot": False}
        for number, author in ((1, 7), (2, 8), (3, 9)):
            commit = a.merge(number, {f"migrations/{number}__x.sql": f"create table t{number} (n int);\n"},
                             author=author)
            a.released(a.send(number, commit), version=str(number))
        check_equal(len(a.stub.asked("/users/")), 3, "users asked for")
        check_equal(a.stub.asked("/merge_requests"), [], "merge requests asked for")
        check_equal(sorted((u["id"], u["login"]) for u in users(a)),
                    [("7", "mona"), ("9", "project_1_bot")])


def test_author_unknown():
    """GitLab: an API that fails leaves the author counted by id, and the release goes on"""
    with Api("gitlab") as a:
        a.stub.always = "401"
        commit = a.merge(12)
        row = a.released(a.send(12, commit))
        check_in("401", row["reason"])
        check_equal([u["id"] for u in users(a)], ["7"])
    with Api("gitlab", api=False) as a:
        commit = a.merge(12)
        row = a.released(a.send(12, commit))
        check_equal(row["reason"], None)
        check_equal([u["id"] for u in users(a)], ["7"])


# ---- how it fails ----

def test_unauthorized():
    """a token that is refused fails the delivery; replayed with the right one it is released"""
    with Api("github", token="not-the-token") as a:
        a.merge(12)
        row = a.carried(a.send(12, None))
        check_equal(row["state"], "failed", f"state ({row['reason']})")
        check_in("api.token", row["reason"])
        check("not-the-token" not in a.w.daemon.log() + row["reason"], "the token is shown")
        check_equal(len(a.stub.requests), 1, "requests")
        path = os.path.join(a.w.directory, "api.token")
        with open(path, "w", encoding="utf-8") as f:
            f.write(TOKEN + "\n")
        a.w.configure(repository=f"api: {{url: \"{a.stub.url}\", token: {{file: {path}}}}}")
        before = len(a.w.daemon.log())
        a.w.daemon.reload()
        tide.wait_for("the reload", lambda: "reload" in a.w.daemon.log()[before:])
        a.w.tidegate("replay", row["id"], "--wait")
        check_equal(a.w.revisions("dev"), ["1"])


def test_not_found():
    """a pull request that is not there yet is asked for again"""
    with Api("github") as a:
        commit = a.w.origin.merge(FILES)
        answer = a.send(12, None)
        check_in("404", a.waiting(answer)["reason"])
        a.stub.add(12, commit)
        a.released(answer)


def test_too_many_requests():
    """Retry-After is waited for when it is short, and otherwise the delivery waits"""
    with Api("github") as a:
        a.merge(12)
        a.stub.mishaps = ["429:2"]
        started = time.monotonic()
        a.released(a.send(12, None))
        check(time.monotonic() - started >= 2, "it did not wait")
        check_equal(len(a.stub.requests), 2, "requests")
        a.merge(13, MORE)
        a.stub.mishaps = ["429:3600"]
        answer = a.send(13, None)
        check_in("429", a.waiting(answer)["reason"])
        check_equal(len(a.stub.asked("13")), 1, "requests")
        a.released(answer, version="2")


def test_errors_that_pass():
    """500 twice and then an answer is an answer; three times is a wait"""
    with Api("gitea") as a:
        a.merge(12)
        a.stub.mishaps = ["500", "503"]
        row = a.released(a.send(12, None))
        check_equal(row["attempts"], 1)
        a.merge(13, MORE)
        a.stub.mishaps = ["500", "502", "503"]
        answer = a.send(13, None)
        check_in("503", a.waiting(answer)["reason"])
        a.released(answer, version="2")


def test_hang():
    """an API that does not answer is given up at api.timeout, and asked later"""
    with Api("github", timeout="300ms") as a:
        a.merge(12)
        a.stub.mishaps = ["hang", "hang", "hang"]
        answer = a.send(12, None)
        check_in("300 ms", a.waiting(answer)["reason"])
        a.released(answer)


def test_stop_while_hanging():
    """SIGTERM does not wait for an API"""
    with Api("github", timeout="60s") as a:
        a.merge(12)
        a.stub.always = "hang"
        answer = a.send(12, None)
        tide.wait_for("the request", lambda: a.stub.requests)
        started = time.monotonic()
        check_equal(a.w.daemon.stop(), 0, "exit code")
        check(time.monotonic() - started < 10, "it waited")
        a.stub.always = None
        a.w.daemon.start()
        a.released(answer)


def test_gone():
    """an API that nothing listens at is asked later"""
    with Api("github") as a:
        port = tide.free_port()
        a.w.configure(repository=f"api: {{url: \"http://127.0.0.1:{port}/api/v3\"}}")
        a.w.daemon.stop()
        a.w.daemon.start()
        a.merge(12)
        check_in("no answer from", a.waiting(a.send(12, None))["reason"])


def test_huge():
    """an answer without end is cut off"""
    with Api("github", timeout="20s") as a:
        a.merge(12)
        a.stub.mishaps = ["huge"]
        row = a.carried(a.send(12, None))
        check_equal(row["state"], "failed", f"state ({row['reason']})")
        check_in("longer than", row["reason"])


def test_unreadable():
    """an answer that is no JSON, or about something else, releases nothing"""
    for mishap, words in (("json", "no JSON"), ("empty", "asked was for")):
        with Api("github") as a:
            a.merge(12)
            a.stub.mishaps = [mishap]
            row = a.carried(a.send(12, None))
            check_equal(row["state"], "refused", f"state ({row['reason']})")
            check_in(words, row["reason"])


def test_redirect():
    """no redirect is followed"""
    with Stub("github") as other, Api("github") as a:
        a.merge(12)
        other.add(12, a.w.origin.head())
        a.stub.mishaps = ["redirect:" + other.url + "/repos/acme/app/pulls/12"]
        row = a.carried(a.send(12, None))
        check_equal(row["state"], "refused", f"state ({row['reason']})")
        check_in("redirect", row["reason"])
        check_equal(other.requests, [], "requests at the other host")


def test_not_merged():
    """what the API says is not merged is not released"""
    with Api("github") as a:
        a.merge(12, state="closed")
        row = a.carried(a.send(12, None))
        check_equal(row["state"], "refused", f"state ({row['reason']})")
        check_in("not merged", row["reason"])
        a.merge(13, branch="other")
        row = a.carried(a.send(13, None))
        check_equal(row["state"], "refused", f"state ({row['reason']})")
        check_in("'other'", row["reason"])


def test_certificate():
    """a certificate is verified: by the system's CAs, or those of api.ca_file"""
    with World(start=False) as w:
        pem, key = os.path.join(w.directory, "both.pem"), os.path.join(w.directory, "key.pem")
        cert = os.path.join(w.directory, "cert.pem")
        tide.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                 "-subj", "/CN=api.test", "-addext", "subjectAltName=IP:127.0.0.1",
                 "-keyout", key, "-out", cert)
        with open(pem, "w", encoding="utf-8") as both:
            for part in (cert, key):
                with open(part, encoding="utf-8") as f:
                    both.write(f.read())
        with Api("github", certificate=pem) as a:
            a.merge(12)
            row = a.carried(a.send(12, None))
            check_equal(row["state"], "failed", f"state ({row['reason']})")
            check_in("ca_file", row["reason"])
            check_equal(a.stub.requests, [], "requests")
        with Api("github", certificate=pem, ca_file=cert) as a:
            a.merge(12)
            a.released(a.send(12, None))


# ---- Azure DevOps ----

def test_azure_queued():
    """Azure DevOps: a completion that is under way is waited for"""
    for state in (("active", "queued"), ("active", "succeeded"), ("completed", "queued")):
        with Api("azure") as a:
            commit = a.merge(12, state=state)
            answer = a.send(12, commit)
            check_in("not merged yet", a.waiting(answer)["reason"])
            a.stub.pulls[12].state = "merged"
            a.released(answer)


def test_azure_other():
    """Azure DevOps: what the API says of state, branch and repository is final"""
    cases = (({"state": ("abandoned", "notSet")}, "abandoned"),
             ({"state": ("active", "conflicts")}, "conflicts"),
             ({"state": ("completed", "failure")}, "failure"),
             ({"branch": "other"}, "'other'"))
    with Api("azure") as a:
        for number, (facts, words) in enumerate(cases, 20):
            commit = a.merge(number, **facts)
            row = a.carried(a.send(number, commit))
            check_equal(row["state"], "refused", f"state of {facts} ({row['reason']})")
            check_in(words, row["reason"])
        a.stub.always = "401"
        row = a.carried(a.send(20, "c" * 40))
        check_equal(row["state"], "failed", f"state ({row['reason']})")
        a.stub.always = "redirect:https://login.example.com/"
        row = a.carried(a.send(20, "c" * 40))
        check_equal(row["state"], "refused", f"state ({row['reason']})")
        check_equal(a.w.revisions("dev"), [])


FABRIKAM = {
    "subscriptionId": "00000000-0000-0000-0000-000000000000", "notificationId": 1,
    "id": "6872ee8c-b333-4eff-bfb9-0d5274943566", "eventType": "git.pullrequest.merged",
    "publisherId": "tfs", "resource": {
        "repository": {"id": "4bc14d40-c903-45e2-872e-0462c7748079", "name": "app",
                       "project": {"id": "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c", "name": "acme"},
                       "remoteUrl": "https://fabrikam.visualstudio.com/_git/Fabrikam"},
        "pullRequestId": 1, "status": "completed", "title": "my first pull request",
        "createdBy": {"id": "54d125f7-69f7-4191-904f-c5b96b6261c8", "displayName": "Jamal Hartnett",
                      "uniqueName": "fabrikamfiber4@hotmail.com"},
        "sourceRefName": "refs/heads/mytopic", "targetRefName": "refs/heads/main",
        "mergeStatus": "succeeded",
        "lastMergeCommit": {"commitId": "eef717f69257a6333f221566c1c987dc94cc0d72"}}}


def test_azure_allow_lists():
    """Azure DevOps: ids that are not listed are refused, among them those of the sample"""
    body = json.dumps(FABRIKAM).encode()
    keys = {f"repository_ids: [{AZURE_REPOSITORY.upper()}]": "repository_ids",
            f"subscription_ids: [{HOOK_ID}]": "subscription_ids"}
    for key, words in keys.items():
        with Api("azure", keys=key) as a:
            answer = a.post({}, body)
            row = a.w.delivery(answer.delivery)
            check_equal(row["state"], "refused", f"state ({row['reason']})")
            check_in(words, row["reason"])
            check_equal(a.stub.requests, [], "requests")
            commit = a.merge(12)
            a.released(a.send(12, commit))


# ---- merges that never arrived ----

def fetch(a, *arguments, ok=True):
    done = a.w.tidegate("deliveries", "fetch-missed", "--repository", "app", "--since", "2h",
                        "--format", "json", *arguments, ok=ok)
    return json.loads(done.stdout) if ok else done


def test_fetch_missed():
    """every provider: what never arrived is found, queued once, and rolled out"""
    for provider in PROVIDERS:
        keys = (f"repository_ids: [{AZURE_REPOSITORY}]\nsubscription_ids: [{HOOK_ID}]"
                if provider == "azure" else "")
        with Api(provider, keys=keys) as a:
            now = time.time()
            a.stub.users[7] = {"id": 7, "username": "mona", "name": "Mona", "bot": False}
            commit = a.merge(1, merged=now - 60)
            a.released(a.send(1, commit[:12] if provider == "bitbucket" else commit))
            missed = a.merge(2, MORE, merged=now - 30)
            a.stub.add(3, "a" * 40, merged=now - 4 * 3600)
            a.stub.add(4, "b" * 40, branch="other", merged=now - 20)
            a.stub.add(5, "c" * 40, state="closed", merged=now - 20)
            found = fetch(a, "--dry-run")
            check_equal((found["found"], found["known"], found["missing"], found["queued"]),
                        (2, 1, 1, 0), f"counts of {provider}")
            check_equal([p["number"] for p in found["pull_requests"]], ["1", "2"])
            check_equal(len(a.w.list("deliveries")), 1, "deliveries after a dry run")
            found = fetch(a)
            row = found["pull_requests"][1]
            check_equal((row["status"], found["queued"]), ("queued", 1), f"of {provider}")
            check(missed.startswith(row["merge_commit"]), "another commit")
            done = a.w.carried(row["delivery"])
            check_equal((done["state"], done["source"]), ("released", "reconcile"),
                        f"{provider} ({done['reason']})")
            a.w.stage(done["rollout"], "dev", "DONE")
            check_equal(a.w.revisions("dev"), ["1", "2"])
            found = fetch(a)
            check_equal((found["known"], found["queued"]), (2, 0), f"of {provider}, again")
            a.token_is_nowhere()


def test_fetch_missed_after_refusal():
    """a merge whose delivery was refused, or said not merged, is found as well"""
    with Api("github") as a:
        commit = a.merge(1)
        answer = a.post({"X-GitHub-Event": "pull_request", "X-GitHub-Delivery": "race"}, json.dumps(
            tide.merge_event(commit, number=1, merged=False)).encode())
        check_equal(a.w.delivery(answer.delivery)["state"], "ignored")
        found = fetch(a)
        check_equal(found["queued"], 1, "queued")
        a.w.carried(found["pull_requests"][0]["delivery"])
        check_equal(a.w.list("deliveries")[0]["state"], "released")


def test_fetch_missed_pages():
    """lists are read to their end, page by page"""
    for provider in PROVIDERS:
        with Api(provider) as a:
            now = time.time()
            for number in range(1, 121):
                a.stub.add(number, f"{number:040x}", merged=now - number)
            a.stub.page_max = 30
            found = fetch(a, "--dry-run")
            check_equal(found["missing"], 120, f"missing of {provider}")
            check_equal(found["complete"], True, "complete")
            check(3 <= a.stub.pages <= 5, f"{a.stub.pages} pages of {provider}")


def test_fetch_missed_refusals():
    """fetch-missed says clearly what it cannot do"""
    with Api("github") as a:
        a.stub.always = "401"
        done = fetch(a, ok=False)
        check_equal(done.returncode, 1, "exit code with a wrong token")
        check_in("api.token", done.stderr)
        a.stub.always = "json"
        check_equal(fetch(a, ok=False).returncode, 1, "exit code of an unreadable answer")
        a.stub.always = None
        for arguments, words in ((["--repository", "app"], "--since"),
                                 (["--since", "2h"], "--repository"),
                                 (["--repository", "nope", "--since", "2h"], "nope")):
            done = a.w.tidegate("deliveries", "fetch-missed", *arguments, ok=False)
            check_equal(done.returncode, 2, f"exit code of {arguments}")
            check_in(words, done.stderr)
        for repository, words in (("", "'api'"), ("trigger: push", "trigger: push")):
            a.w.configure(repository=repository)
            done = fetch(a, ok=False)
            check_equal(done.returncode, 2, "exit code")
            check_in(words, done.stderr)
        a.w.configure(provider="git", repository="", secrets="[]")
        done = fetch(a, ok=False)
        check_equal(done.returncode, 2, f"exit code for git ({done.stderr})")
        check_in("has no API", done.stderr)


def test_configuration():
    """an API that cannot be reached as configured is a mistake in the configuration"""
    cases = (("gitlab", "api: {token: {env: API_TOKEN}}", "api.url"),
             ("gitea", "api: {}", "api.url"),
             ("azure", "api: {}", "api.url"),
             ("github", "api: {url: \"ftp://api.example.com\"}", "malformed url"),
             ("github", "api: {url: \"https://user:pass@api.example.com\"}", "token"),
             ("github", "api: {url: \"https://api.example.com/?x=1\"}", "query"),
             ("github", "api: {token: ghp_0123456789}", "env"),
             ("github", "api: {url: \"https://h/x\", username: me}", "token"))
    with World(start=False) as w:
        w.daemon.environment["API_TOKEN"] = TOKEN
        for provider, repository, words in cases:
            w.configure(provider=provider, repository=repository)
            done = w.tidegate("config", "check", ok=False)
            check_equal(done.returncode, 2, f"exit code of {repository}")
            check_in(words, done.stderr)
            check("pass@" not in done.stderr and "ghp_" not in done.stderr, "a secret is shown")
        w.configure(provider="gitlab", repository="api: {token: {env: API_TOKEN}}",
                    clone_url="https://gitlab.com/acme/app.git")
        w.tidegate("config", "check")
        shown = w.tidegate("config", "show").stdout
        check(TOKEN not in shown, "the token is shown")


tide.main(__name__)
