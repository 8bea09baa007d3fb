"""Segments that came before those in front of them: kept in their order, as the receiver keeps them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import NamedTuple

from sockfilter.model.sequence import MASK, distance


class Segment(NamedTuple):
    """A segment that waits. data has the first of its length bytes: those that were kept."""

    place: int  # where it begins; only differences count
    seq: int
    length: int
    data: bytes
    time_ns: int
    ack: int | None  # None: it has none

    @property
    def end(self) -> int:
        """The place behind its last byte."""
        return self.place + self.length


PLACE = attrgetter("place")


class OutOfOrder:
    """Waiting segments of one direction. Of overlaps it keeps what Linux does (tcp_data_queue_ofo()).

    None contains another: what is there already is dropped, what covers others replaces them. Of two that
    overlap in part, both stay, and the bytes of the one that begins first count.
    """

    __slots__ = ("_anchor", "_segments", "size")

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._anchor = (0, 0)  # a sequence number near the first one, and its place
        self.size = 0  # bytes kept

    def __len__(self) -> int:
        return len(self._segments)

    @property
    def first(self) -> Segment:
        """The one that comes next. There must be one."""
        return self._segments[0]

    @property
    def last_seq(self) -> int:
        """The sequence number behind the last byte. There must be one."""
        last = self._segments[-1]
        return (last.seq + last.length) & MASK

    def add(self, seq: int, length: int, data: bytes, time_ns: int, ack: int | None) -> bool:
        """Keeps a segment, unless its bytes are there. Returns whether it did."""
        segments = self._segments
        if not segments:
            self._anchor = (seq, 0)
        place = self._anchor[1] + distance(self._anchor[0], seq)
        end = place + length
        # as none contains another, they are in the order of their ends too
        before = bisect_right(segments, place, key=PLACE)
        if before and segments[before - 1].end >= end:
            return False
        start = stop = bisect_left(segments, place, key=PLACE)
        while stop < len(segments) and segments[stop].end <= end:
            self.size -= len(segments[stop].data)
            stop += 1
        segments[start:stop] = [Segment(place, seq, length, data, time_ns, ack)]
        self.size += len(data)
        return True

    def pop(self) -> Segment:
        """Takes the first one out."""
        segment = self._segments.pop(0)
        self._anchor = (segment.seq, segment.place)
        self.size -= len(segment.data)
        return segment

    def clear(self) -> None:
        """Forgets all of them."""
        self._segments.clear()
        self.size = 0
