"""What a server asked other servers while it thought."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from sockfilter.model.tcp import Upstream

# threads whose exchanges are remembered, and exchanges of each; the oldest make room
THREADS_MAX = 1024
EXCHANGES_MAX = 64


class Period(NamedTuple):
    """An exchange, from its first byte to its last, in nanoseconds, and who served it."""

    start_ns: int
    end_ns: int
    server: str


class Upstreams:
    """The latest exchanges of each thread: those that it asked for, and those that it served."""

    def __init__(self) -> None:
        self._asked: dict[int, deque[Period]] = {}
        self._served: dict[int, deque[Period]] = {}

    def asked(self, thread: int, period: Period) -> None:
        """Notes an exchange whose response a thread has read."""
        _add(self._asked, thread, period)

    def served(self, thread: int, period: Period) -> None:
        """Notes an exchange whose request a thread has read."""
        _add(self._served, thread, period)

    def during(self, thread: int, start_ns: int, end_ns: int) -> Upstream | None:
        """Returns what a thread asked while it thought; None: nothing that was seen.

        Args:
            thread: the thread that had read the request.
            start_ns, end_ns: when it had read the request, and when its response began.
        """
        found = [p for p in self._asked.get(thread, ()) if start_ns <= p.start_ns and p.end_ns <= end_ns]
        if not found:
            return None
        found.sort()
        covered, until_ns, is_ambiguous = 0, start_ns, False
        for period in found:
            is_ambiguous = is_ambiguous or period.start_ns < until_ns
            covered += max(0, period.end_ns - max(period.start_ns, until_ns))
            until_ns = max(until_ns, period.end_ns)
        # a thread that serves several at once may have asked for another of them
        others = (p for p in self._served.get(thread, ()) if p.start_ns < end_ns and start_ns < p.end_ns)
        longest = max(found, key=lambda period: period.end_ns - period.start_ns)
        return Upstream(longest.server, covered / 1e9, is_ambiguous or any(True for _ in others))


def _add(table: dict[int, deque[Period]], thread: int, period: Period) -> None:
    known = table.get(thread)
    if known is None:
        if len(table) >= THREADS_MAX:
            del table[next(iter(table))]
        known = table[thread] = deque(maxlen=EXCHANGES_MAX)
    known.append(period)
