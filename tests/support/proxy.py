# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy in front of a database server that breaks connections when a test says so: at once, or
around the next COMMIT, before the server has seen it or before the client has seen its answer."""

import contextlib
import re
import select
import socket
import threading

COMMIT = re.compile(rb"\bcommit\b", re.IGNORECASE)


class Proxy:
    """Listens on a port of its own for as long as it lives."""

    def __init__(self, port, host="127.0.0.1"):
        self.server = (host, port)
        self.lock = threading.Lock()
        self.armed = None  # None, "before" or "after"
        self.pairs = set()
        self.broken = {"before": 0, "after": 0, "now": 0}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def break_commit(self, when):
        """The next COMMIT that passes breaks its connection: "before" it reaches the server, or
        "after" it did, so that only the answer is lost."""
        with self.lock:
            self.armed = when

    def disarm(self):
        with self.lock:
            self.armed = None

    def break_all(self):
        """Break every connection now."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            self.broken["now"] += 1
            self.end(pair)

    def close(self):
        self.listener.close()
        self.break_all()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.server, timeout=10)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setblocking(True)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            with self.lock:
                self.pairs.add(pair)
            threading.Thread(target=self.carry, args=(pair,), daemon=True).start()

    def end(self, pair):
        with self.lock:
            self.pairs.discard(pair)
        for side in pair:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

    def take(self, data):
        """What an armed break says of these bytes from the client."""
        with self.lock:
            if self.armed is None or not COMMIT.search(data):
                return None
            when, self.armed = self.armed, None
            self.broken[when] += 1
            return when

    def carry(self, pair):
        client, server = pair
        try:
            while True:
                ready, _, _ = select.select(pair, [], [])
                if server in ready:
                    data = server.recv(65536)
                    if not data:
                        break
                    client.sendall(data)
                if client in ready:
                    data = client.recv(65536)
                    if not data:
                        break
                    when = self.take(data)
                    if when == "before":
                        break
                    server.sendall(data)
                    if when == "after":
                        server.recv(1)  # it has answered: the answer is what gets lost
                        break
        except (OSError, ValueError):
            pass
        self.end(pair)
