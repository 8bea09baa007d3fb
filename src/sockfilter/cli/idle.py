"""--exit-on-idle: the end of a capture on which nothing happens."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockfilter.captures.archive import ArchiveCapture
    from sockfilter.captures.capture import Capture


class Idle:
    """Knows how long a capture may still wait for an exchange.

    The time begins with the capture, and again with each exchange that ends and each message that passes. If an
    exchange is under way when the time is up, the time begins again.

    Args:
        limit_s: the time in seconds. None: there is no limit.
    """

    def __init__(self, limit_s: float | None) -> None:
        self._limit_s = limit_s
        self._count = -1
        self._since_s = 0.0

    def left(self, now_s: float, count: int, capture: Capture | ArchiveCapture) -> float:
        """Returns the seconds that are left.

        Args:
            now_s: the present time, in seconds of a clock that never goes back.
            count: the exchanges and messages so far.
            capture: the capture.
        """
        if self._limit_s is None:
            return math.inf
        if count != self._count or (now_s - self._since_s >= self._limit_s and capture.pending):
            self._count, self._since_s = count, now_s
        return self._limit_s - (now_s - self._since_s)
