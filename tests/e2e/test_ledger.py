"""The ledger while a capture runs: whoever looks, whenever, it balances, on packets and at system calls."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest

import sockfilter

pytestmark = pytest.mark.usefixtures("root")

WORKERS = 2
WAYS: dict[str, dict[str, Any]] = {"packets": {}, "calls": {"via": "syscalls"}}
# a server and its clients: requests in one go, answers that nobody asked for, questions without one, ends of all kinds
TRAFFIC = """
import socket, struct
GET = b"GET /x HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
OK = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi"
listener = socket.create_server(("127.0.0.1", 0))
for number in range(600):
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    if number % 7 == 3:
        server.sendall(OK)
    client.sendall(GET * (1 + number % 3))
    server.recv(1 << 16)
    if number % 5:
        server.sendall(OK)
        server.sendall(OK * (number % 3))
        client.recv(1 << 16)
    if number % 4 == 1:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for link in (client, server) if number % 2 else (server, client):
        link.close()
"""


class Looker:
    """Takes down what does not balance."""

    def __init__(self) -> None:
        self.looks: Counter[str] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()

    def look(self, where: str, capture: sockfilter.Capture) -> None:
        self.looks[where] += 1
        for equation in capture.ledger.imbalance:
            self.found[where, equation.partition(":")[0]] += 1


@pytest.mark.parametrize("way", WAYS)
def test_it_balances_at_every_moment(way: str) -> None:
    looker = Looker()
    opened: list[sockfilter.Capture] = []
    is_over = threading.Event()

    def emit(_: sockfilter.Exchange) -> None:
        looker.look("as an exchange ends", opened[0])

    def watch() -> None:
        while not is_over.wait(0.001):
            looker.look("in another thread", opened[0])

    with sockfilter.capture(**WAYS[way], emit=emit) as capture, ExitStack() as stack:
        opened.append(capture)
        watching = threading.Thread(target=watch)
        watching.start()
        stack.callback(watching.join)
        stack.callback(is_over.set)
        command = [sys.executable, "-c", TRAFFIC]
        workers = [stack.enter_context(subprocess.Popen(command)) for _ in range(WORKERS)]
        while any(worker.poll() is None for worker in workers):
            capture.pump()
            looker.look("between two batches", capture)
            capture.flush()
            looker.look("after a flush", capture)
        capture.flush()
        assert [worker.returncode for worker in workers] == [0] * WORKERS
    looker.look("closed", capture)
    assert not looker.found
    assert looker.looks["as an exchange ends"] > WORKERS * 600
    assert set(looker.looks) == {
        *("as an exchange ends", "in another thread", "between two batches", "after a flush", "closed")
    }
