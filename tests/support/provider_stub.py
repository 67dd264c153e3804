# SPDX-License-Identifier: Apache-2.0
"""The API of each provider, as far as Tidegate asks it, over real HTTP on loopback.

A Stub holds pull requests and users and answers as the provider's documentation has it. `mishaps`
is a list of what goes wrong with the next requests, one each: "401", "403", "404", "500",
"429" or "429:SECONDS" (with Retry-After), "hang", "huge", "json", "empty", "redirect:URL".
`always` goes wrong with every request. What was asked is kept in `requests`.
"""

import base64
import http.server
import json
import ssl
import threading
import time
import urllib.parse

ZERO_TIME = "2026-11-23T10:11:12Z"


def at(seconds, fraction=""):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + fraction + "Z"


class Pull:
    """A pull request. `commit`: what the API says; None: nothing."""

    def __init__(self, number, commit, **facts):
        self.number = number
        self.commit = commit
        self.title = facts.get("title", f"change {number}")
        self.branch = facts.get("branch", "main")
        self.author = facts.get("author", 7)
        self.login = facts.get("login", "mona")
        self.state = facts.get("state", "merged")  # merged, open, closed; Azure: (status, merge)
        self.merged = facts.get("merged", time.time())
        self.updated = facts.get("updated", self.merged)
        self.head = facts.get("head", "e" * 40)
        self.squash = facts.get("squash")
        self.activities = facts.get("activities", ())


# ---- how each provider writes one ----

def github(stub, p):
    pull = {
        "id": 9007199254740993 + p.number, "number": p.number, "title": p.title,
        "html_url": f"https://github.com/acme/app/pull/{p.number}",
        "state": "open" if p.state == "open" else "closed",
        "merged_at": at(p.merged) if p.state == "merged" else None, "updated_at": at(p.updated),
        "merge_commit_sha": p.commit, "user": {"id": p.author, "login": p.login, "type": "User"},
        "head": {"ref": "change", "sha": p.head, "repo": {"id": 1296269}},
        "base": {"ref": p.branch, "sha": p.head, "repo": {"id": 1296269}}}
    if not stub.listing:
        pull["merged"] = p.state == "merged"
        pull["merged_by"] = {"login": "hubot"} if p.state == "merged" else None
    return pull


def gitea(stub, p):
    pull = github(stub, p)
    pull["merged"] = p.state == "merged"
    pull["user"] = {"id": p.author, "login": p.login, "full_name": "", "email": "m@example.com"}
    return pull


def gitlab(stub, p):
    del stub
    state = {"merged": "merged", "open": "opened", "closed": "closed"}[p.state]
    return {"id": 4000 + p.number, "iid": p.number, "title": p.title, "state": state,
            "merged_at": at(p.merged, ".123") if p.state == "merged" else None,
            "updated_at": at(p.updated, ".123"), "target_branch": p.branch,
            "source_branch": "change", "source_project_id": 15, "target_project_id": 15,
            "author": {"id": p.author, "username": p.login, "name": p.login.title(),
                       "state": "active"},
            "merged_by": {"id": 1, "username": "root"}, "sha": p.head,
            "merge_commit_sha": p.commit, "squash_commit_sha": p.squash,
            "web_url": f"https://gitlab.example.com/acme/app/-/merge_requests/{p.number}"}


def bitbucket(stub, p):
    del stub
    state = {"merged": "MERGED", "open": "OPEN", "closed": "DECLINED"}[p.state]
    repository = {"type": "repository", "full_name": "acme/app",
                  "uuid": "{11111111-2222-4333-8444-555555555555}"}
    return {"type": "pullrequest", "id": p.number, "title": p.title, "state": state,
            "updated_on": at(p.updated, ".123456").replace("Z", "+00:00"),
            "merge_commit": {"hash": p.commit[:12]} if p.commit else None,
            "author": {"type": "user", "account_id": f"557058:{p.author}", "nickname": p.login,
                       "display_name": p.login.title(),
                       "uuid": "{99999999-2222-4333-8444-555555555555}"},
            "closed_by": {"nickname": "otto"},
            "source": {"branch": {"name": "change"}, "commit": {"hash": p.head[:12]},
                       "repository": repository},
            "destination": {"branch": {"name": p.branch}, "commit": {"hash": "d" * 12},
                            "repository": repository},
            "links": {"html": {"href": f"https://bitbucket.org/acme/app/pull-requests/{p.number}"}}}


