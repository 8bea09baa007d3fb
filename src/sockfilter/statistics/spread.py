"""How durations are spread: percentiles with a known relative error, in bounded memory.

The buckets are those of DDSketch (Masson, Rim, Lee: DDSketch, VLDB 2019): each is wider than the one before it by the
same factor, so that the middle of a bucket differs from any duration in it by at most ERROR. They are counted here and
not by a library, because a million exchanges may cost little more than their lines do: counting takes a fifth of the
time of ddsketch's add().
"""

from __future__ import annotations

from collections import defaultdict
from math import ceil, exp, log

# the relative error of percentiles
ERROR = 0.01
QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
# buckets for each factor of e
PER_E = 1 / log((1 + ERROR) / (1 - ERROR))
# Durations outside count as these, so that there are 1300 buckets at most, which take 150 KB. The usual spread takes
# 20 KB.
SHORTEST_NS, LONGEST_NS = 1_000, 86_400_000_000_000


class Spread:
    """Some durations.

    Attributes:
        count: the number of durations.
        max_ns: the longest.
        sum_ns: all together.
    """

    __slots__ = ("_buckets", "count", "max_ns", "sum_ns")

    def __init__(self) -> None:
        self._buckets: defaultdict[int, int] = defaultdict(int)
        self.count = self.max_ns = self.sum_ns = 0

    def add(self, ns: int) -> None:
        """Adds a duration."""
        self.count += 1
        self.sum_ns += ns
        if ns > self.max_ns:
            self.max_ns = ns
        if SHORTEST_NS <= ns <= LONGEST_NS:
            self._buckets[int(log(ns) * PER_E)] += 1
        else:
            self._buckets[int(log(SHORTEST_NS if ns < SHORTEST_NS else LONGEST_NS) * PER_E)] += 1

    def quantile_ns(self, quantile: float) -> int | None:
        """Returns the duration that this share does not exceed, with the relative error ERROR. None: there is none."""
        rank, passed = max(1, ceil(quantile * self.count)), 0
        for bucket in sorted(self._buckets):
            passed += self._buckets[bucket]
            if passed >= rank:
                lower, upper = exp(bucket / PER_E), exp((bucket + 1) / PER_E)
                return min(round(2 * lower * upper / (lower + upper)), self.max_ns)
        return None
