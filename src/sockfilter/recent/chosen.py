"""The exchanges of a store that a viewer shows: those that meet its filter, in its order, as they come."""

from __future__ import annotations

import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.filters.where import Where
    from sockfilter.model import Exchange
    from sockfilter.recent.orders import Order
    from sockfilter.recent.store import RecentExchange, RecentExchanges

# Exchanges that are tested before the clock is looked at. A simple filter takes about 1 us for each.
STEP = 256
# Gone exchanges are taken out of a sorted order when there are this many: that takes milliseconds in a large one.
GONE_MAX = 2000


class ChosenExchanges:
    """The numbers of the exchanges that a viewer shows. It belongs to one thread.

    Nothing takes long: advance() tests some exchanges at a time, so that a viewer can answer keys in between.

    Args:
        store: where the exchanges are.

    Attributes:
        where: the conditions. None: all are chosen.
        order: what they are sorted by. None: as they came.
        is_descending: whether the last comes first.
        tested: the number of the first exchange that was not tested yet.
    """

    def __init__(self, store: RecentExchanges) -> None:
        self._store = store
        self.where: Where | None = None
        self.order: Order | None = None
        self.is_descending = False
        self.tested = 0
        self._numbers: list[int] = []
        # with an order: the numbers with their keys, in ascending order
        self._sorted: list[tuple[float | str, int]] = []
        self._cleaned_to = 0
        self.choose(None)

    def __len__(self) -> int:
        return len(self._sorted) if self.order is not None else len(self._numbers)

    def __getitem__(self, at: int) -> int:
        """The number of the exchange at a place, from 0."""
        if not 0 <= at < len(self):
            raise IndexError(at)
        if self.is_descending:
            at = len(self) - 1 - at
        return self._sorted[at][1] if self.order is not None else self._numbers[at]

    @property
    def is_behind(self) -> bool:
        """Whether there are exchanges that were not tested yet."""
        return self.tested < self._store.end

    def choose(self, where: Where | None) -> None:
        """Begins anew with other conditions."""
        self.where = where
        self._begin()

    def sort(self, order: Order | None, *, descending: bool = False) -> None:
        """Begins anew with another order. The direction alone changes at once."""
        self.is_descending = descending
        if order is not self.order:
            self.order = order
            self._begin()

    def _begin(self) -> None:
        self._numbers = []
        self._sorted = []
        store = self._store
        self.tested = self._cleaned_to = store.first
        self._take([recent for recent in store.pinned if recent.number < self.tested])
        self._sorted.sort()

    def advance(self, seconds: float = 0.01) -> bool:
        """Tests exchanges that have come, for this time at most. Returns whether anything has changed."""
        until_s = time.perf_counter() + seconds
        changed = self._let_go()
        before = len(self._sorted)
        while self.is_behind:
            found = self._store.since(self.tested, STEP)
            if not found:
                break
            changed = self._take(found) or changed
            self.tested = found[-1].number + 1
            if time.perf_counter() >= until_s:
                break
        if len(self._sorted) > before:
            self._sorted.sort()  # what was sorted before is one run, which is merged in linear time (timsort)
        return changed

    def _take(self, found: list[RecentExchange]) -> bool:
        test: Callable[[Exchange], bool] | None = None if self.where is None else self.where.test
        chosen = found if test is None else [recent for recent in found if test(recent.exchange)]
        if self.order is None:
            self._numbers += [recent.number for recent in chosen]
        elif chosen:
            key = self.order.key
            self._sorted += [(key(recent.exchange), recent.number) for recent in chosen]
        return bool(chosen)

    def _let_go(self) -> bool:
        """Takes out those that the store has let go."""
        store = self._store
        first = store.first
        self.tested = max(self.tested, first)
        if first == self._cleaned_to or not len(self):
            self._cleaned_to = first
            return False
        if self.order is not None and 0 < first - self._cleaned_to < GONE_MAX and len(self._sorted) > GONE_MAX:
            return False
        self._cleaned_to = first
        get = store.get
        if self.order is not None:
            self._sorted = [pair for pair in self._sorted if pair[1] >= first or get(pair[1]) is not None]
            return True
        numbers = self._numbers
        at = next((at for at, number in enumerate(numbers) if number >= first), len(numbers))
        self._numbers[:at] = [number for number in numbers[:at] if get(number) is not None]
        return True

    def place_of(self, number: int) -> int | None:
        """Returns the place of an exchange. None: it is not chosen."""
        at: int | None
        if self.order is None:
            at = _found(self._numbers, number)
        else:
            recent = self._store.get(number)
            if recent is None:
                return None
            at = _found(self._sorted, (self.order.key(recent.exchange), number))
            if at is None:  # an exchange may change after it has come: its response may be late
                at = next((at for at, pair in enumerate(self._sorted) if pair[1] == number), None)
        return at if at is None or not self.is_descending else len(self) - 1 - at

    def next_place(self, start: int, test: Callable[[Exchange], bool], step: int = 1) -> int | None:
        """Returns the nearest place behind start, or before it with step -1, whose exchange meets a test."""
        at = start + step
        while 0 <= at < len(self):
            recent = self._store.get(self[at])
            if recent is not None and test(recent.exchange):
                return at
            at += step
        return None


def _found(ordered: list[Any], wanted: Any) -> int | None:
    at = bisect_left(ordered, wanted)
    return at if at < len(ordered) and ordered[at] == wanted else None