def bitbucket_server(stub, p):
    del stub
    state = {"merged": "MERGED", "open": "OPEN", "closed": "DECLINED"}[p.state]
    repository = {"id": 84, "slug": "app", "project": {"key": "acme"}}
    return {"id": p.number, "title": p.title, "state": state,
            "closedDate": int(p.merged * 1000) if p.state != "open" else None,
            "updatedDate": int(p.updated * 1000),
            "properties": {"mergeCommit": {"id": p.commit}} if p.commit else {},
            "author": {"user": {"id": p.author, "name": p.login, "displayName": p.login.title(),
                                "type": "NORMAL"}},
            "fromRef": {"id": "refs/heads/change", "displayId": "change", "latestCommit": p.head,
                        "repository": repository},
            "toRef": {"id": "refs/heads/" + p.branch, "displayId": p.branch,
                      "latestCommit": "d" * 40, "repository": repository},
            "links": {"self": [{"href": f"https://bb.example.com/pr/{p.number}"}]}}


AZURE_REPOSITORY = "278d5cd2-584d-4b63-824a-2ba458937249"


def azure(stub, p):
    del stub
    named = {"merged": ("completed", "succeeded"), "open": ("active", "queued"),
             "closed": ("abandoned", "notSet")}
    status, merge = named[p.state] if isinstance(p.state, str) else p.state
    return {"pullRequestId": p.number, "title": p.title, "status": status, "mergeStatus": merge,
            "closedDate": at(p.merged, ".1234567"), "creationDate": ZERO_TIME,
            "repository": {"id": AZURE_REPOSITORY, "name": "app",
                           "project": {"id": "0", "name": "acme"},
                           "remoteUrl": "https://fab@dev.azure.com/fab/acme/_git/app"},
            "createdBy": {"id": f"54d125f7-69f7-4191-904f-{p.author:012d}",
                          "uniqueName": p.login + "@example.com", "displayName": p.login.title(),
                          "descriptor": "aad.abc"},
            "sourceRefName": "refs/heads/change", "targetRefName": "refs/heads/" + p.branch,
            "lastMergeSourceCommit": {"commitId": p.head},
            "lastMergeCommit": {"commitId": p.commit} if p.commit else None}


# ---- the paths ----

class Provider:
    """What differs: the base path, the header that proves who asks, how lists are written."""

    def __init__(self, render, base, authorization, pulls, wrap):
        self.render = render
        self.base = base
        self.authorization = authorization
        self.pulls = pulls
        self.wrap = wrap


def plain(stub, query, found):
    per = int((query.get("per_page") or query.get("limit"))[0])
    page = int(query["page"][0])
    stub.pages += 1
    return found[(page - 1) * per:page * per]


def cloud(stub, query, found):
    per, page = int(query["pagelen"][0]), int(query["page"][0])
    stub.pages += 1
    answer = {"values": found[(page - 1) * per:page * per], "pagelen": per, "page": page}
    if page * per < len(found):
        answer["next"] = "http://127.0.0.1:1/elsewhere"
    return answer


def server(stub, query, found):
    start, limit = int(query["start"][0]), min(int(query["limit"][0]), stub.page_max)
    stub.pages += 1
    last = start + limit >= len(found)
    return {"values": found[start:start + limit], "isLastPage": last, "start": start,
            "nextPageStart": None if last else start + limit}


def skip(stub, query, found):
    top, start = int(query["$top"][0]), int(query["$skip"][0])
    stub.pages += 1
    return {"value": found[start:start + top], "count": len(found[start:start + top])}


def basic(token):
    return "Basic " + base64.b64encode((":" + token).encode()).decode()


PROVIDERS = {
    "github": Provider(github, "/api/v3", ("Authorization", lambda t: "Bearer " + t),
                       "/repos/acme/app/pulls", plain),
    "gitea": Provider(gitea, "/api/v1", ("Authorization", lambda t: "token " + t),
                      "/repos/acme/app/pulls", plain),
    "gitlab": Provider(gitlab, "/api/v4", ("PRIVATE-TOKEN", lambda t: t),
                       "/projects/acme%2Fapp/merge_requests", plain),
    "bitbucket": Provider(bitbucket, "/2.0", ("Authorization", lambda t: "Bearer " + t),
                          "/repositories/acme/app/pullrequests", cloud),
    "bitbucket-server": Provider(bitbucket_server, "/rest/api/1.0",
                                 ("Authorization", lambda t: "Bearer " + t),
                                 "/projects/acme/repos/app/pull-requests", server),
    "azure": Provider(azure, "/fab", ("Authorization", basic),
                      "/acme/_apis/git/repositories/app/pullrequests", skip),
}


