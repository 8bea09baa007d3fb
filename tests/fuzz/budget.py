"""What a run may cost: so much of the processor's time for each byte, and no more for a byte where there are many.

An input that costs more is a finding, as one that breaks an assertion is: it is saved, and the run ends with words.
"""

from __future__ import annotations

import gc
from itertools import pairwise
from time import thread_time_ns
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Run: TypeAlias = Callable[[], object]
    # makes of an input something that goes on for so many bytes
    Endless: TypeAlias = Callable[[bytes, int], Run]

# A run that costs more than both of these together is too slow. The dearest seeds (600 bytes of HTTP, each in a
# segment of its own, with the code watched) cost 30 ms and 50 us a byte, and are allowed four times as much.
ALLOWANCE_NS = 100_000_000
NS_FOR_EACH_BYTE_MAX = 50_000

# One input in so many goes on without end: it costs as much as some hundred others.
ENDLESS_ONE_IN = 2048
# Bytes of a short one, a long one and a longer one. Where each of ten thousand informational responses was a copy of
# all before, it was not yet seen in the first, and a byte cost three to four times more in each of the others.
SHORT_BYTES, LONG_BYTES, LONGER_BYTES = LENGTHS = (8 << 10, 256 << 10, 1 << 20)
# How many times more a byte may cost than in the one before. Once is not enough for a finding: more memory is slower
# memory, and a connection comes to its limits, but that does not go on.
GROWTH_MAX = 2
# a shorter time than this is not measured well
MEASURED_NS = 5_000_000

# The least of so many measurements counts: what else this machine does can only add to the processor's time.
ROUNDS = 3


class TooSlow(AssertionError):
    """An input costs more than its bytes may."""


class Choice(NamedTuple):
    """What of an input is to go on without end, by its checksum: no change of an input keeps it."""

    number: int

    def of(self, count: int) -> int:
        return self.number % count

    def span(self, count: int) -> tuple[int, int]:
        """Where some neighbours among so many begin, and where they end."""
        start = self.number % max(count, 1)
        return start, min(count, start + 1 + self.number // 1000 % 3)


def chosen(data: bytes) -> Choice:
    return Choice(crc32(data) // ENDLESS_ONE_IN)


def goes_on(data: bytes) -> bool:
    return crc32(data) % ENDLESS_ONE_IN == 0


def cost(run: Run) -> int:
    """Nanoseconds of the processor's time."""
    gc.disable()  # what a collection costs depends on what other inputs have left
    try:
        began = thread_time_ns()
        run()
        return thread_time_ns() - began
    finally:
        gc.enable()


def least(run: Run, enough_ns: int) -> int:
    """The least cost of ROUNDS runs; fewer, where one cost no more than is enough."""
    found = cost(run)
    for _ in range(ROUNDS - 1):
        if found <= enough_ns:
            break
        found = min(found, cost(run))
    return found


def tried(data: bytes, test: Callable[[bytes], object], endless: Endless) -> None:
    """Tries an input within its budget, and one in so many without an end.

    Raises:
        TooSlow: it costs more than it may.
    """
    allowed = ALLOWANCE_NS + NS_FOR_EACH_BYTE_MAX * len(data)
    found = least(lambda: test(data), allowed)
    if found > allowed:
        raise TooSlow(
            f"{len(data)} bytes cost {found / 1e6:.0f} ms of the processor's time, the least of {ROUNDS} runs;"
            f" {allowed / 1e6:.3g} ms are allowed (tests/fuzz/budget.py: ALLOWANCE_NS, NS_FOR_EACH_BYTE_MAX)"
        )
    if goes_on(data):
        check_growth(data, endless)


def check_growth(data: bytes, endless: Endless) -> None:
    """Compares what a byte costs in shorter and longer forms of an input.

    Raises:
        TooSlow: it costs more in the long one, and still more in the longer one.
    """
    costs = [max(least(endless(data, SHORT_BYTES), 0), MEASURED_NS)]
    for before, length in pairwise(LENGTHS):
        allowed = GROWTH_MAX * length // before * costs[-1]
        costs.append(least(endless(data, length), allowed))
        if costs[-1] <= allowed:
            return
    grown = ", ".join(
        f"{cost / 1e6:.0f} ms for {length >> 10} KiB" for cost, length in zip(costs, LENGTHS, strict=True)
    )
    raise TooSlow(
        f"this input goes on, and costs more for each byte the longer it is: {grown} of the processor's time;"
        f" {GROWTH_MAX} times more are allowed from one to the next (tests/fuzz/budget.py: GROWTH_MAX)"
    )
