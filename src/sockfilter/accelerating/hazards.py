"""What redirected sockets may do otherwise than TCP: what an application sees of each, on a pair of sockets.

Each function runs in a process of its own, because some kernels never let it end.
"""

from __future__ import annotations

import array
import errno
import fcntl
import hashlib
import os
import select
import socket
import struct
import termios
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# requests and answers of the echo, and the bytes of each; enough to compare rates
ROUNDS, ECHO_BYTES = 2000, 200
# connections whose reader closes while the writer writes: a fault in one of a hundred shows
CLOSED_ROUNDS = 600
UNREAD_BYTES = 8 << 20
# what a writer is given to write while nobody reads
WRITTEN_BYTES_MAX = 64 << 20
# milliseconds without room after which a writer counts as blocked
BLOCKED_MS = 200
# milliseconds until something that has been sent can be read
ARRIVAL_MS = 1000
NO_LINGER = struct.pack("ii", 1, 0)
CLOSED = frozenset({"EPIPE", "ECONNRESET"})


class Seen(NamedTuple):
    """What an application sees.

    Attributes:
        words: it in words, which must be those of TCP.
        amount: bytes, if they matter; they need not be exactly those of TCP.
    """

    words: str
    amount: int = 0

    def __str__(self) -> str:
        return (
            f"{self.words.replace('blocked', f'blocked at {self.amount / 1e6:.1f} MB')}" if self.amount else self.words
        )


class Hazard(NamedTuple):
    """Something that can go wrong.

    Attributes:
        name: what is tried.
        run: tries it.
        is_load: whether its rate is worth showing.
    """

    name: str
    run: Callable[[], Seen]
    is_load: bool = False


@contextmanager
def _connected(family: int = socket.AF_INET) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client and a server."""
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        listener.listen()
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
    with client, server:
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client, server


def _receive(link: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size and (more := link.recv(size - len(got))):
        got += more
    return got


def _end_of(link: socket.socket) -> str:
    """What recv() says: the end of the stream, bytes, or an error."""
    try:
        got = link.recv(100)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return f"{len(got)} bytes" if got else "the end"


def _echo(family: int) -> Seen:
    with _connected(family) as (client, server):
        for number in range(ROUNDS):
            word = (b"%08d" % number) * (ECHO_BYTES // 8)
            for writer, reader in ((client, server), (server, client)):
                writer.sendall(word)
                if _receive(reader, len(word)) != word:
                    return Seen("other bytes arrive")
    return Seen("the same bytes arrive")


def echo() -> Seen:
    """Requests and answers over IPv4."""
    return _echo(socket.AF_INET)


def echo6() -> Seen:
    """Requests and answers over IPv6."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return Seen("no IPv6 here")
    return _echo(socket.AF_INET6)


def end_of_stream() -> Seen:
    """The writer ends; the other direction stays open."""
    with _connected() as (client, server):
        client.sendall(b"0123456789")
        client.shutdown(socket.SHUT_WR)
        got = _receive(server, 100)
        server.sendall(b"answer")
        return Seen(f"{len(got)} bytes, the end, and {len(_receive(client, 6))} bytes back")


def reset() -> Seen:
    """The peer is closed with a reset (SO_LINGER 0)."""
    with _connected() as (client, server):
        client.sendall(b"0123456789")
        _receive(server, 10)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        client.close()
        return Seen(_end_of(server))


def closed_with_unread() -> Seen:
    """The peer is closed before it has read everything."""
    with _connected() as (client, server):
        server.sendall(b"0123456789")
        select.select([client], [], [], ARRIVAL_MS / 1000)
        client.close()
        return Seen(_end_of(server))


def spliced() -> Seen:
    """The reader takes bytes with splice(2), as proxies do."""
    import ctypes

    splice = ctypes.CDLL(None, use_errno=True).splice
    pipe = os.pipe()
    with _connected() as (client, server):
        client.sendall(b"x" * 1000)
        got = splice(server.fileno(), None, pipe[1], None, 1000, 0)
        return Seen(f"{got} bytes" if got >= 0 else errno.errorcode[ctypes.get_errno()])


def unread() -> Seen:
    """Nobody reads: the writer must be blocked."""
    with _connected() as (client, server):
        client.setblocking(False)
        chunk, sent, expected = os.urandom(1 << 16), 0, hashlib.blake2b()
        room = select.poll()
        room.register(client, select.POLLOUT)
        while sent < WRITTEN_BYTES_MAX:
            try:
                count = client.send(chunk)
            except BlockingIOError:
                if not room.poll(BLOCKED_MS):
                    break
                continue
            expected.update(chunk[:count])
            sent += count
        is_blocked = sent < WRITTEN_BYTES_MAX
        client.shutdown(socket.SHUT_WR)
        found, received = hashlib.blake2b(), 0
        while more := server.recv(1 << 20):
            found.update(more)
            received += len(more)
    whole = "all arrives" if found.digest() == expected.digest() else f"{received} of {sent} bytes arrive"
    return Seen(f"writer {'' if is_blocked else 'never '}blocked, {whole}", sent)


def closed_under_load() -> Seen:
    """The reader closes while the writer writes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        if not os.fork():
            with suppress(OSError):
                for number in range(CLOSED_ROUNDS):
                    server, _ = listener.accept()
                    with server:
                        for _ in range(1 + number % 7):
                            server.recv(1 << 14)
            os._exit(0)
        errors: Counter[str] = Counter()
        for _ in range(CLOSED_ROUNDS):
            with socket.create_connection(listener.getsockname()) as client:
                try:
                    while True:
                        client.send(b"x" * 4096)
                except OSError as error:
                    errors[errno.errorcode.get(error.errno or 0, str(error))] += 1
        os.wait()
    if errors.keys() <= CLOSED:
        return Seen("EPIPE or ECONNRESET")
    return Seen(", ".join(f"{name} {number} times" for name, number in sorted(errors.items())))


def few_bytes() -> Seen:
    """A reader that waits for ten bytes (SO_RCVLOWAT) has five."""
    with _connected() as (client, server):
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 10)
        client.sendall(b"01234")
        is_readable = select.select([server], [], [], 0.1)[0]
        return Seen("readable" if is_readable else "not readable")


def looked_at() -> Seen:
    """The reader asks how much there is (FIONREAD), and looks at it without taking it (MSG_PEEK)."""
    with _connected() as (client, server):
        client.sendall(b"0123456789")
        select.select([server], [], [], ARRIVAL_MS / 1000)
        size = array.array("i", [0])
        fcntl.ioctl(server.fileno(), termios.FIONREAD, size)
        peeked = server.recv(100, socket.MSG_PEEK)
        return Seen(f"{size[0]} bytes, {len(peeked)} looked at, {len(server.recv(100))} read")


# The most probable fault comes first: a command waits for this before it begins.
HAZARDS = (
    Hazard("requests and answers", echo, is_load=True),
    Hazard("splice(2) from the socket", spliced),
    Hazard("requests and answers over IPv6", echo6, is_load=True),
    Hazard("end of the stream, half closed", end_of_stream),
    Hazard("reset (SO_LINGER 0)", reset),
    Hazard("close with unread data", closed_with_unread),
    Hazard("close while the other end writes", closed_under_load),
    Hazard("a reader that does not read", unread),
    Hazard("SO_RCVLOWAT 10, 5 bytes there", few_bytes),
    Hazard("FIONREAD and MSG_PEEK", looked_at),
)