class Stub:
    """One provider's API. Use as a context."""

    def __init__(self, provider, token="a-token-for-the-api", certificate=None):
        self.provider = PROVIDERS[provider]
        self.token = token
        self.pulls = {}
        self.users = {}
        self.mishaps = []
        self.always = None
        self.only = ""  # part of the paths that mishaps are for
        self.requests = []
        self.pages = 0
        self.page_max = 1000
        self.listing = False
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.httpd.daemon_threads = True
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.httpd.socket = context.wrap_socket(self.httpd.socket, server_side=True)
            scheme = "https"
        self.origin = f"{scheme}://127.0.0.1:{self.httpd.server_port}"
        self.url = self.origin + self.provider.base
        self.thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": .05},
                                       daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.httpd.shutdown()
        self.httpd.server_close()
        self.thread.join()

    def add(self, number, commit, **facts):
        self.pulls[number] = Pull(number, commit, **facts)
        return self.pulls[number]

    def asked(self, part):
        return [path for path, _ in self.requests if part in path]

    # ---- answers ----

    def listed(self, query):
        """Merged ones, the last updated first; each provider's own filters are Tidegate's too."""
        found = sorted(self.pulls.values(), key=lambda p: (p.updated, p.number), reverse=True)
        self.listing = True
        rendered = [self.provider.render(self, p) for p in found]
        self.listing = False
        return self.provider.wrap(self, query, rendered)

    def answer(self, target):
        """(status, value) of a path below the base."""
        parts = urllib.parse.urlsplit(target)
        query = urllib.parse.parse_qs(parts.query)
        if parts.path.startswith("/users/"):
            user = self.users.get(int(parts.path[len("/users/"):]))
            return (200, user) if user else (404, {"message": "404 User Not Found"})
        pulls = self.provider.pulls
        if parts.path == pulls:
            return 200, self.listed(query)
        if not parts.path.startswith(pulls + "/"):
            return 404, {"message": "Not Found"}
        rest = parts.path[len(pulls) + 1:]
        number, _, tail = rest.partition("/")
        pull = self.pulls.get(int(number))
        if pull is None:
            return 404, {"message": "Not Found"}
        if tail == "activities":
            return 200, {"values": list(pull.activities), "isLastPage": True}
        return 200, self.provider.render(self, pull)

    def next_mishap(self, path):
        if self.only not in path:
            return None
        if self.mishaps:
            return self.mishaps.pop(0)
        return self.always

    def handler(self):
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def send(self, status, body, headers=()):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def go_wrong(self, mishap):
                kind, _, rest = mishap.partition(":")
                if kind == "hang":
                    stub.ended.wait(60)
                    self.close_connection = True
                elif kind == "huge":
                    self.send_response(200)
                    self.end_headers()
                    self.close_connection = True
                    try:
                        self.wfile.write(b"[")
                        for _ in range(400):
                            self.wfile.write(b" " * 65536)
                    except OSError:
                        pass
                elif kind == "json":
                    self.send(200, b"<html>sign in</html>")
                elif kind == "empty":
                    self.send(200, b"{}")
                elif kind == "redirect":
                    self.send(302, b"", [("Location", rest)])
                elif kind == "429":
                    self.send(429, b"{}", [("Retry-After", rest)] if rest else [])
                else:
                    self.send(int(kind), b'{"message":"no"}')

            def do_GET(self):
                with stub.lock:
                    stub.requests.append((self.path, dict(self.headers)))
                    mishap = stub.next_mishap(self.path)
                if mishap:
                    self.go_wrong(mishap)
                    return
                name, form = stub.provider.authorization
                if stub.token and self.headers.get(name) != form(stub.token):
                    self.send(401, b'{"message":"Bad credentials"}')
                    return
                if not self.path.startswith(stub.provider.base + "/"):
                    self.send(404, b"{}")
                    return
                with stub.lock:
                    status, value = stub.answer(self.path[len(stub.provider.base):])
                self.send(status, json.dumps(value).encode())

        return Handler
