"""Checks of how many exchanges of a capture meet a filter, in memory that does not grow."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.filters.where import Where
from sockfilter.outputs.fan import Member
from sockfilter.views import failure

if TYPE_CHECKING:
    from sockfilter.errors import ExpectationFailed
    from sockfilter.model import Exchange

# Exchanges that are kept for what a failed check says: as many as are compared to find the nearest.
KEPT_MAX = 1000
# Exchanges that are kept of those that decide a check: as many as are listed.
FOUND_MAX = 20


class Wanted(NamedTuple):
    """How many exchanges may meet a filter.

    Attributes:
        option: the option that says it, with its value: "--at-most 3 'status >= 500'".
        where: the filter.
        least, most: the numbers. most is None if there is no limit.
        times: the numbers in words.
        is_all: every exchange must meet the filter.
    """

    option: str
    where: Where
    least: int = 0
    most: int | None = None
    times: str = ""
    is_all: bool = False


class Check:
    """One check. Counts all exchanges, and keeps the first ones that decide it.

    Args:
        wanted: what is checked.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.number = 0
        self._test = wanted.where.test
        self._found: list[Exchange] = []

    def add(self, exchange: Exchange) -> None:
        """Looks at an exchange."""
        if self._test(exchange) is not self.wanted.is_all:
            self.number += 1
            if len(self._found) < FOUND_MAX:
                self._found.append(exchange)

    def failed(self, kept: list[Exchange], total: int) -> ExpectationFailed | None:
        """Returns why the check fails. None: it holds.

        Args:
            kept: the last exchanges.
            total: the number of all exchanges.
        """
        wanted, number = self.wanted, self.number
        # if more decide than are kept, it is not known which of the others do
        known = set(map(id, self._found))
        others = [] if number > len(self._found) else [each for each in kept if id(each) not in known]
        ended = [*self._found, *others]
        seen = failure.SeenExchange(ended, self._found, [], total - len(ended))
        if wanted.is_all:
            return failure.not_all(wanted.where, seen, number, total) if number else None
        if number >= wanted.least and (wanted.most is None or number <= wanted.most):
            return None
        return failure.miscounted(wanted.where, wanted.times, seen, number)


class Checks(Member):
    """Looks at the exchanges of a capture.

    Args:
        wanted: what is checked.
        limit: the number of exchanges to look at. None: all.
    """

    name = "checks"

    def __init__(self, wanted: list[Wanted], limit: int | None = None) -> None:
        self.checks = [Check(each) for each in wanted]
        self.total = 0
        self._kept: deque[Exchange] = deque(maxlen=KEPT_MAX)
        self._limit = limit

    def write(self, exchange: Exchange) -> None:
        """Looks at an exchange."""
        if self.total == self._limit:
            return
        self.total += 1
        self._kept.append(exchange)
        for check in self.checks:
            check.add(exchange)

    def results(self) -> list[tuple[Wanted, ExpectationFailed | None]]:
        """Returns each check, and why it fails. None: it holds."""
        kept = list(self._kept)
        return [(check.wanted, check.failed(kept, self.total)) for check in self.checks]
