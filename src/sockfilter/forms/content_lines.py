"""A content as lines of text: what was kept of it, or a note that it is not text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.escape import printable_lines
from sockfilter.forms.large import LARGE_BYTES, indented_lines, is_text, printable_pieces, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sockfilter.model.body import Body


def content_lines(body: Body, content: bytes, margin: str) -> Iterable[str]:
    """The lines with their line feeds, each with a margin in front. Those of a large content are made one by one.

    Args:
        body: the content, as it was kept.
        content: what to show of it, with secrets masked or not.
        margin: the margin.
    """
    if len(content) >= LARGE_BYTES:
        return _large(body, content, margin)
    return (f"{margin}{line}\n" for line in short_lines(body, content))


def short_lines(body: Body, content: bytes) -> list[str]:
    """The lines of a content that is not large, without a margin; and a note if it was not kept whole.

    Args:
        body: the content, as it was kept.
        content: what to show of it, with secrets masked or not.
    """
    text = body.text_of(content)
    if text is None or "\0" in text:
        lines = [_not_text(body)]
    else:
        lines = printable_lines(text).removesuffix("\n").split("\n") if text else []
    return [*lines, *cut_line(body)]


def cut_line(body: Body) -> list[str]:
    """The note about the kept bytes, if the content was not kept whole."""
    return [f"({len(body)} of {'?' if body.length is None else body.length} bytes kept)"] if body.is_cut else []


def _large(body: Body, content: bytes, margin: str) -> Iterator[str]:
    if b"\0" in content or not is_text(content, body.is_cut):
        yield f"{margin}{_not_text(body)}\n"
    else:
        yield from indented_lines(printable_pieces(text_of(content)), margin)
    yield from (f"{margin}{line}\n" for line in cut_line(body))


def _not_text(body: Body) -> str:
    return f"({len(body)} bytes, not text)"
