"""Requests and responses as they crossed the wire."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter.errors import BodyError
from sockfilter.model import target as targets
from sockfilter.model.body import NO_BODY, Body
from sockfilter.model.headers import Headers

if TYPE_CHECKING:
    from sockfilter.model.head import Head
    from sockfilter.model.problem import Problem

# RFC 9110, 8.3.2
CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w.:-]+)", re.IGNORECASE)
# what Python decodes, and no peer means: names of hosts, and literals of Python
NO_CHARSETS = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"}


# Where a message stands, for the pairing of its protocol: the sequence number of its first byte, up to where its sender
# had received the other direction by then, and what else tells it from others, such as the number of its stream.
Place: TypeAlias = "tuple[int, ...]"


class Message:
    """What requests and responses have in common. Read it; the parser that made it writes it.

    Attributes:
        head: start line and fields.
        body: NO_BODY until it has ended.
        start_ns, end_ns: when its first and last byte passed, in the source's clock; end_ns is None
            while more of it may come. Where packets have no times, these numbers only order them.
        place: where it stands; the pairing of its protocol understands it.
        complete: it ended as its framing says, and no byte of it is missing.
        is_resumed: messages of its sender may be missing before it.
        problems: what is odd about it.
    """

    __slots__ = ("body", "complete", "end_ns", "head", "is_resumed", "place", "problems", "start_ns")

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
        self.is_resumed = False

    @property
    def seq(self) -> int:
        """The sequence number of its first byte."""
        return self.place[0]

    @property
    def ack(self) -> int:
        """Up to which sequence number its sender had received the other direction by then."""
        return self.place[1]

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
        """The head as sent; empty in a protocol whose heads are no text."""
        return self.head.raw

    @property
    def trailers(self) -> Headers:
        """The fields after a chunked body."""
        return Headers.from_head(self.body.trailer)

    @property
    def text(self) -> str:
        """The body as text, by the charset of Content-Type, else as UTF-8; what does not decode is replaced."""
        found = CHARSET.search(self.headers.get("content-type", ""))
        charset = found[1] if found else "utf-8"
        try:
            is_one = codecs.lookup(charset).name not in NO_CHARSETS
            return self.body.decode(charset if is_one else "utf-8", "replace")
        except LookupError:  # a charset that nobody knows
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON means it.

        Raises:
            BodyError: it was not kept whole, or is none.
        """
        import json  # only where it is used

        if self.body.is_cut:
            known = "" if self.body.length is None else f" of {self.body.length}"
            raise BodyError(
                f"reading {self!r} as JSON: only {len(self.body)}{known} bytes were kept; body=None keeps all"
            )
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:  # the second for brackets without end
            from sockfilter.masking import mask_body  # only where it is shown

            raise BodyError(f"reading {self!r} as JSON: {error}; the body begins {mask_body(self)[:40]!r}") from error

    def add_problem(self, problem: Problem) -> None:
        """Notes what is odd, once."""
        if problem not in self.problems:
            self.problems = (*self.problems, problem)


class Request(Message):
    """A request."""

    __slots__ = ()

    def __repr__(self) -> str:
        """What was asked, with secrets masked."""
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
        """The path of the target, without the query, its percent-encoding undone; empty where it has none."""
        return targets.path(self.head.target)

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the target: each name with its values, in order, their encoding undone."""
        return targets.query(self.head.target)

    @property
    def authority(self) -> str:
        """Host and perhaps port that were asked, as sent: of the target, else of the field Host (RFC 9112, 3.3)."""
        return self.head.authority

    @property
    def host(self) -> str:
        """The host that was asked, without the port, in lower case; empty where it was not said."""
        return targets.host(self.authority)


class Response(Message):
    """A response."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Status and words, with secrets masked."""
        from sockfilter.masking import mask_reason

        return f"<Response {self.status} {mask_reason(self.reason)}>"

    @property
    def status(self) -> int:
        """The status code; 0 where there is none, as in HTTP/0.9, or it cannot be read."""
        return self.head.status

    @property
    def reason(self) -> str:
        """The words after the status; empty without any."""
        return self.head.reason

    @property
    def is_final(self) -> bool:
        """Whether this answers the request; 1xx but 101 only announce (RFC 9110, 15.2)."""
        return not 100 <= self.head.status < 200 or self.head.status == 101
