"""Requests and responses as they crossed the wire."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter.model import target as targets
from sockfilter.model.body import NO_BODY, Body
from sockfilter.model.headers import Headers
from sockfilter.model.json_content import parsed

if TYPE_CHECKING:
    from sockfilter.model.head import Head
    from sockfilter.model.message_log import MessageLog
    from sockfilter.model.problem import Problem

# RFC 9110, 8.3.2
CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
# codecs of Python that are not charsets of text: host names, and literals of Python
NO_CHARSETS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"}


# The place of a message, for the pairing of its protocol: the sequence number of its first byte, the acknowledgement
# number of that segment, and what else identifies the message, such as the number of its stream.
Place: TypeAlias = "tuple[int, ...]"


class Message:
    """What requests and responses have in common. Only the parser that made it changes it.

    Attributes:
        head: start line and fields.
        body: NO_BODY until the message has ended.
        start_ns, end_ns: when its first and last byte passed, in the source's clock; end_ns is None
            while more of it may come. If packets have no times, these numbers only give their order.
        place: its place on the connection; only the pairing of its protocol interprets it.
        complete: it ended as its framing says, and no byte of it is missing.
        grpc: the messages of gRPC in its body; None if it has none.
        is_resumed: messages of its sender may be missing before it.
        problems: the problems of the message.
    """

    __slots__ = (
        "_trailers",
        "body",
        "complete",
        "end_ns",
        "grpc",
        "head",
        "is_resumed",
        "place",
        "problems",
        "start_ns",
    )

    def __init__(
        self, head: Head, start_ns: int, place: Place, end_ns: int | None = None, body: Body = NO_BODY
    ) -> None:
        self.head = head
        self.start_ns = start_ns
        self.place = place
        self.end_ns = end_ns
        self.body = body
        self.complete = end_ns is not None
        self.problems: tuple[Problem, ...] = ()
        self.grpc: MessageLog | None = None
        self.is_resumed = False
        self._trailers: Headers | None = None

    @property
    def seq(self) -> int:
        """The sequence number of its first byte."""
        return self.place[0]

    @property
    def ack(self) -> int:
        """The acknowledgement number of its first byte: its sender had received the other direction up to there."""
        return self.place[1]

    @property
    def version(self) -> str:
        """The version of HTTP: "1.0", "1.1" or "2"; "0.9" if the message has none."""
        return self.head.version

    @property
    def headers(self) -> Headers:
        """The fields of the head."""
        return self.head.headers

    @property
    def raw(self) -> bytes:
        """The head as sent; empty in a protocol whose heads are not text."""
        return self.head.raw

    @property
    def has_trailers(self) -> bool:
        """Whether fields follow the body."""
        return self._trailers is not None or bool(self.body.trailer)

    @property
    def trailers(self) -> Headers:
        """The fields after the body."""
        return Headers.from_head(self.body.trailer) if self._trailers is None else self._trailers

    @trailers.setter
    def trailers(self, fields: Headers) -> None:
        self._trailers = fields

    @property
    def text(self) -> str:
        """The body as text, decoded with the charset of Content-Type or UTF-8; invalid bytes become U+FFFD."""
        found = CHARSET.search(self.headers.get("content-type", ""))
        charset = found[1] if found else "utf-8"
        try:
            is_one = codecs.lookup(charset).name not in NO_CHARSETS
            return self.body.decode(charset if is_one else "utf-8", "replace")
        except LookupError:  # Python does not know the charset
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body, parsed as JSON.

        Raises:
            BodyError: the body was not kept whole, or is not JSON.
        """
        return parsed(self.body, self, self._shown_body)

    def _shown_body(self) -> bytes:
        from sockfilter.masking import mask_body  # imported late: only needed to show it

        return mask_body(self)

    def add_problem(self, problem: Problem) -> None:
        """Adds a problem, unless the message has it already."""
        if problem not in self.problems:
            self.problems = (*self.problems, problem)


class Request(Message):
    """A request."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Method and target, with secrets masked."""
        from sockfilter.masking import mask_target

        return f"<Request {self.method} {mask_target(self.target)}>"

    @property
    def method(self) -> str:
        """The method, as sent."""
        return self.head.method

    @property
    def target(self) -> str:
        """The target, as sent (RFC 9112, 3.2): a path with its query, an absolute URI, an authority, or *."""
        return self.head.target

    @property
    def path(self) -> str:
        """The path of the target, percent-decoded, without the query; empty if it has none."""
        return targets.path(self.head.target)

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the query, decoded: each name with its values, in order."""
        return targets.query(self.head.target)

    @property
    def authority(self) -> str:
        """The host and the port, if any, as sent: from the target, else from the Host field (RFC 9112, 3.3)."""
        return self.head.authority

    @property
    def host(self) -> str:
        """The host without the port, in lower case; empty if the request names none."""
        return targets.host(self.authority)


class Response(Message):
    """A response."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Status and reason phrase, with secrets masked."""
        from sockfilter.masking import mask_reason

        return f"<Response {self.status} {mask_reason(self.reason)}>"

    @property
    def status(self) -> int:
        """The status code; 0 if there is none, as in HTTP/0.9, or if it is malformed."""
        return self.head.status

    @property
    def reason(self) -> str:
        """The reason phrase; may be empty."""
        return self.head.reason

    @property
    def is_final(self) -> bool:
        """Whether this is the final response: not 1xx (RFC 9110, 15.2), except for 101."""
        return not 100 <= self.head.status < 200 or self.head.status == 101
