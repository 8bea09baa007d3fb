"""Wall-clock times for the kernel's time stamps, which come from CLOCK_MONOTONIC and never step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# nanoseconds; if the offset changes by more than this, the wall clock was set
CLOCK_STEP_NS = 1_000_000


class Clock:
    """The offset from CLOCK_MONOTONIC to the wall clock. Durations are measured by CLOCK_MONOTONIC alone.

    Args:
        wall_ns, monotonic_ns: read the two clocks.

    Attributes:
        offset_ns: nanoseconds to add to the monotonic time to get the wall-clock time.
    """

    def __init__(
        self, wall_ns: Callable[[], int] = time.time_ns, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self.offset_ns = wall_ns() - monotonic_ns()

    def follow(self) -> int:
        """Checks whether the wall clock was set, and returns the current offset."""
        offset = self._wall_ns() - self._monotonic_ns()
        if abs(offset - self.offset_ns) > CLOCK_STEP_NS:
            self.offset_ns = offset
        return self.offset_ns
