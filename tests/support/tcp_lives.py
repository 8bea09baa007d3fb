"""Connections of every kind, in a namespace of the test's own, and what the command says of them."""

from __future__ import annotations

import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.command import Sniffer
from tests.support.topologies import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S = 60.0
# struct linger: on, and 0 seconds: close() resets
RESETS = struct.pack("ii", 1, 0)


class Follower(Sniffer):
    """`sockfilter tcp`, from when it follows connections until it has ended."""

    def _await_capture(self) -> None:
        greeting = self.said()
        assert greeting.startswith("sockfilter: following the "), greeting


@contextmanager
def following(netns: str | None, *words: str) -> Iterator[Sniffer]:
    """`sockfilter tcp`, from when it follows connections."""
    place = ("--netns", netns) if netns is not None else ()
    with Follower("tcp", "--format", "jsonl", *place, *words) as sniffer:
        yield sniffer


def kinds(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in found if one["kind"] == kind]


def listening(netns: str | None, host: str = "127.0.0.1", port: int = 0, backlog: int = 16) -> socket.socket:
    """A listening socket in a namespace."""
    with inside(netns):
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.settimeout(WAIT_S)
    made.bind((host, port))
    made.listen(backlog)
    return made


def client(netns: str | None, family: int = socket.AF_INET) -> socket.socket:
    """A socket in a namespace, not connected yet."""
    with inside(netns):
        made = socket.socket(family)
    made.settimeout(WAIT_S)
    return made


def pair(netns: str | None, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Both ends of a new connection to a listening socket: the client's and the server's."""
    one = client(netns)
    one.connect(("127.0.0.1", server.getsockname()[1]))
    other, _ = server.accept()
    other.settimeout(WAIT_S)
    return one, other
