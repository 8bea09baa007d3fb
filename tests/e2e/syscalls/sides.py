"""Two ends of a connection in processes of this test's own making, one call at a time."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def listening(family: int = socket.AF_INET) -> Iterator[socket.socket]:
    """A server that a client may come to, on loopback."""
    with socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family) as listener:
        yield listener


@contextmanager
def connection(listener: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client that has come, and the server's end."""
    with socket.create_connection(listener.getsockname()[:2]) as client:
        server, _ = listener.accept()
        with server:
            yield client, server


@contextmanager
def connected(family: int = socket.AF_INET) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client and a server on loopback."""
    with listening(family) as listener, connection(listener) as (client, server):
        yield client, server


def exchange(client: socket.socket, server: socket.socket) -> None:
    """One, each half in one call."""
    client.sendall(GET)
    assert server.recv(1 << 16) == GET
    server.sendall(OK)
    assert client.recv(1 << 16) == OK
