"""Reads the counts that the lane has made of its exchanges."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from sockfilter.libbpf import binding
from sockfilter.model.tallies import DURATIONS_MAX, NOT_COUNTED, SIZES_MAX, Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Connection
    from sockfilter.model.tallies import Tallies

# struct sf_tally_row of tally.h; a test compares the two layouts
ROW = Struct("=IIQQQ16I8I8I")


class Tallying:
    """Lets a lane count its exchanges.

    Args:
        tallies: takes the counts.
        count: takes the number of exchanges after each run. None: it is counted with their lines.
    """

    def __init__(self, tallies: Tallies, count: Callable[[int], None] | None) -> None:
        self._tallies = tallies
        self._count = count
        self._ffi, self._lib = binding.load()
        self._lane: Any = None
        tallies.drain = self.drain

    def begin(self, lane: Any) -> bool:
        """Makes the lane count. Returns False if there is no memory for it."""
        durations, sizes = self._tallies.duration_bounds_ns, self._tallies.size_bounds
        if not self._lib.sf_lane_tally(lane, durations, len(durations), sizes, len(sizes)):
            return False
        self._lane = lane
        return True

    def group_of(self, connection: Connection) -> int:
        """Returns the group of a connection."""
        return self._tallies.group_of(connection)

    def settle(self) -> None:
        """Counts the exchanges of a run that has ended."""
        count = self._lib.sf_lane_settle(self._lane)
        if self._count is not None:
            self._count(count)
        if self._lib.sf_lane_tally_is_full(self._lane):
            self.drain()

    def drain(self) -> None:
        """Passes on all counts. Call it between runs."""
        if self._lane is None:
            return
        ffi, lib, take = self._ffi, self._lib, self._tallies.take_tally
        number = ffi.new("unsigned int *")
        rows = lib.sf_lane_rows(self._lane, number)
        for line, group, duration_ns, request_bytes, response_bytes, *counts in ROW.iter_unpack(
            ffi.buffer(rows, number[0] * ROW.size)
        ):
            if group == NOT_COUNTED:
                continue
            lines = ffi.buffer(lib.sf_tally_line(self._lane, line, number), number[0])[:]
            durations, sizes = counts[: DURATIONS_MAX + 1], counts[DURATIONS_MAX + 1 :]
            requests, responses = sizes[: SIZES_MAX + 1], sizes[SIZES_MAX + 1 :]
            take(Tally(lines, group, duration_ns, request_bytes, response_bytes, durations, requests, responses))
        lib.sf_lane_clear_tally(self._lane)
