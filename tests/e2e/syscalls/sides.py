"""Two ends of a connection in processes of this test's own making, one call at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

# seconds after which another process ends, whatever becomes of the test
FAR_S = 60
GET = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def listening(family: int = socket.AF_INET) -> Iterator[socket.socket]:
    """A server that a client may come to, on loopback."""
    with socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family) as listener:
        yield listener


@contextmanager
def connection(listener: socket.socket, client_ip: str = "") -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client that has come, and the server's end. client_ip: the client's address; empty for any."""
    source = (client_ip, 0) if client_ip else None
    with socket.create_connection(listener.getsockname()[:2], source_address=source) as client:
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


class Far:
    """A socket in a process of its own, whose calls alone can be listened to: it does what is asked of it here."""

    def __init__(self, pid: int, here: socket.socket, asks: Connection) -> None:
        self.pid = pid
        self._here = here
        self._asks = asks

    def take(self, link: socket.socket) -> None:
        """Takes a socket over: it is closed here."""
        socket.send_fds(self._here, [b"."], [link.fileno()])
        assert self._here.recv(1)
        link.close()

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self._asks.send((name, args))
            is_done, result = self._asks.recv()
            if not is_done:
                raise result
            return result

        return call


@contextmanager
def far() -> Iterator[Far]:
    """Another process, that waits for a socket."""
    here, there = socket.socketpair()
    asks, answers = multiprocessing.Pipe()
    pid = os.fork()
    if not pid:
        try:
            _serve(there, answers)
        finally:
            os._exit(0)
    there.close()
    answers.close()
    try:
        with here, asks:
            yield Far(pid, here, asks)
    finally:
        os.waitpid(pid, 0)


def _serve(there: socket.socket, answers: Connection) -> None:
    signal.alarm(FAR_S)
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2 and fd not in (there.fileno(), answers.fileno()):
            try:
                os.close(fd)
            except OSError:
                continue  # the one that the listing was read by
    _, (fd,), _, _ = socket.recv_fds(there, 1, 1)
    link = socket.socket(fileno=fd)
    there.send(b".")
    while True:
        try:
            name, args = answers.recv()
        except EOFError:
            return
        try:
            answers.send((True, getattr(link, name)(*args)))
        except OSError as error:
            answers.send((False, error))
