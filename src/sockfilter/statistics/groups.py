"""The figures of groups of exchanges, in bounded memory."""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import NamedTuple

from sockfilter.statistics.spread import Spread

# Groups of their own: more do not fit on a screen, and take 8 MB in the usual case. Later ones are counted together.
GROUPS_MAX = 200
# exchanges in each of the lists of the slowest and the largest
TOP = 5
ERROR_STATUS = 400
# later than any time
LATEST_NS = 1 << 63


class Group:
    """The figures of some exchanges.

    Attributes:
        count: the exchanges.
        errors: those without a response, with a status of 400 or above, or with a gRPC status other than OK.
        statuses: the number of each class: "2xx"; "none" without a response or a status.
        durations, waits: from the first byte to the last, and from the end of the request to the first byte of the
            response, where they are known.
        request_bytes, response_bytes: the bodies as sent.
    """

    __slots__ = ("count", "durations", "errors", "request_bytes", "response_bytes", "statuses", "waits")

    def __init__(self) -> None:
        self.count = self.errors = self.request_bytes = self.response_bytes = 0
        self.statuses: defaultdict[int, int] = defaultdict(int)
        self.durations, self.waits = Spread(), Spread()


class Top(NamedTuple):
    """An exchange among the slowest or the largest.

    Attributes:
        value: nanoseconds or bytes.
        number: orders those with the same value: the earlier is first.
        name: the request and its status, masked and printable.
        time_ns: when it began, in nanoseconds since 1970. None: not known.
        client, server: the ends.
    """

    value: int
    number: int
    name: str
    time_ns: int | None
    client: str
    server: str


class Tops:
    """The exchanges with the largest values.

    Attributes:
        least: a value must be larger to be among them.
    """

    def __init__(self) -> None:
        self._heap: list[Top] = []
        self.least = 0

    def add(self, top: Top) -> None:
        """Adds an exchange that is among them."""
        if len(self._heap) < TOP:
            heapq.heappush(self._heap, top)
        else:
            heapq.heappushpop(self._heap, top)
        if len(self._heap) == TOP:
            self.least = self._heap[0].value

    def sorted(self) -> list[Top]:
        """Returns them, the largest first."""
        return sorted(self._heap, reverse=True)


class Groups:
    """All groups.

    Args:
        limit: the number of groups with figures of their own.

    Attributes:
        limit: the same.
        by_name: the groups, in the order in which they came.
        other: the exchanges of later groups. None: there is none.
        count: the number of all exchanges.
        first_ns, last_ns: when the first and the last exchange began, in nanoseconds since 1970. If first_ns is larger,
            this is not known.
    """

    def __init__(self, limit: int = GROUPS_MAX) -> None:
        self.limit = limit
        self.by_name: dict[str, Group] = {}
        self.other: Group | None = None
        self.count = 0
        self.first_ns, self.last_ns = LATEST_NS, 0
        self.slowest, self.largest = Tops(), Tops()

    def group(self, name: str) -> Group:
        """Returns the group of this name, or other if there are too many."""
        found = self.by_name.get(name)
        if found is not None:
            return found
        if len(self.by_name) < self.limit:
            made = self.by_name[name] = Group()
            return made
        if self.other is None:
            self.other = Group()
        return self.other

    @property
    def seconds(self) -> float:
        """The seconds from the beginning of the first exchange to that of the last."""
        return max(0, self.last_ns - self.first_ns) / 1e9

    @property
    def has_times(self) -> bool:
        """Whether it is known when an exchange began."""
        return self.first_ns <= self.last_ns
