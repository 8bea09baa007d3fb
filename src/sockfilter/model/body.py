"""The body of a message."""

from __future__ import annotations


class Body(bytes):
    """The first bytes of a message's body, as many as were kept, and the length of the whole body.

    The bytes are decoded. They are as sent if the coding is unknown, or if not even the first bytes decode.

    Attributes:
        wire_len: bytes as sent, after de-chunking, whether kept or not.
        length: bytes after content decoding, whether kept or not; None if not known.
        trailer: the fields after a chunked body, as sent, with an empty line in front; empty if there are none.
        trailer_kept: bytes of the trailer at the end of the kept bytes, if these are as sent.
    """

    length: int | None
    trailer: bytes
    trailer_kept: int
    wire_len: int

    def __new__(
        cls, wire_len: int, length: int | None, content: bytes, trailer: bytes = b"", trailer_kept: int = 0
    ) -> Body:
        """Copies the content, unless it is empty."""
        self = super().__new__(cls, content)
        self.wire_len = wire_len
        self.length = length
        self.trailer = trailer
        self.trailer_kept = trailer_kept
        return self

    def __getnewargs__(self) -> tuple[int, int | None, bytes, bytes, int]:  # type: ignore[override]  # not as bytes has
        return self.wire_len, self.length, bytes(self), self.trailer, self.trailer_kept

    @property
    def is_cut(self) -> bool:
        """Whether fewer bytes were kept than the body has, or the length of the body is not known."""
        return self.length is None or len(self) < self.length

    @property
    def text(self) -> str | None:
        """The bytes as text if they are UTF-8, else None. A last character that was cut is left out."""
        return self.text_of(self)

    def text_of(self, content: bytes) -> str | None:
        """As text, for content that is shown in place of the bytes."""
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            if self.is_cut and error.reason == "unexpected end of data":
                return content[: error.start].decode()
            return None


NO_BODY = Body(0, 0, b"")
