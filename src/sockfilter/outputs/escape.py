"""Bytes of peers, made safe for a terminal: nothing in them can move the cursor or change a colour."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with what is not printable as \\xNN or \\uNNNN; a backslash stays as it is.

    Args:
        text: as model.headers.text() makes it of bytes.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def printable_lines(text: str) -> str:
    """As printable(), for text of several lines: ends of lines and tabs stay."""
    return "\n".join(
        "\t".join(printable(part) for part in line.removesuffix("\r").split("\t")) for line in text.split("\n")
    )


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as surrogateescape keeps it
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
