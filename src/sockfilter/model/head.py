"""The head of a message: the start line and the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model import target as targets

if TYPE_CHECKING:
    from sockfilter.model.headers import Headers


class LostField(NamedTuple):
    """A field that is not wholly known.

    Attributes:
        at: its place among all fields of the head, from 0.
        name: its name; None if not known.
        value: its value; None if not known.
    """

    at: int
    name: str | None
    value: str | None


class Head:
    """The head of a message, whatever its protocol.

    A protocol whose heads are text has a subclass. It keeps the text, and parses the fields when they are first needed.

    Args:
        version: "1.0", "1.1" or "2"; "0.9" if the message has none.
        method: of a request, as sent; empty for a response, and if not known.
        target: of a request, as sent; empty for a response, and if not known.
        status: of a response; 0 for a request, for a response of HTTP/0.9, which has none, and if not known.
        reason: the reason phrase of a response; may be empty.
        headers: the fields.

    Attributes:
        scheme: of a request whose protocol states it, such as "https"; otherwise empty.
        lost: the fields that are not wholly known; they are not in headers.
        raw: start line and fields with their line endings, as sent; empty in a protocol whose heads are not text.
        is_request: whether it is the head of a request.
        is_shared: whether other messages have the same object, so that its text is worth a place in a cache.
        has_text: whether heads are text in its protocol; raw then has the whole head.
    """

    __slots__ = ("_headers", "_reason", "method", "status", "target", "version")

    scheme = ""
    lost: tuple[LostField, ...] = ()
    raw = b""
    has_text = False
    is_shared = False

    _headers: Headers | None
    _reason: str | None

    def __init__(self, version: str, method: str, target: str, status: int, reason: str, headers: Headers) -> None:
        self.version = version
        self.method = method
        self.target = target
        self.status = status
        self._reason = reason
        self._headers = headers

    @property
    def is_request(self) -> bool:
        """Whether it is the head of a request."""
        return bool(self.method)

    @property
    def headers(self) -> Headers:
        """The fields."""
        assert self._headers is not None  # a subclass that sets None overrides this property
        return self._headers

    @property
    def reason(self) -> str:
        """The reason phrase of a response; may be empty."""
        return self._reason or ""

    @property
    def authority(self) -> str:
        """The host and the port, if any, as sent: from the target, else from the Host field (RFC 9112, 3.3)."""
        return targets.split(self.target)[0] or self.headers.get("host", "")

    @property
    def size(self) -> int:
        """Bytes of text in the head."""
        fields = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.method) + len(self.target) + len(self.reason) + fields
