"""How durations are spread: percentiles with a known relative error, in bounded memory.

The buckets are those of DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019): each is wider than the one before it by the
same factor, so that the middle of a bucket differs from any duration in it by at most ERROR. They are counted here and
not by a library, because a million exchanges may cost little more than their lines do: counting takes a fifth of the
time of ddsketch's add().
"""

from __future__ import annotations

from collections import Counter
from math import ceil, exp, log

# the relative error of percentiles
ERROR = 0.01
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
# buckets for each factor of e
PER_E = 1 / log((1 + ERROR) / (1 - ERROR))
# Durations outside count as these, so that there are 1300 buckets at most, which take 150 KB. The usual spread takes
# 20 KB.
SHORTEST_NS, LONGEST_NS = 1_000, 86_400_000_000_000

# Durations that wait: 512 take 20 KB.
WAITING_MAX = 512


class Spread:
    """Some durations.

    Attributes:
        waiting: durations that settle() has not counted yet. Whoever appends to it calls settle() now and then.
    """

    __slots__ = ("_buckets", "_count", "_max_ns", "_sum_ns", "waiting")

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self._buckets: Counter[int] = Counter()
        self._count = self._max_ns = self._sum_ns = 0

    def add(self, ns: int) -> None:
        """Adds a duration."""
        self.waiting.append(ns)
        if len(self.waiting) >= WAITING_MAX:
            self.settle()

    def settle(self) -> None:
        """Counts the durations that wait. Counting many at once takes a fifth of the time."""
        values = self.waiting
        if not values:
            return
        least, most = min(values), max(values)
        self._count += len(values)
        self._sum_ns += sum(values)
        self._max_ns = max(self._max_ns, most)
        if least < SHORTEST_NS or most > LONGEST_NS:
            values = [min(max(value, SHORTEST_NS), LONGEST_NS) for value in values]
        self._buckets.update(map(int, map(PER_E.__mul__, map(log, values))))
        self.waiting.clear()

    @property
    def count(self) -> int:
        """The number of durations."""
        self.settle()
        return self._count

    @property
    def max_ns(self) -> int:
        """The longest."""
        self.settle()
        return self._max_ns

    @property
    def sum_ns(self) -> int:
        """All together."""
        self.settle()
        return self._sum_ns

    def quantile_ns(self, quantile: float) -> int | None:
        """Returns the duration that this share does not exceed, with the relative error ERROR. None: there is none."""
        rank, passed = max(1, ceil(quantile * self.count)), 0
        for bucket in sorted(self._buckets):
            passed += self._buckets[bucket]
            if passed >= rank:
                lower, upper = exp(bucket / PER_E), exp((bucket + 1) / PER_E)
                return min(round(2 * lower * upper / (lower + upper)), self.max_ns)
        return None
