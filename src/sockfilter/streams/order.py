"""What came again of one direction on one interface, by the source's reports of segments that are out of order."""

from __future__ import annotations

from sockfilter.model.repeats import Repeat, Repeats, without
from sockfilter.model.sequence import MASK, distance

# holes of one direction that are kept: the bytes of each have not passed yet, although later ones have
HOLES_MAX = 64


class SegmentOrder:
    """The order of one direction's segments on one interface.

    Attributes:
        repeats: what came again.
    """

    __slots__ = ("_holes", "repeats")

    def __init__(self) -> None:
        # what has not passed, with the time at which it was missed first
        self._holes: list[Repeat] = []
        self.repeats = Repeats()

    def take(self, seq: int, expected: int, length: int, time_ns: int) -> None:
        """Takes a segment that does not begin at the expected number.

        Args:
            seq: the sequence number of its first byte.
            expected: the number that was expected: all bytes before it have passed, except those in holes.
            length: its payload in bytes.
            time_ns: when it passed.
        """
        ahead = distance(expected, seq)
        if ahead > 0:
            self._holes.append(Repeat(expected, ahead, time_ns))
            del self._holes[:-HOLES_MAX]
            return
        old = [Repeat(seq & MASK, min(length, -ahead), time_ns)]
        holes: list[Repeat] = []
        for hole in self._holes:
            old = [part for one in old for part in without(one, hole.seq, hole.size)]
            holes += without(hole, seq, length)
        self._holes = holes
        for repeat in old:
            self.repeats.add(repeat)
