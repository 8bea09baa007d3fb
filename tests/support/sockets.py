"""Connections that the kernel's own stack makes."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sockfilter.system.namespace import entered

if TYPE_CHECKING:
    from collections.abc import Iterator

# seconds that any one call may take
PATIENCE_S = 60.0


@contextmanager
def connected(
    netns: str | None, host: str = "127.0.0.1", port: int = 0, client_netns: str | None = None
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's and a server's socket, of one connection between namespaces, or within one. port 0: any."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with entered(netns):
        listener = socket.create_server((host, port), family=family)
    with listener:
        listener.settimeout(PATIENCE_S)
        with entered(client_netns or netns):
            client = socket.create_connection((host, listener.getsockname()[1]), PATIENCE_S)
        server, _ = listener.accept()
    with client, server:
        server.settimeout(PATIENCE_S)
        yield client, server


def read_exactly(reader: socket.socket, size: int) -> bytes:
    """size bytes. They have all passed the taps of loopback when this returns."""
    data = bytearray()
    while len(data) < size:
        piece = reader.recv(size - len(data))
        assert piece, f"closed after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def hang_up(first: socket.socket, second: socket.socket) -> None:
    """Ends a connection from the first on; both ends have seen the other's when this returns."""
    first.shutdown(socket.SHUT_WR)
    assert second.recv(1) == b""
    second.shutdown(socket.SHUT_WR)
    assert first.recv(1) == b""
    first.close()
    second.close()
