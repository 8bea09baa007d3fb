"""A server that keeps each request as it came, and answers what it is told to."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 60
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"

Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Recorded:
    """A request: its first line, its fields as they are, and its body without the chunks."""

    line: bytes
    fields: Fields
    body: bytes

    def without(self, *names: bytes) -> Fields:
        """The fields but these, which are in lower case."""
        return [(name, value) for name, value in self.fields if name.lower() not in names]

    def values(self, wanted: bytes) -> list[bytes]:
        """All values of a field, whose name is in lower case."""
        return [value for name, value in self.fields if name.lower() == wanted]


@dataclass
class Recorder:
    """The server. answers: by target, what it says before it closes the connection; to others, OK."""

    listening: socket.socket
    answers: dict[bytes, bytes] = field(default_factory=dict)
    requests: SimpleQueue[Recorded] = field(default_factory=SimpleQueue)

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    def next(self) -> Recorded:
        """The next request that has come."""
        return self.requests.get(timeout=TIMEOUT_S)

    def tell(self, request: bytes) -> Recorded:
        """Sends bytes, and waits for the end of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S) as client:
            client.sendall(request)
            while client.recv(65536):
                pass
        return self.next()

    def serve(self) -> None:
        """Serves until the socket is shut down."""
        while True:
            try:
                peer, _ = self.listening.accept()
            except OSError:
                return
            with peer, suppress(OSError), peer.makefile("rb") as reader:
                peer.settimeout(TIMEOUT_S)
                request = read(reader)
                self.requests.put(request)
                answer = self.answers.get(request.line.split(b" ")[1], OK)
                head, end, _ = answer.partition(b"\r\n\r\n")
                peer.sendall(head + end if request.line.startswith(b"HEAD ") else answer)


def read(reader: BinaryIO) -> Recorded:
    """Reads a request."""
    line, fields = reader.readline().removesuffix(b"\r\n"), []
    while field_line := reader.readline().removesuffix(b"\r\n"):
        name, _, value = field_line.partition(b":")
        fields.append((name, value.strip(b" \t")))
    head = Recorded(line, fields, b"")
    if head.values(b"transfer-encoding"):
        return Recorded(line, fields, _dechunked(reader))
    (size,) = head.values(b"content-length") or [b"0"]
    return Recorded(line, fields, reader.read(int(size)))


def _dechunked(reader: BinaryIO) -> bytes:
    body = b""
    while size := int(reader.readline().partition(b";")[0], 16):
        body += reader.read(size)
        reader.readline()
    while reader.readline() not in (b"\r\n", b""):
        pass
    return body


@contextmanager
def recording(host: str = "127.0.0.1") -> Iterator[Recorder]:
    """One in a thread, for as long as this lasts."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listening:
        made = Recorder(listening)
        thread = threading.Thread(target=made.serve)
        thread.start()
        try:
            yield made
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
