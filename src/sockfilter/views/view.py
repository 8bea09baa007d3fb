"""Looking through what a capture has kept: finding, expecting, waiting, from any moment on."""

from __future__ import annotations

import os
import time
from collections import deque
from threading import RLock
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from sockfilter.errors import Closed
from sockfilter.filters.where import Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Unpack

    from sockfilter.filters.where import Conditions
    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange
    from sockfilter.views.expectations import Expectation

# seconds that wait_for() waits by default: longer than a slow service takes, shorter than patience
WAIT_FOR_S = 5.0


class ExchangeBuffer:
    """Exchanges in the order in which they ended, each with a number that stays; the oldest make room.

    Args:
        limit: how many there may be.
    """

    def __init__(self, limit: int) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=limit)
        self._limit = limit
        # one thread may look while another takes what comes; a signal handler may look within either
        self._lock = RLock()
        _all.add(self)
        # exchanges that there was no more room for
        self.forgotten = 0
        # the number of the next
        self.end = 0

    def add(self, exchange: Exchange) -> None:
        """Takes an exchange."""
        with self._lock:
            self.forgotten += len(self._exchanges) == self._limit
            self._exchanges.append(exchange)
            self.end += 1

    def since(self, number: int) -> tuple[list[Exchange], int]:
        """Those with this number and the higher ones, and the number of the next."""
        with self._lock:
            count = self.end - number
            if count >= len(self._exchanges):
                return list(self._exchanges), self.end
            return [self._exchanges[i] for i in range(-count, 0)], self.end

    def forget(self, number: int) -> None:
        """Lets those before a number go."""
        with self._lock:
            while self._exchanges and self.end - len(self._exchanges) < number:
                self._exchanges.popleft()

    def unlock(self) -> None:
        """In a child of fork: another thread of its parent may have held the lock."""
        self._lock = RLock()


_all: WeakSet[ExchangeBuffer] = WeakSet()


def _unlock_all() -> None:
    for kept in _all:
        kept.unlock()


os.register_at_fork(after_in_child=_unlock_all)


