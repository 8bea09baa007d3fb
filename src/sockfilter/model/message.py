"""Requests and responses as they crossed the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.headers import Headers

if TYPE_CHECKING:
    from sockfilter.model.head import Head
    from sockfilter.model.problem import Problem


class Body:
    """A message's body.

    Args:
        wire_len: bytes as sent, after de-chunking, whether kept or not.
        length: bytes after content decoding, whether kept or not; None where that is not known.
        content: the bytes that were kept, from the first on, decoded; as sent where the coding is not known,
            or nothing of it decodes.
        trailer: the fields after a chunked body, as sent, an empty line in front; empty without any.
        trailer_kept: bytes of them at the end of content, where that is kept as sent.
    """

    __slots__ = ("content", "length", "trailer", "trailer_kept", "wire_len")

    def __init__(
        self, wire_len: int, length: int | None, content: bytes, trailer: bytes = b"", trailer_kept: int = 0
    ) -> None:
        self.wire_len = wire_len
        self.length = length
        self.content = content
        self.trailer = trailer
        self.trailer_kept = trailer_kept

    def __repr__(self) -> str:
        return f"<Body {self.wire_len} bytes, {len(self.content)} kept>"

    @property
    def is_cut(self) -> bool:
        """Whether fewer bytes were kept than there are, or than is known."""
        return self.length is None or len(self.content) < self.length

    @property
    def text(self) -> str | None:
        """The content if it is text: UTF-8, the last character of a cut one left out. Else None."""
        try:
            return self.content.decode()
        except UnicodeDecodeError as error:
            if self.is_cut and error.reason == "unexpected end of data":
                return self.content[: error.start].decode()
            return None


NO_BODY = Body(0, 0, b"")


class Message:
    """What requests and responses have in common. Read it; the parser that made it writes it.

    Attributes:
        head: start line and fields.
        body: NO_BODY until it has ended.
        start_ns, end_ns: when its first and last byte passed, in the source's clock; end_ns is None
            while more of it may come.
        seq, ack: the sequence number of its first byte, and what its sender had received by then.
        is_complete: it ended as its framing says, and no byte of it is missing.
        problems: what is odd about it.
    """

    __slots__ = ("ack", "body", "end_ns", "head", "is_complete", "problems", "seq", "start_ns")

    def __init__(
        self, head: Head, start_ns: int, seq: int, ack: int, end_ns: int | None = None, body: Body = NO_BODY
    ) -> None:
        self.head = head
        self.start_ns = start_ns
        self.seq = seq
        self.ack = ack
        self.end_ns = end_ns
        self.body = body
        self.is_complete = end_ns is not None
        self.problems: tuple[Problem, ...] = ()

    @property
    def version(self) -> str:
        """The version of HTTP: "1.0", "1.1"; "0.9" where there is none."""
        return self.head.version

    @property
    def headers(self) -> Headers:
        """The fields of the head."""
        return self.head.headers

    @property
    def raw(self) -> bytes:
        """The head as sent."""
        return self.head.raw

    @property
    def trailers(self) -> Headers:
        """The fields after a chunked body."""
        return Headers.from_head(self.body.trailer)

    def add_problem(self, problem: Problem) -> None:
        """Notes what is odd, once."""
        if problem not in self.problems:
            self.problems = (*self.problems, problem)


class Request(Message):
    """A request."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.target}>"

    @property
    def method(self) -> str:
        """The method, as sent."""
        return self.head.method

    @property
    def target(self) -> str:
        """The target, as sent (RFC 9112, 3.2): a path with its query, an absolute URI, an authority, or *."""
        return self.head.target


class Response(Message):
    """A response."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"

    @property
    def status(self) -> int:
        """The status code; 0 in HTTP/0.9, which has none."""
        return self.head.status

    @property
    def reason(self) -> str:
        """The words after the status; empty without any."""
        return self.head.reason

    @property
    def is_final(self) -> bool:
        """Whether this answers the request; 1xx but 101 only announce (RFC 9110, 15.2)."""
        return self.head.status >= 200 or self.head.status in (0, 101)
