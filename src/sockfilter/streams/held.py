"""Keeps the segments that came out of order, as the receiver does."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import attrgetter
from typing import NamedTuple

from sockfilter.model.sequence import MASK, distance


class Segment(NamedTuple):
    """A waiting segment. data contains the kept bytes: the first of its length bytes."""

    place: int  # where it begins, relative to the others
    seq: int
    length: int
    data: bytes
    time_ns: int
    ack: int | None  # None: it has no acknowledgement number

    @property
    def end(self) -> int:
        """The place after its last byte."""
        return self.place + self.length


PLACE = attrgetter("place")


class OutOfOrder:
    """The waiting segments of one direction. It treats overlaps as Linux does (tcp_data_queue_ofo()).

    No segment contains another. A new segment is dropped if another contains it, and replaces those that it contains.
    If two segments overlap in part, both stay, and the bytes of the one that begins first count.
    """

    __slots__ = ("_anchor", "_segments", "size")

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._anchor = (0, 0)  # a sequence number near the first segment, and its place
        self.size = 0  # bytes kept

    def __len__(self) -> int:
        return len(self._segments)

    @property
    def first(self) -> Segment:
        """The segment with the lowest place. There must be one."""
        return self._segments[0]

    @property
    def last_seq(self) -> int:
        """The sequence number after the last byte. There must be a segment."""
        last = self._segments[-1]
        return (last.seq + last.length) & MASK

    def add(self, seq: int, length: int, data: bytes, time_ns: int, ack: int | None) -> bool:
        """Keeps a segment unless another one contains it. Returns whether it did."""
        segments = self._segments
        if not segments:
            self._anchor = (seq, 0)
        place = self._anchor[1] + distance(self._anchor[0], seq)
        end = place + length
        # as no segment contains another, they are sorted by their ends too
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
        """Removes and returns the first segment."""
        segment = self._segments.pop(0)
        self._anchor = (segment.seq, segment.place)
        self.size -= len(segment.data)
        return segment

    def clear(self) -> None:
        """Removes all segments."""
        self._segments.clear()
        self.size = 0
