"""What a message begins with: its start line and fields."""

from __future__ import annotations

from sockfilter.model.headers import Headers, text


class Head:
    """The head of a message, read once; messages with the same bytes share it.

    Attributes:
        raw: start line and fields with their ends of line, as sent.
        version: "1.0", "1.1"; "0.9" where there is none.
        method, target: of a request, as sent; empty for a response.
        status: of a response; 0 for a request, and for a response of HTTP/0.9, which has none.
    """

    __slots__ = ("_headers", "method", "raw", "status", "target", "version")

    def __init__(self, raw: bytes, version: str, method: str, target: str, status: int) -> None:
        self.raw = raw
        self.version = version
        self.method = method
        self.target = target
        self.status = status
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:
        """The fields; split when first asked for."""
        if self._headers is None:
            self._headers = Headers.from_head(self.raw)
        return self._headers

    @property
    def reason(self) -> str:
        """The words after a response's status; empty without any."""
        words = self.raw.partition(b"\n")[0].strip(b" \t\r").split(None, 2)
        return text(words[2]) if self.status and len(words) > 2 else ""
