# SPDX-License-Identifier: Apache-2.0
"""git http-backend behind a small HTTP server on loopback, with or without a token.

    python3 tests/support/git_http.py DIRECTORY [--token TOKEN] [--user USER] [--status N]
                                      [--redirect URL] [--hang] [--log FILE]

serves the repositories in DIRECTORY, prints its url, and ends with its standard input: hold a pipe
to it open, and it is gone when you are.

--token TOKEN   basic authentication: without this password the answer is 401
--user USER     with --token: this user name as well
--status N      every request is answered with this status and no body, such as 500 or 403
--redirect URL  every request is answered with 302 to URL and the request's path
--hang          every request is read and never answered
--log FILE      one line is appended per request: METHOD PATH STATUS, and "credentials" when the
                request had an Authorization header

In Python: GitHttp(directory, token=..., user=..., redirect=..., status=..., hang=..., log=...);
all of them are attributes that may be changed while it runs. It counts `requests`, and with
credentials that were taken `authorised`.
"""

import argparse
import base64
import http.server
import os
import subprocess
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def log_request(self, code="-", size="-"):
        git = self.server.git
        if git.log is not None:
            tail = " credentials" if "Authorization" in self.headers else ""
            with open(git.log, "a", encoding="utf-8") as out:
                out.write(f"{self.command} {self.path} {int(code)}{tail}\n")

    def refuse(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def is_authorised(self):
        token = self.server.git.token
        if token is None:
            return True
        kind, _, coded = self.headers.get("Authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(coded).decode().partition(":")
        except ValueError:
            return False
        expected = self.server.git.user
        return (kind.lower() == "basic" and password == token
                and (expected is None or user == expected))

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            out = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                out += self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return out
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self):
        git = self.server.git
        body = self.body()
        git.requests += 1
        while git.hang:
            time.sleep(0.05)
        if git.status is not None:
            return self.refuse(git.status)
        if git.redirect is not None:
            return self.refuse(302, Location=git.redirect + self.path)
        if not self.is_authorised():
            return self.refuse(401, WWW_Authenticate='Basic realm="git"')
        git.authorised += "Authorization" in self.headers
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": git.directory,
            "GIT_HTTP_EXPORT_ALL": "1", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent",
            "REQUEST_METHOD": self.command, "PATH_INFO": path, "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": self.client_address[0],
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "-c", "safe.directory=*", "http-backend"], input=body,
                              env=environment, stdout=subprocess.PIPE, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if line]
        status = next((int(v.split()[0]) for n, v in headers if n == "Status"), 200)
        self.send_response(status)
        for name, value in headers:
            if name not in ("Status", "Content-Length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = answer
    do_POST = answer


class GitHttp:
    """Serves the repositories in a directory until it is closed."""

    def __init__(self, directory, token=None, port=0, redirect=None, user=None, status=None,
                 hang=False, log=None):
        self.directory = os.path.abspath(directory)
        self.token = token
        self.user = user
        self.redirect = redirect
        self.status = status
        self.hang = hang
        self.log = log
        self.requests = 0
        self.authorised = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.git = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02},
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--token")
    parser.add_argument("--user")
    parser.add_argument("--status", type=int)
    parser.add_argument("--redirect")
    parser.add_argument("--hang", action="store_true")
    parser.add_argument("--log")
    arguments = parser.parse_args()
    with GitHttp(**vars(arguments)) as running:
        print(running.url, flush=True)
        sys.stdin.read()
