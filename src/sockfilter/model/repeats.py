"""What came again of a connection on one interface, and not on the next one: it was lost between the two."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from sockfilter.model.sequence import MASK, distance

# Repeats that are kept of each direction and interface. On a path that loses 1 % of its packets, they are those of
# 150 MB.
REPEATS_MAX = 1024


class Repeat(NamedTuple):
    """Bytes of one direction that came again on an interface.

    Attributes:
        seq: the sequence number of the first of them.
        size: bytes.
        time_ns: when they came again, in the source's clock.
    """

    seq: int
    size: int
    time_ns: int


class Repeats:
    """What came again of one direction on one interface, the last REPEATS_MAX of them.

    Attributes:
        dropped_ns: when the last of those that are no longer kept came; 0 if all are kept.
    """

    __slots__ = ("_kept", "dropped_ns")

    def __init__(self) -> None:
        self._kept: deque[Repeat] = deque()
        self.dropped_ns = 0

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, repeat: Repeat) -> None:
        """Adds bytes that came again."""
        self._kept.append(repeat)
        if len(self._kept) > REPEATS_MAX:
            self.dropped_ns = self._kept.popleft().time_ns

    def since(self, dropped_ns: int) -> list[Repeat]:
        """Returns what came again later than dropped_ns."""
        return [repeat for repeat in self._kept if repeat.time_ns > dropped_ns]


def missed(before: Repeats, behind: Repeats) -> list[Repeat]:
    """Returns the repeats on an interface that did not come again on the one behind it.

    The first copy of these bytes was lost between the two: the one behind it saw one copy less.
    """
    dropped_ns = max(before.dropped_ns, behind.dropped_ns)
    came = behind.since(dropped_ns)
    found: list[Repeat] = []
    for repeat in before.since(dropped_ns):
        rest = [repeat]
        for i, other in enumerate(came):
            parts = [part for one in rest for part in without(one, other.seq, other.size)]
            if parts != rest:
                # what has been matched once does not match again
                came[i : i + 1] = without(other, repeat.seq, repeat.size)
                rest = parts
                break
        found += rest
    return found


def without(repeat: Repeat, seq: int, size: int) -> list[Repeat]:
    """Returns what is left of bytes without size bytes from a sequence number on: one part, two, or none."""
    start = distance(repeat.seq, seq)
    left, right = min(max(start, 0), repeat.size), max(min(start + size, repeat.size), 0)
    if left >= right:
        return [repeat]
    parts = [repeat._replace(size=left), Repeat((repeat.seq + right) & MASK, repeat.size - right, repeat.time_ns)]
    return [part for part in parts if part.size]
