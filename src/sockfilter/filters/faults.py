"""What is wrong with a filter, and where."""

from __future__ import annotations

from sockfilter.errors import InvalidArgument
from sockfilter.escape import printable

# Characters of a filter that an error shows before the place, and in total.
BEFORE_MAX, SHOWN_MAX = 40, 72
PREFIX = "the filter: "
INDENT = "    "
MORE = "..."


class Fault(Exception):
    """Something is wrong with a filter. Internal to the parser, which adds the filter's text.

    Args:
        words: what is wrong, and what to write.
        start, end: the place, as offsets of characters. None: it is the whole filter.
    """

    def __init__(self, words: str, start: int | None = None, end: int = 0) -> None:
        super().__init__(words)
        self.start, self.end = start, end


class InvalidFilter(InvalidArgument):
    """A filter cannot be parsed, or can never hold. Correct it at its place.

    Attributes:
        words: what is wrong, and what to write.
        start, end: the place, as offsets of characters. None: it is the whole filter.
    """

    def __init__(self, message: str, words: str, start: int | None, end: int) -> None:
        super().__init__(message)
        self.words = words
        self.start, self.end = start, end


def shown(fault: Fault, text: str) -> InvalidFilter:
    """Returns the error for a fault: a line that says it, and two that show the place."""
    if fault.start is None:
        return InvalidFilter(f"{PREFIX}{fault}", str(fault), None, 0)
    start = min(fault.start, len(text))
    end = min(max(fault.end, start), len(text))
    first = max(0, start - BEFORE_MAX) if len(text) > SHOWN_MAX else 0
    last = min(len(text), first + SHOWN_MAX)
    before, at = (printable(text[one:other]) for one, other in ((first, start), (start, min(end, last))))
    head = MORE if first else ""
    line = f"{head}{before}{at}{printable(text[min(end, last) : last])}{MORE if last < len(text) else ''}"
    mark = " " * len(head + before) + "^" * max(1, len(at))
    return InvalidFilter(f"{PREFIX}{fault}\n{INDENT}{line}\n{INDENT}{mark}", str(fault), start, end)
