"""Text in the columns of a terminal: its width, and ways to shorten it."""

from __future__ import annotations

import re
from collections.abc import Iterable

DOTS = "..."
# what is never cut in two: an escape of escape.printable(), a percent-encoded byte (RFC 3986, 2.1), or a character
UNIT_BYTES_MAX = 10
UNIT = re.compile(r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|%[0-9A-Fa-f]{2}|.", re.DOTALL)
# vowels and final consonants that join the letter before them (Hangul Jamo, Unicode 3.12)
JOINING = range(0x1160, 0x1200)
# A column keeps its width for this many lines at least, and for twice as many at most: about as many as are visible.
REMEMBERED_LINES = 20


def width(text: str) -> int:
    """Columns that printable text takes on a terminal. East Asian wide characters take two (UAX #11), marks none."""
    return len(text) if text.isascii() else sum(map(_width_of, text))


def _width_of(character: str) -> int:
    if character.isascii():
        return 1
    import unicodedata  # imported late: only needed if a peer sends more than ASCII

    if unicodedata.category(character) in ("Mn", "Me") or ord(character) in JOINING:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shortened(text: str, room: int) -> str:
    """The text in at most room columns; a longer text ends in dots.

    No character, and no escape of a character, is cut in two.
    """
    if width(text) <= room:
        return text
    kept = room - len(DOTS)
    start = text[: max(0, kept)]
    if text.isascii() and not {"\\", "%"} & set(start[-UNIT_BYTES_MAX:]):
        return start + DOTS[: max(0, room)]  # the usual case, without looking for units
    return _fitting(UNIT.findall(text), kept) + DOTS[: max(0, room)]


def shortened_front(text: str, room: int) -> str:
    """As shortened(), but keeps the end of the text, with dots in front."""
    if width(text) <= room:
        return text
    units = UNIT.findall(text)
    while units and sum(map(width, units)) > room - len(DOTS):
        del units[0]
    while units and not width(units[0]):
        del units[0]
    return DOTS[: max(0, room)] + "".join(units)


def _fitting(units: Iterable[str], room: int) -> str:
    taken = []
    for unit in units:
        room -= width(unit)
        if room < 0:
            break
        taken.append(unit)
    return "".join(taken)


def padded(text: str, room: int) -> str:
    """The text, filled with spaces up to room columns."""
    return text + " " * (room - width(text))


class RecentWidth:
    """The width of the widest recent text: a column grows at once, and shrinks after some lines."""

    def __init__(self) -> None:
        self._before = self._now = self._lines = 0

    def follow(self, wanted: int) -> int:
        """Takes the width of the next text. Returns the width of the column."""
        if self._lines >= REMEMBERED_LINES:
            self._before, self._now, self._lines = self._now, 0, 0
        self._lines += 1
        self._now = max(self._now, wanted)
        return max(self._before, self._now)
