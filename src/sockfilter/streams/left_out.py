"""Content of HTTP/2 that the source has left out, as it reports it: with numbers in place of bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.sequence import MASK, distance

if TYPE_CHECKING:
    from sockfilter.model.flow import LeftOut

# Runs of bytes that are known at a time: the source begins another after each segment that it does not leave out, and
# those before it were reported first, except on another processor a moment ago.
RUNS_MAX = 64


class LeftOutRun:
    """Bytes in a row that were left out.

    Args:
        seq: the sequence number of the first one.
        left_out: the last report, of all of them.

    Attributes:
        size, heads: what has been passed on, of each.
    """

    __slots__ = ("heads", "left_out", "seq", "size")

    def __init__(self, seq: int, left_out: LeftOut) -> None:
        self.seq = seq
        self.left_out = left_out
        self.size = self.heads = 0

    @property
    def start(self) -> int:
        """The sequence number of the first byte that has not been passed on."""
        return (self.seq + self.size) & MASK

    @property
    def waits(self) -> bool:
        """Whether there are bytes that have not been passed on."""
        return self.left_out.size > self.size


class Reports:
    """What was left out of one direction. Reports say all of a run again, with more, and may come out of order."""

    __slots__ = ("_runs",)

    def __init__(self) -> None:
        self._runs: list[LeftOutRun] = []

    def __bool__(self) -> bool:
        return any(run.waits for run in self._runs)

    @property
    def since_ns(self) -> int:
        """When the first of the bytes that wait were reported; there must be some."""
        return min(run.left_out.time_ns for run in self._runs if run.waits)

    def add(self, seq: int, left_out: LeftOut) -> None:
        """Takes a report. seq: the sequence number where the run begins."""
        for run in self._runs:
            if run.seq == seq:
                if run.left_out.size < left_out.size:
                    run.left_out = left_out
                return
        self._runs.append(LeftOutRun(seq, left_out))
        if len(self._runs) > RUNS_MAX:
            del self._runs[0]

    def next(self, seq: int) -> LeftOut | None:
        """Returns the bytes that begin at a sequence number, which are then known; None if there are none.

        Of a run that begins before it, because its report came too late, only the rest counts, with all its heads.
        """
        for run in self._runs:
            if not run.waits or distance(seq, run.start) > 0:
                continue
            whole, rest = run.left_out, distance(seq, run.seq) + run.left_out.size
            heads, run.size, run.heads = whole.heads - run.heads, whole.size, whole.heads
            if rest > 0:
                return whole._replace(size=rest, heads=heads)
        return None

    def nearest(self, seq: int, until: int | None = None) -> int:
        """The sequence number nearest after seq where bytes wait, or until, if that is nearer; seq if there is none."""
        starts = [run.start for run in self._runs if run.waits and distance(seq, run.start) > 0]
        if until is not None:
            starts.append(until)
        return min(starts, key=lambda start: distance(seq, start), default=seq)
