"""Other parsers of HTTP/1, and what they make of the bytes that one end of a connection sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import h11
import httptools

if TYPE_CHECKING:
    from sockfilter.model import Message

Pairs = tuple[tuple[bytes, bytes], ...]


class Told(NamedTuple):
    """A message as it is told: names in lower case, trailers behind the fields, as httptools has them."""

    start: bytes  # a request's target, a response's reason
    fields: Pairs
    body: bytes


def told(message: Message) -> Told:
    """As it is told here."""
    start = getattr(message, "target", None) or getattr(message, "reason", "")
    fields = tuple((name.lower().encode(), value.encode()) for name, value in (*message.headers, *message.trailers))
    return Told(start.encode(), fields, message.body)


class _Notes:
    def __init__(self) -> None:
        self.whole: list[Told] = []
        self.on_message_begin()

    def on_message_begin(self) -> None:
        self.start, self.fields, self.body = b"", [], b""  # type: ignore[var-annotated]  # pairs

    def on_url(self, url: bytes) -> None:
        self.start += url

    on_status = on_url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole.append(Told(self.start, tuple(self.fields), self.body))


def by_httptools(data: bytes, *, asks: bool) -> list[Told]:
    """The messages of one end. It cannot be told that a response answers HEAD."""
    notes = _Notes()
    (httptools.HttpRequestParser if asks else httptools.HttpResponseParser)(notes).feed_data(data)
    return notes.whole


def by_h11(methods: list[str], data: bytes) -> list[Told]:
    """The responses to requests with these methods."""
    found = []
    while methods:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=methods.pop(0), target="/", headers=[("Host", "x")]))
        client.send(h11.EndOfMessage())
        client.receive_data(data)
        head: Any = None
        body = b""
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            if isinstance(event, (h11.InformationalResponse, h11.Response)):
                if head is not None:
                    found.append(_by_h11(head, b"", []))
                head = event
            else:
                body += bytes(event.data)
        found.append(_by_h11(head, body, event.headers))
        data = client.trailing_data[0]
    return found


def _by_h11(head: Any, body: bytes, trailers: Any) -> Told:
    fields = tuple((bytes(name), bytes(value)) for name, value in (*head.headers, *trailers))
    return Told(bytes(head.reason), fields, body)