class ExchangeKeeper(Protocol):
    """A capture, as those who look through it need it."""

    @property
    def kept(self) -> ExchangeBuffer:
        """Its exchanges."""

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""

    @property
    def now_ns(self) -> int:
        """The time by the clock of its packets."""

    @property
    def ledger(self) -> Ledger:
        """Its counters."""

    @property
    def pending(self) -> list[Exchange]:
        """Its exchanges that have begun and not ended."""

    def flush(self) -> None:
        """Takes all that crossed before the call."""

    def pump(self) -> int:
        """Takes one batch of what is there."""

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is something to pump."""


class View:
    """The exchanges of a capture that began at a moment or later.

    Conditions are those of sockfilter.Where: method, path, target, query, host, header, body, json, status, port,
    duration, problems, complete, request_header and so on; each a value, a pattern, a predicate, a range or a set.

    Args:
        capture: keeps them.
        first: the number of the first exchange that counts.
        since_ns: the time, by the capture's clock, before which none began.
        is_wanted: leaves others out.
    """

    def __init__(
        self,
        capture: ExchangeKeeper,
        first: int = 0,
        since_ns: int = 0,
        is_wanted: Callable[[Exchange], bool] | None = None,
    ) -> None:
        self._capture = capture
        self._first = first
        self._since_ns = since_ns
        self._is_wanted = is_wanted

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.exchanges)} exchanges>"

    @property
    def exchanges(self) -> list[Exchange]:
        """Those that have ended so far, in the order in which they did; flush() first for all that crossed."""
        return self.ended_since()[0]

    @property
    def pending(self) -> list[Exchange]:
        """Exchanges that have begun, and not ended by what was read so far: requests that wait for their answer."""
        return [exchange for exchange in self._capture.pending if self._counts(exchange)]

    def ended_since(self, number: int | None = None) -> tuple[list[Exchange], int]:
        """Those from a number on, and the number to go on with; None: from the first on."""
        found, end = self._capture.kept.since(self._first if number is None else number)
        return list(filter(self._counts, found)), end

    def _counts(self, exchange: Exchange) -> bool:
        return exchange.began_ns >= self._since_ns and (self._is_wanted is None or self._is_wanted(exchange))

    def flush(self) -> None:
        """Returns when everything that crossed before the call is in exchanges, or counted as lost."""
        self._capture.flush()

    def mark(self) -> View:
        """A view of what begins from now on; all that crossed before is behind it."""
        return View(self._capture, *self._now(), self._is_wanted)

    def clear(self) -> None:
        """Forgets what crossed before."""
        self._first, self._since_ns = self._now()

    def all(self, *where: Where, **conditions: Unpack[Conditions]) -> list[Exchange]:
        """All exchanges that meet the conditions, of those that crossed before the call."""
        wanted = Where(*where, **conditions)
        return [exchange for exchange in self._flushed() if wanted.matches(exchange)]

    def first(self, *where: Where, **conditions: Unpack[Conditions]) -> Exchange | None:
        """The first exchange that meets the conditions, of those that crossed before the call; None without any."""
        return next(iter(self.all(*where, **conditions)), None)

    def one(self, *where: Where, **conditions: Unpack[Conditions]) -> Exchange:
        """The only exchange that meets the conditions, of those that crossed before the call.

        Raises:
            ExpectationFailed: there is none, or more than one; with the nearest, and all that there are.
        """
        __tracebackhide__ = True  # pytest shows who asked
        return self.expect(*where, **conditions).once()

    def none(self, *where: Where, **conditions: Unpack[Conditions]) -> None:
        """Holds if no exchange that crossed before the call meets the conditions.

        Raises:
            ExpectationFailed: one does.
        """
        __tracebackhide__ = True  # pytest shows who asked
        self.expect(*where, **conditions).never()

    def expect(self, *where: Where, **conditions: Unpack[Conditions]) -> Expectation:
        """What is expected of the exchanges that meet the conditions; its methods say how many, and look.

        wire.expect(path="/charge", status=201).once()
        """
        from sockfilter.views.expectations import Expectation  # imports what it says failures with

        return Expectation(self._flushed, lambda: self.pending, self._coming, Where(*where, **conditions))

    def wait_for(self, *where: Where, timeout: float = WAIT_FOR_S, **conditions: Unpack[Conditions]) -> Exchange:
        """Waits until an exchange that meets the conditions has ended; one that has already will do.

        Args:
            *where, **conditions: what it is like.
            timeout: seconds to wait at most.

        Raises:
            ExpectationFailed: none has; with the nearest, and all that there are.
        """
        __tracebackhide__ = True  # pytest shows who asked
        return self.expect(*where, **conditions).within(timeout)

    def each(self, timeout: float | None = None) -> Iterator[Exchange]:
        """The exchanges as they end, from the first on.

        Args:
            timeout: seconds to wait for the next one; then it is over. None: until the capture ends.
        """
        return self._as_they_end(None, timeout)

    def __iter__(self) -> Iterator[Exchange]:
        return self.each()

    def _coming(self, seconds: float) -> Iterator[Exchange]:
        return self._as_they_end(time.monotonic() + seconds, None)

    def _as_they_end(self, end_s: float | None, pause_s: float | None) -> Iterator[Exchange]:
        number: int | None = None
        while True:
            is_last = self._capture.is_closed  # asked first: what closing takes is among those that have ended then
            ended, number = self.ended_since(number)
            yield from ended
            if is_last:
                return
            if self._capture.kept.end == number and not self._more(number, _earlier(end_s, pause_s)):
                return

    def _more(self, number: int, end_s: float | None) -> bool:
        """Waits until another exchange has ended, or the capture has. Returns whether one has."""
        capture = self._capture
        while capture.kept.end == number and not capture.is_closed:
            try:
                if capture.pump():
                    continue
                left_s = WAIT_FOR_S if end_s is None else end_s - time.monotonic()
                if left_s > 0:
                    capture.wait(left_s)
                    continue
            except Closed:
                if capture.is_closed:  # by another thread
                    break
                raise
            self._take()
            return capture.kept.end != number
        return True

    def _take(self) -> None:
        """Takes all that crossed before the call; a capture that has ended has done so."""
        try:
            self._capture.flush()
        except Closed:
            if not self._capture.is_closed:
                raise

    def _flushed(self) -> list[Exchange]:
        self._take()
        return self.exchanges

    def _now(self) -> tuple[int, int]:
        self._take()
        return self._capture.kept.end, self._capture.now_ns


def _earlier(end_s: float | None, pause_s: float | None) -> float | None:
    if pause_s is None:
        return end_s
    next_s = time.monotonic() + pause_s
    return next_s if end_s is None else min(next_s, end_s)
