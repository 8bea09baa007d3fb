"""The values of AMQP 0-9-1 (4.2.5): field tables, arrays and what they contain, as RabbitMQ encodes them."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from sockfilter.protocols.cursor import Cursor, Malformed, text_of, text_or_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

# Tables and arrays inside one another: properties of queues and of dead letters have three levels.
DEPTH_MAX = 8
# entries of all tables and arrays of one frame
ENTRIES_MAX = 4096


class Values:
    """Reads values, with a limit on all of one frame together."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries = 0

    def table(self, cursor: Cursor, depth: int = 0) -> dict[str, object]:
        """A field table. Of two entries with the same name, the last counts.

        Raises:
            Malformed: it reaches beyond the end, has an unknown type, or is deeper or longer than the limits.
        """
        inside = self._inside(cursor, depth)
        found: dict[str, object] = {}
        while inside.left:
            name = text_of(inside.take(inside.number(1)))
            found[name] = self._value(inside, depth)
        return found

    def _array(self, cursor: Cursor, depth: int) -> list[object]:
        inside = self._inside(cursor, depth)
        found = []
        while inside.left:
            found.append(self._value(inside, depth))
        return found

    def _inside(self, cursor: Cursor, depth: int) -> Cursor:
        if depth >= DEPTH_MAX:
            raise Malformed
        return cursor.within(cursor.number(4))

    def _value(self, cursor: Cursor, depth: int) -> object:
        self._entries += 1
        if self._entries > ENTRIES_MAX:
            raise Malformed
        tag = cursor.take(1)
        if tag == b"F":
            return self.table(cursor, depth + 1)
        if tag == b"A":
            return self._array(cursor, depth + 1)
        read = SIMPLE.get(tag)
        if read is None:
            raise Malformed
        return read(cursor)


def short_text(cursor: Cursor) -> str:
    """A text of at most 255 bytes."""
    return text_of(cursor.take(cursor.number(1)))


def long_text(cursor: Cursor) -> object:
    """A text or bytes of any length."""
    return text_or_bytes(cursor.take(cursor.number(4)))


def _signed(size: int) -> Callable[[Cursor], object]:
    return lambda cursor: int.from_bytes(cursor.take(size), "big", signed=True)


def _unsigned(size: int) -> Callable[[Cursor], object]:
    return lambda cursor: cursor.number(size)


def _real(size: int, form: str) -> Callable[[Cursor], object]:
    def read(cursor: Cursor) -> object:
        value: float = struct.unpack(form, cursor.take(size))[0]
        return value if math.isfinite(value) else str(value)

    return read


def _decimal(cursor: Cursor) -> object:
    """A number of digits after the point, and the digits."""
    scale, digits = cursor.number(1), int.from_bytes(cursor.take(4), "big", signed=True)
    text = f"{abs(digits):0{scale + 1}d}"
    sign = "-" if digits < 0 else ""
    return f"{sign}{text[:-scale]}.{text[-scale:]}" if scale else f"{sign}{text}"


# https://www.rabbitmq.com/amqp-0-9-1-errata, 3: the types that brokers and clients use
SIMPLE: dict[bytes, Callable[[Cursor], object]] = {
    b"t": lambda cursor: bool(cursor.number(1)),
    b"b": _signed(1),
    b"B": _unsigned(1),
    b"s": _signed(2),
    b"U": _signed(2),
    b"u": _unsigned(2),
    b"I": _signed(4),
    b"i": _unsigned(4),
    b"l": _signed(8),
    b"L": _signed(8),
    b"f": _real(4, ">f"),
    b"d": _real(8, ">d"),
    b"D": _decimal,
    b"S": long_text,
    b"x": long_text,
    b"T": _unsigned(8),
    b"V": lambda cursor: None,
}
