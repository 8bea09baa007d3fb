"""What a message begins with: what is asked or answered, and the fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model import target as targets

if TYPE_CHECKING:
    from sockfilter.model.headers import Headers


class Head:
    """The head of a message, whatever its protocol.

    A protocol in which heads are text has a class of its own, which keeps the text and reads the rest when asked.

    Args:
        version: "1.0", "1.1", "2"; "0.9" where there is none.
        method: of a request, as sent; empty for a response.
        target: of a request, as sent; empty for a response.
        status: of a response; 0 for a request, and for a response of HTTP/0.9, which has none.
        reason: the words after a response's status; empty without any.
        headers: the fields.

    Attributes:
        raw: start line and fields with their ends of line, as sent; empty in a protocol without such text.
        has_text: whether heads are text in its protocol, so that raw has all there is.
    """

    __slots__ = ("_headers", "_reason", "method", "status", "target", "version")

    raw = b""
    has_text = False

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
    def headers(self) -> Headers:
        """The fields."""
        assert self._headers is not None  # a class that leaves it open has a property of its own
        return self._headers

    @property
    def reason(self) -> str:
        """The words after a response's status; empty without any."""
        return self._reason or ""

    @property
    def authority(self) -> str:
        """Host and perhaps port that were asked, as sent: of the target, else of the field Host (RFC 9112, 3.3)."""
        return targets.split(self.target)[0] or self.headers.get("host", "")

    @property
    def size(self) -> int:
        """Bytes of text that it keeps."""
        fields = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.method) + len(self.target) + len(self.reason) + fields
