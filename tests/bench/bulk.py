"""Bulk: downloads of a gigabyte, and small messages that are not HTTP, with and without sockfilter looking on."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from tests.bench.runs import cpu_s
from tests.bench.tools import SOCKFILTER
from tests.support.topologies import LOOPBACK, Network, inside, wired

if TYPE_CHECKING:
    from collections.abc import Iterator

DOWNLOAD_BYTES = 1 << 30
CHUNK_BYTES = 1 << 18
HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {DOWNLOAD_BYTES}\r\n\r\n".encode()
REQUEST = b"GET /big HTTP/1.1\r\nHost: bench\r\n\r\n"
# small messages that are not HTTP: how many in a second, and for how long
MESSAGES, MESSAGES_S = 10_000, 3.0


class Bulk(NamedTuple):
    """One way of moving bytes: its rate with sockfilter by its rate without, and sockfilter's CPU by the transfer's."""

    what: str
    kept: float
    cpu_share: float


def downloads(rounds: int) -> list[Bulk]:
    """Over loopback, and over a veth pair."""
    found = [_compare("1 GiB over lo", LOOPBACK, "lo", rounds)]
    with wired() as network:
        found.append(_compare("1 GiB over veth", network, "veth0", rounds))
    return found


def _compare(what: str, network: Network, interface: str, rounds: int) -> Bulk:
    kept, shares = [], []
    _download(network)
    for _ in range(rounds):
        without_s, _ = _download(network)
        with _watching(interface, network.client) as pid:
            before = cpu_s(pid)
            with_s, transfer_cpu_s = _download(network)
            ours_cpu_s = cpu_s(pid) - before
        kept.append(without_s / with_s)
        shares.append(ours_cpu_s / transfer_cpu_s)
    return Bulk(what, median(kept), median(shares))


@contextmanager
def _watching(interface: str, netns: str | None) -> Iterator[int]:
    command = [str(SOCKFILTER), "-i", interface, *(["--netns", netns] if netns else [])]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.readline()
        try:
            yield process.pid
        finally:
            process.terminate()


def _download(network: Network) -> tuple[float, float]:
    """Seconds that it took, and processor seconds of both ends."""
    host = network.address(4)
    with inside(network.server):
        listener = socket.create_server((host, 0))
    server = os.fork()
    if not server:
        _serve(listener)
        os._exit(0)
    port = listener.getsockname()[1]
    listener.close()
    with inside(network.client):
        client = socket.create_connection((host, port))
    used, began = _own_cpu_s(), time.monotonic()
    with client:
        client.sendall(REQUEST)
        buffer, left = bytearray(CHUNK_BYTES), len(HEAD) + DOWNLOAD_BYTES
        while left:
            left -= client.recv_into(buffer)
    took_s = time.monotonic() - began
    _, _, theirs = os.wait4(server, 0)
    return took_s, _own_cpu_s() - used + theirs.ru_utime + theirs.ru_stime


def _serve(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.recv(len(REQUEST))
    connection.sendall(HEAD)
    chunk = bytes(CHUNK_BYTES)
    for _ in range(DOWNLOAD_BYTES // CHUNK_BYTES):
        connection.sendall(chunk)
    connection.close()


def _own_cpu_s() -> float:
    return time.process_time()


class Small(NamedTuple):
    """Small messages that are not HTTP: sockfilter's CPU by the time they took."""

    messages: int
    cpu_share: float


def small_messages() -> Small:
    """As many as MESSAGES_S seconds have, there and back over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server, _watching("lo", None) as pid:
        time.sleep(0.2)
        before, began = cpu_s(pid), time.monotonic()
        sent = 0
        while (now := time.monotonic() - began) < MESSAGES_S:
            while sent < now * MESSAGES:
                client.send(b"\x01\x02\x03 not HTTP, not at all")
                server.recv(64)
                sent += 1
            time.sleep(0.001)
        return Small(sent, (cpu_s(pid) - before) / MESSAGES_S)
