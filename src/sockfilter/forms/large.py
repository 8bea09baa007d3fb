"""Large bodies on their way out, a window at a time: no form of one exists as a whole beside its bytes."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from sockfilter.escape import printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.model import Exchange

# bytes of content from which a body is written in windows
LARGE_BYTES = 1 << 20
# Bytes of a window: a multiple of 3, so that base64 has no padding in between.
WINDOW_BYTES = 3 << 14
# what is looked through for the end of a line's part; a longer run of marks is spelled out, wherever it is cut
MARKS_MAX = 64


def has_large_body(exchange: Exchange) -> bool:
    """Whether as much was kept of one of its bodies."""
    request, response = exchange.request, exchange.response
    return (request is not None and len(request.body) >= LARGE_BYTES) or (
        response is not None and len(response.body) >= LARGE_BYTES
    )


def windows(content: bytes) -> Iterator[bytes]:
    """The bytes, a window at a time."""
    for start in range(0, len(content), WINDOW_BYTES):
        yield content[start : start + WINDOW_BYTES]


def is_text(content: bytes, is_cut: bool) -> bool:
    """Whether Body.text_of() has a text for it; is_cut: the last character may be incomplete."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for window in windows(content):
            decoder.decode(window)
    except UnicodeDecodeError:
        return False
    return is_cut or not decoder.getstate()[0]


def text_of(content: bytes) -> Iterator[str]:
    """The text, piece by piece."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    return map(decoder.decode, windows(content))


def printable_pieces(texts: Iterable[str]) -> Iterator[str]:
    """What printable_lines() makes of the text, piece by piece."""
    rest = ""
    for text in texts:
        rest += text
        end = _end_of_part(rest)
        # with anything behind it, a carriage return is no end of a line
        yield printable_lines(rest[:end] + ".")[:-1]
        rest = rest[end:]
    yield printable_lines(rest)


def indented_lines(texts: Iterable[str], margin: str) -> Iterator[str]:
    """The lines of a text that is not empty, each behind a margin; a line feed at its end ends the last line."""
    end = ""
    yield margin
    for text in texts:
        piece = end + text
        end = "\n" if piece.endswith("\n") else ""
        yield piece.removesuffix("\n").replace("\n", f"\n{margin}")
    yield "\n"


def _end_of_part(text: str) -> int:
    """Where the text may be divided: not in an end of line, and not before a mark."""
    last = end = max(len(text) - 1, 0)
    while end > last - MARKS_MAX and end > 0 and _is_mark(text[end]):
        end -= 1
    return end - (text[end - 1 : end + 1] == "\r\n")


def _is_mark(character: str) -> bool:
    if character.isascii():
        return False
    import unicodedata  # only where a peer sends more than ASCII

    return unicodedata.category(character) in ("Mn", "Me")
