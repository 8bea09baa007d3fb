"""What a message carries."""

from __future__ import annotations


class Body(bytes):
    """A message's body: the bytes of it that were kept, from the first on, and what is known of the rest.

    They are decoded; as sent where the coding is not known, or nothing of it decodes.

    Attributes:
        wire_len: bytes as sent, after de-chunking, whether kept or not.
        length: bytes after content decoding, whether kept or not; None where that is not known.
        trailer: the fields after a chunked body, as sent, an empty line in front; empty without any.
        trailer_kept: bytes of them at the end of what was kept, where that is as sent.
    """

    length: int | None
    trailer: bytes
    trailer_kept: int
    wire_len: int

    def __new__(
        cls, wire_len: int, length: int | None, content: bytes, trailer: bytes = b"", trailer_kept: int = 0
    ) -> Body:
        """Copies content, unless it is empty."""
        self = super().__new__(cls, content)
        self.wire_len = wire_len
        self.length = length
        self.trailer = trailer
        self.trailer_kept = trailer_kept
        return self

    def __getnewargs__(self) -> tuple[int, int | None, bytes, bytes, int]:  # type: ignore[override]  # those of bytes
        return self.wire_len, self.length, bytes(self), self.trailer, self.trailer_kept

    @property
    def is_cut(self) -> bool:
        """Whether fewer bytes were kept than there are, or than is known."""
        return self.length is None or len(self) < self.length

    @property
    def text(self) -> str | None:
        """The bytes if they are text: UTF-8, the last character of a cut one left out. Else None."""
        return self.text_of(self)

    def text_of(self, content: bytes) -> str | None:
        """The same of what is shown in place of the bytes."""
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            if self.is_cut and error.reason == "unexpected end of data":
                return content[: error.start].decode()
            return None


NO_BODY = Body(0, 0, b"")
