"""Decodes the content of gRPC-Web's text form as it comes: base64 in pieces, each of which may be padded."""

from __future__ import annotations

import re
from binascii import a2b_base64

# white space in base64 is not counted (RFC 2045, 6.8)
SPACE = b" \t\r\n"
# whole groups, and a last one with padding, which ends a piece (RFC 4648, 4)
PIECE = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
GROUP_BYTES = 4


class Base64Text:
    """Decodes the text form.

    Attributes:
        rest: the bytes of a group that is not yet whole.
        is_bad: whether the content is not base64. Only the bytes before that point are decoded.
    """

    def __init__(self) -> None:
        self.rest = b""
        self.is_bad = False

    def decode(self, data: bytes) -> bytes:
        """Decodes the next bytes."""
        data = self.rest + data.translate(None, SPACE)
        end = len(data) - len(data) % GROUP_BYTES
        self.rest = data[end:]
        made, at = [], 0
        while at < end and not self.is_bad:
            found = PIECE.match(data, at, end)
            if found is None or found.end() == at:
                self.is_bad = True
                break
            made.append(a2b_base64(found[0]))
            at = found.end()
        return b"".join(made)
