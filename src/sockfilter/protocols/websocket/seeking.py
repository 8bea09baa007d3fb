"""Finds the frames again after a gap, by heads that follow one another and that the sender may send."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.protocols.websocket.frames import (
    CONTINUATION,
    CONTROL,
    CONTROL_BYTES_MAX,
    FIN,
    KINDS,
    RSV,
    RSV1,
    MessageFrameHead,
    head_at,
)

if TYPE_CHECKING:
    from sockfilter.protocols.websocket.extensions import Extensions

# Heads in a row: from the beginning of a segment, where most messages begin, and from anywhere else.
# Random bytes look like a head once in 20 times at most: like so many once in 8 000, and in 3 000 000 times.
HEADS_MIN, HEADS_ANYWHERE_MIN = 3, 5
# Bytes of a payload in such a row. A longer one would make it wait for bytes that may never come.
PAYLOAD_BYTES_MAX = 16 << 20
# Bytes that wait for the heads after them: some full segments. Beyond this, the frames found so far are not told.
WAITING_BYTES_MAX = 64 << 10
# Beginnings of segments that are followed at the same time; each costs a look at each further segment.
ROWS_MAX = 16
# the first byte of a frame that ends a message, and of one that does not and has a payload
LIKELY = re.compile(rb"(?=[\x80-\x82\x88-\x8a\xc1\xc2]|[\x00-\x02\x41\x42][\x01-\x7f\x81-\xff])")


class FoundFrames(NamedTuple):
    """Where frames begin again.

    Attributes:
        data: the bytes from there on.
        passed: bytes before them, which are not read.
        time_ns: when data began to pass.
    """

    data: bytes
    passed: int
    time_ns: int


def is_allowed(head: MessageFrameHead, extensions: Extensions) -> bool:
    """Whether a frame with this head is possible (RFC 6455, 5.2 and 5.5).

    Args:
        head: the head.
        extensions: the extensions of the connection.
    """
    opcode = head.opcode
    if opcode not in KINDS or head.length >> 63:
        return False
    if head.first & RSV and not extensions.has_others:
        may_compress = extensions.deflates and 0 < opcode < CONTROL
        if not may_compress or head.first & RSV != RSV1:
            return False
    return opcode < CONTROL or (head.length <= CONTROL_BYTES_MAX and head.first & FIN != 0)


def is_proper(head: MessageFrameHead, is_masked: bool | None) -> bool:
    """Whether the length is as short as possible, and the mask is there or not as the sender's end demands (5.1).

    Args:
        head: the head of a possible frame.
        is_masked: whether its sender must mask; None if not known.
    """
    return not head.is_longer and (is_masked is None or bool(head.mask) == is_masked)


class HeadRow:
    """Heads that follow one another.

    Args:
        start: offset of the first one.

    Attributes:
        next: offset of the next one.
        count: heads so far.
        is_within: whether the last data frame has left its message open; None if there was none.
    """

    __slots__ = ("count", "is_within", "next", "start")

    def __init__(self, start: int) -> None:
        self.start = self.next = start
        self.count = 0
        self.is_within: bool | None = None

    def admits(self, head: MessageFrameHead) -> bool:
        """Whether a head may follow the others. Takes it."""
        is_final = head.first & FIN != 0
        if head.length > PAYLOAD_BYTES_MAX or not (is_final or head.length):
            return False  # zeros would be empty fragments without end
        if head.opcode < CONTROL:
            if self.is_within is not None and self.is_within is not (head.opcode == CONTINUATION):
                return False
            self.is_within = not is_final
        self.count += 1
        self.next += head.size + head.length
        return True


class FrameSeeking:
    """Looks for frames.

    Args:
        extensions: the extensions of the connection.
        is_masked: whether this end must mask; None if not known.
    """

    __slots__ = ("_extensions", "_is_masked", "_passed", "_rows", "_search_at", "_segments", "_times", "_waiting")

    def __init__(self, extensions: Extensions, is_masked: bool | None) -> None:
        self._extensions = extensions
        self._is_masked = is_masked
        self._waiting = bytearray()
        self._segments: list[int] = []  # offsets in the bytes that wait
        self._times: list[int] = []  # when each of these segments passed
        self._rows: list[HeadRow] = []
        self._search_at = 0  # so many bytes must wait for the next search of all of them
        self._passed = 0  # bytes before those that wait

    @property
    def weight(self) -> int:
        """Bytes of memory that wait."""
        return len(self._waiting)

    def take(self, data: bytes, time_ns: int) -> FoundFrames | None:
        """Takes the next segment. Returns where frames begin; None if that is not known yet."""
        if len(self._rows) < ROWS_MAX:
            self._rows.append(HeadRow(len(self._waiting)))
        self._segments.append(len(self._waiting))
        self._times.append(time_ns)
        self._waiting += data
        for row in self._rows:
            if self._follow(row, HEADS_MIN) and row.count >= HEADS_MIN:
                return self._found(row.start)
        self._rows = [row for row in self._rows if row.count >= 0]
        if len(self._waiting) >= self._search_at:
            start = self._search()
            if start is not None:
                return self._found(start)
            self._search_at = 2 * len(self._waiting)
        if len(self._waiting) > WAITING_BYTES_MAX:
            self._give_up_first()
        return None

    def drop(self) -> int:
        """Begins again, because bytes are missing here. Returns the number of bytes that were not read."""
        passed = self._passed + len(self._waiting)
        self._rows = []
        self._forget()
        self._passed = 0
        return passed

    def _follow(self, row: HeadRow, count: int) -> bool:
        """Follows a row up to a number of heads. Returns False, and marks it, if one is none."""
        while row.count < count and row.next <= len(self._waiting):
            head = head_at(self._waiting, row.next)
            if head is None:
                break
            if not (is_allowed(head, self._extensions) and is_proper(head, self._is_masked) and row.admits(head)):
                row.count = -1
                return False
        return True

    def _search(self) -> int | None:
        """The first offset from which on enough heads follow one another in the bytes that wait."""
        for found in LIKELY.finditer(self._waiting):
            row = HeadRow(found.start())
            if self._follow(row, HEADS_ANYWHERE_MIN) and row.count >= HEADS_ANYWHERE_MIN:
                return row.start
        return None

    def _found(self, start: int) -> FoundFrames:
        time_ns = self._times[bisect_right(self._segments, start) - 1]
        found = FoundFrames(bytes(self._waiting[start:]), self._passed + start, time_ns)
        self.drop()
        return found

    def _give_up_first(self) -> None:
        """Drops the bytes that wait. The rows of heads go on at their next heads."""
        size = len(self._waiting)
        for row in self._rows:
            row.next -= size
            row.start = row.next
        self._rows = [row for row in self._rows if row.start >= 0]
        self._passed += size
        self._forget()

    def _forget(self) -> None:
        self._waiting = bytearray()
        self._segments, self._times = [], []
        self._search_at = 0
