"""The fields of a protobuf message without its schema, as far as the bytes tell them.

The bytes have the number of each field and how it is encoded, but neither names nor types (protobuf's encoding guide).
"""

from __future__ import annotations

import re
from struct import Struct
from typing import Any

# levels of messages within messages; protobuf's parsers allow a hundred
DEPTH_MAX = 16
# fields of one message, those of inner messages included: more than anybody reads
FIELDS_MAX = 10_000
# field numbers have 29 bits
NUMBER_MAX = (1 << 29) - 1
# bytes of a varint with 64 bits
VARINT_BYTES_MAX = 10
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# control characters that no text has
RARE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Fixed(int):
    """A number of 32 or 64 bits: unsigned, because the bytes do not tell whether it has a sign or is a float.

    Attributes:
        float: the same bits as a floating-point number.
    """

    float: float

    def __new__(cls, data: bytes) -> Fixed:
        """Reads the number, lowest byte first."""
        self = super().__new__(cls, int.from_bytes(data, "little"))
        (self.float,) = FLOATS[len(data)].unpack(data)
        return self


FLOATS = {4: Struct("<f"), 8: Struct("<d")}


class Implausible(Exception):  # not named ...Error, because it does not leave the module
    """The bytes are not a protobuf message, or it has more fields or levels than the limits."""


def fields_of(data: bytes) -> dict[int, Any] | None:
    """The fields by their numbers; None if the bytes are not a protobuf message.

    A field that comes more than once has a list of its values.
    """
    try:
        return _Walk().message(data, 0, len(data), 0)
    except Implausible:
        return None


class _Walk:
    """One message, and those within it."""

    def __init__(self) -> None:
        self._left = FIELDS_MAX

    def message(self, data: bytes, at: int, end: int, depth: int) -> dict[int, Any]:
        """The message in data[at:end]."""
        made: dict[int, Any] = {}
        repeated: set[int] = set()
        while at < end:
            key, at = _varint(data, at, end)
            number, kind = key >> 3, key & 7
            self._left -= 1
            if not 0 < number <= NUMBER_MAX or self._left < 0:
                raise Implausible
            value, at = self._value(data, at, end, kind, depth)
            if number not in made:
                made[number] = value
            elif number in repeated:
                made[number].append(value)
            else:
                made[number] = [made[number], value]
                repeated.add(number)
        return made

    def _value(self, data: bytes, at: int, end: int, kind: int, depth: int) -> tuple[Any, int]:
        """The value of a field, and the place after it."""
        if kind == VARINT:
            return _varint(data, at, end)
        if kind == LENGTH:
            size, at = _varint(data, at, end)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise Implausible  # groups are not in use any more, and other kinds do not exist
        if size > end - at:
            raise Implausible
        if kind == LENGTH:
            return self._content(data, at, at + size, depth), at + size
        return Fixed(data[at : at + size]), at + size

    def _content(self, data: bytes, at: int, end: int, depth: int) -> str | dict[int, Any] | bytes:
        """What has a length: text if it is printable, a message if it can be one, else text or bytes."""
        content = data[at:end]
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = None
        if text is not None and not CONTROL.search(text):
            return text
        if depth + 1 < DEPTH_MAX:
            left = self._left
            try:
                return self.message(data, at, end, depth + 1)
            except Implausible:
                if self._left < 0:
                    raise
                self._left = left
        return content if text is None or RARE.search(text) else text


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The unsigned number at a place, and the place after it."""
    value = shift = 0
    for place in range(at, min(end, at + VARINT_BYTES_MAX)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, place + 1
        shift += 7
    raise Implausible


def text_of(fields: dict[int, Any]) -> str:
    """The fields as text in one line: {1: "x", 2: 7}."""
    return "{%s}" % ", ".join(f"{number}: {_shown(value)}" for number, value in fields.items())


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return text_of(value)
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(_shown, value))
    if isinstance(value, str):
        import json  # imported late: only needed to show it

        return json.dumps(value, ensure_ascii=False)
    return repr(value)
