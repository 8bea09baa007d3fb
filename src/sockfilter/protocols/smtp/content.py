"""The content of a mail: its end, its dots, and its subject."""

from __future__ import annotations

import re

from sockfilter.protocols.cursor import text_of

# RFC 5321, 4.1.1.4
END_OF_CONTENT = b"\r\n.\r\n"
# an end that some servers accept too
LOOSE_END = re.compile(rb"(?:^|\n)\.\r?\n?\Z")
# bytes of the fields at the beginning of a mail in which the subject is looked for; few mails have more
FIELDS_BYTES_MAX = 64 << 10
FIELDS_END = re.compile(rb"\r?\n\r?\n")
# a line that does not continue the one before it
NEXT_FIELD = re.compile(rb"\r?\n[^ \t]")
SUBJECT = re.compile(rb"(?:^|\n)subject:((?:[^\r\n]|\r?\n[ \t])*)", re.IGNORECASE)


class Dots:
    """Removes the dots that a client adds to lines that begin with one (RFC 5321, 4.5.2), and finds the end.

    Args:
        is_at_start: whether the next byte begins the content.
    """

    __slots__ = ("_added", "_held", "_last")

    def __init__(self, is_at_start: bool = True) -> None:
        # the last bytes if they may belong to the end; the content begins as if a line had ended before it
        self._held = b"\r\n" if is_at_start else b""
        self._added = len(self._held)
        self._last = self._held  # the last bytes, for looks_ended

    @property
    def looks_ended(self) -> bool:
        """Whether the last bytes may be an end for a server that does not require CR LF around the dot."""
        return LOOSE_END.search(self._last) is not None

    def read(self, data: bytes, at: int) -> tuple[bytes, int, bool]:
        """Reads content from an offset on. Returns content, the offset after it, and whether it has ended."""
        text = self._held + data[at:]
        self._last = (self._last + text[-5:])[-5:] if len(text) < 5 else text[-5:]
        found = text.find(END_OF_CONTENT)
        if found >= 0:
            taken = found + len(END_OF_CONTENT) - len(self._held)
            return self._without_dots(text[: found + 2]), at + taken, True
        kept = next(size for size in range(4, -1, -1) if text.endswith(END_OF_CONTENT[:size]))
        made = self._without_dots(text[: len(text) - kept])
        self._held = text[len(text) - kept :]
        return made, len(data), False

    def rest(self) -> bytes:
        """The last bytes, which do not belong to an end after all."""
        held, self._held = self._held, b""
        return self._without_dots(held)

    def _without_dots(self, text: bytes) -> bytes:
        added, self._added = self._added, max(0, self._added - len(text))
        return text.replace(b"\r\n.", b"\r\n")[added:]


def subject_of(fields: bytes, is_whole: bool = True) -> str | None:
    """The subject in the fields of a mail, decoded (RFC 2047); None if there is none, or if it is not wholly known.

    Args:
        fields: the first bytes of the mail.
        is_whole: whether they are all that the mail has.
    """
    end = FIELDS_END.search(fields)
    found = SUBJECT.search(fields, 0, len(fields) if end is None else end.start())
    if found is None or (end is None and not is_whole and not NEXT_FIELD.match(fields, found.end())):
        return None
    from email.errors import HeaderParseError  # slow to import
    from email.header import decode_header

    sent = re.sub(rb"\r?\n([ \t])", rb"\1", found[1]).strip(b" \t")
    try:
        pieces = decode_header(sent.decode("latin-1"))
        return "".join(_decoded(piece, charset) for piece, charset in pieces)
    except (HeaderParseError, LookupError, ValueError):  # not in the form of RFC 2047, or an unknown character set
        return text_of(sent)


def _decoded(piece: bytes | str, charset: str | None) -> str:
    """A piece of a field: an encoded word, or what is between them, which may be UTF-8 (RFC 6532)."""
    data = piece.encode("latin-1") if isinstance(piece, str) else piece
    return text_of(data) if charset is None else data.decode(charset)
