"""Exchanges whose server and client are threads of the test, and what a capture tells of them."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sockfilter import capture
from tests.support.skips import need_root, need_tool
from tests.support.topologies import LOOPBACK, Network, inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter import Exchange


def at_once(act: Callable[[int], object], count: int) -> None:
    """Calls act with each number below count, each in a thread of its own, and waits for all."""
    threads = [threading.Thread(target=act, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def answer(size: int, more: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n{more}\r\n".encode() + b"x" * size


def question(path: str = "/", size: int = 0) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode() + b"y" * size


def read_question(connection: socket.socket) -> bytes:
    taken = b""
    while b"\r\n\r\n" not in taken:
        piece = connection.recv(65536)
        if not piece:
            return b""
        taken += piece
    head, _, body = taken.partition(b"\r\n\r\n")
    left = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(65536))
    return taken


def read_answer(connection: socket.socket) -> int:
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    size, have = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]), len(body)
    while have < size:
        have += len(connection.recv(65536))
    return have


@contextmanager
def serving(
    serve: Callable[[socket.socket], None],
    network: Network = LOOPBACK,
    *,
    before_accept_s: float = 0.0,
    address: str | None = None,
    family: int = socket.AF_INET,
) -> Iterator[int]:
    """A server with a thread for each connection. Gives its port."""
    with inside(network.server):
        listener = socket.create_server((address or network.ipv4, 0), family=family, dualstack_ipv6=family != 2)
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            time.sleep(before_accept_s)
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=handle, args=(connection,)))
            threads[-1].start()

    def handle(connection: socket.socket) -> None:
        with connection:
            serve(connection)

    threads = [threading.Thread(target=accept)]
    threads[0].start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in threads:
            thread.join()


def connect(port: int, network: Network = LOOPBACK) -> socket.socket:
    with inside(network.client):
        connection = socket.socket()
    connection.connect((network.ipv4, port))
    return connection


def ask(port: int, network: Network = LOOPBACK, path: str = "/", size: int = 0) -> None:
    with connect(port, network) as connection:
        connection.sendall(question(path, size))
        read_answer(connection)


def usual(connection: socket.socket) -> None:
    while read_question(connection):
        connection.sendall(answer(10))


def observed(port: int, act: Callable[[], None], interface: str = "lo", netns: str | None = None) -> list[Exchange]:
    need_root()
    with capture(interface, netns=netns, ports=[port], tcp=True, body=0) as wire:
        act()
        wire.flush()
        return list(wire.exchanges)


def only(exchanges: list[Exchange]) -> Exchange:
    (exchange,) = exchanges
    assert exchange.complete
    return exchange


@contextmanager
def dropping(netns: str, *rule: str) -> Iterator[Callable[[], tuple[int, int]]]:
    """Drops packets that come into a namespace. Gives how many have been dropped, and their bytes."""
    nft = need_tool("nft")

    def run(*words: str) -> str:
        command = ["ip", "netns", "exec", netns, nft, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    run("add table ip t; add chain ip t c { type filter hook input priority 0; };")
    run("add rule ip t c " + " ".join(rule) + " counter drop")

    def dropped() -> tuple[int, int]:
        rules = json.loads(run("-j", "list", "chain", "ip", "t", "c"))["nftables"]
        (counter,) = [
            part["counter"] for each in rules for part in each.get("rule", {}).get("expr", ()) if "counter" in part
        ]
        return counter["packets"], counter["bytes"]

    yield dropped
