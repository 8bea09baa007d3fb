"""A server that says exactly what a test has it say, from a thread of the test."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.servers import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT_S = 60
ENDS_OF_HEAD = (b"\r\n\r\n", b"\n\n")


@contextmanager
def talking(talk: Callable[[socket.socket], object]) -> Iterator[Site]:
    """Has talk(connection) with each client that connects, one after the other, and closes then."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = Site("odd", "127.0.0.1", listener.getsockname()[1])
        server = threading.Thread(target=_serve, args=(listener, talk))
        server.start()
        try:
            yield place
        finally:
            # ends accept() in the thread, which close() would not
            listener.shutdown(socket.SHUT_RDWR)
            server.join()


def _serve(listener: socket.socket, talk: Callable[[socket.socket], object]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(TIMEOUT_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk(connection)


def answering(*answers: bytes) -> Callable[[socket.socket], None]:
    """A talk that awaits a head, and gives an answer, in turn; then it reads until the client closes."""

    def talk(connection: socket.socket) -> None:
        for answer in answers:
            if not head(connection):
                return
            connection.sendall(answer)
        # with bytes unread, closing would reset the connection
        connection.shutdown(socket.SHUT_WR)
        everything(connection)

    return talk


def head(connection: socket.socket) -> bytes:
    """Reads as far as the end of a head, and no further; less where the other end closes first."""
    got = b""
    while not got.endswith(ENDS_OF_HEAD):
        byte = connection.recv(1)
        if not byte:
            break
        got += byte
    return got


def everything(connection: socket.socket) -> bytes:
    """Reads until the other end closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def reset(connection: socket.socket) -> None:
    """Closes with a reset in place of a FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def tell(site: Site, *parts: bytes) -> bytes:
    """A client that sends each part as a segment, and reads until the server closes."""
    with site.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        return everything(connection)
