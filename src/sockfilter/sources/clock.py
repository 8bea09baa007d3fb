"""The wall clock beside the one that the kernel stamps with, which never steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# nanoseconds by which the wall clock may leave its old course before its offset is taken anew
CLOCK_STEP_NS = 1_000_000


class Clock:
    """Where the wall clock stands, as CLOCK_MONOTONIC tells it; durations are that one's alone.

    Args:
        wall_ns, monotonic_ns: the two.

    Attributes:
        offset_ns: nanoseconds to add to the second for the first.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self.offset_ns = wall_ns() - monotonic_ns()

    def follow(self) -> int:
        """Sees whether the wall clock was set, and gives the offset from now on."""
        offset = self._wall_ns() - self._monotonic_ns()
        if abs(offset - self.offset_ns) > CLOCK_STEP_NS:
            self.offset_ns = offset
        return self.offset_ns
