"""The server that the documentation speaks of, on port 8000, and a client of it; run as a file, with what to do.

serve: answers everything. ask: asks on and on, while nobody else has the lock of the file TURN. wait: until the servers
answer.
"""

from __future__ import annotations

import fcntl
import json
import socket
import sys
import time
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TURN = "turn"
PLACES = ("http://127.0.0.1:8000/items", "http://10.0.0.2:8000/items")
# seconds between two rounds of requests, and between two looks
PAUSE_S = 0.05
ANSWER_S = 5.0


class Handler(BaseHTTPRequestHandler):
    """JSON for everything; 201 for POST."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self.answer(200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(201)

    def answer(self, status: int) -> None:
        body = json.dumps({"path": self.path}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        """Says nothing."""


class Server(ThreadingHTTPServer):
    """On all addresses of both families."""

    address_family = socket.AF_INET6
    daemon_threads = True


def ask() -> None:
    for place in PLACES:
        urllib.request.urlopen(place, timeout=ANSWER_S).read()


def wait() -> None:
    while True:
        with suppress(OSError):
            return ask()
        time.sleep(PAUSE_S)


def ask_on() -> None:
    while True:
        with open(TURN, "a") as turn, suppress(OSError):
            fcntl.flock(turn, fcntl.LOCK_EX)
            ask()
        time.sleep(PAUSE_S)


def main(what: str) -> None:
    if what == "serve":
        Server(("::", 8000), Handler).serve_forever()
    elif what == "wait":
        wait()
    else:
        ask_on()


if __name__ == "__main__":
    main(sys.argv[1])
