"""Writes large bodies one window at a time, so that the whole form of a body is never in memory."""

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
# characters that are searched for a place to divide a text; a longer run of marks is escaped, so any cut will do
MARKS_MAX = 64


def has_large_body(exchange: Exchange) -> bool:
    """Whether at least LARGE_BYTES of one of its bodies were kept."""
    request, response = exchange.request, exchange.response
    return (request is not None and len(request.body) >= LARGE_BYTES) or (
        response is not None and len(response.body) >= LARGE_BYTES
    )


def windows(content: bytes) -> Iterator[bytes]:
    """The content, one window at a time."""
    for start in range(0, len(content), WINDOW_BYTES):
        yield content[start : start + WINDOW_BYTES]


def is_text(content: bytes, is_cut: bool) -> bool:
    """Whether Body.text_of() returns a text for the content. is_cut: the last character may be incomplete."""
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
    """The result of printable_lines() for the whole text, piece by piece."""
    rest = ""
    for text in texts:
        rest += text
        end = _end_of_part(rest)
        # the added character keeps a last carriage return from being removed as part of a line ending
        yield printable_lines(rest[:end] + ".")[:-1]
        rest = rest[end:]
    yield printable_lines(rest)


def indented_lines(texts: Iterable[str], margin: str) -> Iterator[str]:
    """The lines of a text that is not empty, each after a margin. A line feed at the end only ends the last line."""
    end = ""
    yield margin
    for text in texts:
        piece = end + text
        end = "\n" if piece.endswith("\n") else ""
        yield piece.removesuffix("\n").replace("\n", f"\n{margin}")
    yield "\n"


def _end_of_part(text: str) -> int:
    """The last place at which the text may be divided: not within a line ending, and not before a mark."""
    last = end = max(len(text) - 1, 0)
    while end > last - MARKS_MAX and end > 0 and _is_mark(text[end]):
        end -= 1
    return end - (text[end - 1 : end + 1] == "\r\n")


def _is_mark(character: str) -> bool:
    if character.isascii():
        return False
    import unicodedata  # imported late: only needed if a peer sends more than ASCII

    return unicodedata.category(character) in ("Mn", "Me")
