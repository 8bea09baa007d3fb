"""Exchanges by their bytes, for what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model import Body, Connection, Endpoint, Exchange, Head, Headers, Request, Response
from sockfilter.protocols.http1 import head as heads

if TYPE_CHECKING:
    from sockfilter.outputs.output import Output

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
HELLO = Body(5, 5, b"hello")
MICROSECOND = 1000


def exchange(
    request: bytes | None = GET,
    response: bytes | None = OK,
    body: Body = HELLO,
    *,
    informational: tuple[bytes, ...] = (),
    interface: str = "lo",
    connection: Connection | None = None,
) -> Exchange:
    """One whose messages are whole, a microsecond from each event to the next. body: of the response."""
    ends = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80))
    made = Exchange(connection or Connection(3, interface, ends, 0), 1, None, None)
    made.id = 17
    if request is not None:
        made.request = Request(_head(request), 2 * MICROSECOND, (1, 1))
        _end(made.request, 3)
    made.informational = tuple(Response(_head(raw), 3 * MICROSECOND, (1, 1)) for raw in informational)
    if response is not None:
        made.response = Response(_head(response), 4 * MICROSECOND, (1, 1))
        made.response.body = body
        _end(made.response, 5)
    return made


def asks(target: str, *fields: tuple[str, str], method: str = "GET", version: str = "1.1") -> Head:
    """The head of a request, made by hand, as a protocol has it whose heads are no text."""
    return Head(version, method, target, 0, "", Headers(list(fields)))


def answers(status: int, *fields: tuple[str, str], reason: str = "", version: str = "1.1") -> Head:
    """The same of a response."""
    return Head(version, "", "", status, reason, Headers(list(fields)))


def _head(raw: bytes) -> heads.HttpHead:
    head = heads.parse(raw)
    assert head is not None, raw
    return head


def _end(message: Request | Response, after: int) -> None:
    message.end_ns = after * MICROSECOND
    message.complete = True


class Collected:
    """A sink that keeps what it is given, and takes step bytes at a time."""

    def __init__(self, step: int = 1 << 30) -> None:
        self.data = b""
        self.writes = 0
        self._step = step

    def write(self, data: memoryview, /) -> int:
        self.writes += 1
        self.data += data[: self._step]
        return min(len(data), self._step)


def rendered(kind: type[Output], made: Exchange, **options: object) -> str:
    """What an output makes of an exchange, byte for byte."""
    return kind(Collected(), **options).render(made).decode("utf-8", "surrogateescape")  # type: ignore[arg-type]  # passed on
