"""Finding, expecting and awaiting exchanges that a capture keeps, from any moment on."""

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

# The default timeout of wait_for() in seconds: longer than a slow service takes, short enough to wait for.
WAIT_FOR_S = 5.0


class ExchangeBuffer:
    """Exchanges in the order in which they ended, with permanent numbers. The oldest are dropped when it is full.

    Args:
        limit: the maximum number of exchanges.
    """

    def __init__(self, limit: int) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=limit)
        self._limit = limit
        # A thread may read while another one adds. A signal handler may interrupt either and read, hence a reentrant
        # lock.
        self._lock = RLock()
        _all.add(self)
        # The number of exchanges dropped because the buffer was full.
        self.forgotten = 0
        # The number of the next exchange.
        self.end = 0

    def add(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        with self._lock:
            self.forgotten += len(self._exchanges) == self._limit
            self._exchanges.append(exchange)
            self.end += 1

    def since(self, number: int) -> tuple[list[Exchange], int]:
        """Returns the exchanges from this number on, and the number of the next one."""
        with self._lock:
            count = self.end - number
            if count >= len(self._exchanges):
                return list(self._exchanges), self.end
            return [self._exchanges[i] for i in range(-count, 0)], self.end

    def forget(self, number: int) -> None:
        """Drops the exchanges before a number."""
        with self._lock:
            while self._exchanges and self.end - len(self._exchanges) < number:
                self._exchanges.popleft()

    def unlock(self) -> None:
        """Replaces the lock in a child of fork: another thread of the parent may have held it."""
        self._lock = RLock()


_all: WeakSet[ExchangeBuffer] = WeakSet()


def _unlock_all() -> None:
    for kept in _all:
        kept.unlock()


os.register_at_fork(after_in_child=_unlock_all)


class ExchangeKeeper(Protocol):
    """What a view needs of a capture."""

    @property
    def kept(self) -> ExchangeBuffer:
        """The exchanges that it keeps."""

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""

    @property
    def now_ns(self) -> int:
        """The current time in nanoseconds, by the clock of the packets."""

    @property
    def ledger(self) -> Ledger:
        """Its counters."""

    @property
    def pending(self) -> list[Exchange]:
        """The exchanges that have begun and not ended."""

    def flush(self) -> None:
        """Reads everything that crossed before the call."""

    def pump(self) -> int:
        """Reads one batch of records. Returns their number."""

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is something to pump."""


class View:
    """The exchanges of a capture that began at a given moment or later.

    Conditions are those of sockfilter.Where: method, path, target, query, host, header, body, json, status, grpc, port,
    duration, problems, complete, request_header and so on. Each is a value, a pattern, a predicate, a range or a set.

    Args:
        capture: the capture that keeps the exchanges.
        first: the number of the first exchange that counts.
        since_ns: the earliest time at which an exchange may have begun, in nanoseconds by the capture's clock.
        is_wanted: returns whether an exchange counts. None: all count.
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
        """The exchanges that have ended so far, in the order in which they ended. flush() adds what has crossed."""
        return self.ended_since()[0]

    @property
    def pending(self) -> list[Exchange]:
        """Exchanges that have begun and that no record read so far has ended, such as unanswered requests."""
        return [exchange for exchange in self._capture.pending if self._counts(exchange)]

    def ended_since(self, number: int | None = None) -> tuple[list[Exchange], int]:
        """Returns the exchanges from a number on, and the number to continue with. None: from the first."""
        found, end = self._capture.kept.since(self._first if number is None else number)
        return list(filter(self._counts, found)), end

    def _counts(self, exchange: Exchange) -> bool:
        return exchange.began_ns >= self._since_ns and (self._is_wanted is None or self._is_wanted(exchange))

    def flush(self) -> None:
        """Returns when everything that crossed before the call is in exchanges or counted as lost."""
        self._capture.flush()

    def mark(self) -> View:
        """Returns a view of the exchanges that begin from now on. It excludes everything that crossed before."""
        return View(self._capture, *self._now(), self._is_wanted)

    def clear(self) -> None:
        """Forgets what crossed before."""
        self._first, self._since_ns = self._now()

    def all(self, *where: Where, **conditions: Unpack[Conditions]) -> list[Exchange]:
        """Returns all exchanges that meet the conditions and crossed before the call."""
        wanted = Where(*where, **conditions)
        return [exchange for exchange in self._flushed() if wanted.matches(exchange)]

    def first(self, *where: Where, **conditions: Unpack[Conditions]) -> Exchange | None:
        """Returns the first exchange that meets the conditions and crossed before the call. None: there is none."""
        return next(iter(self.all(*where, **conditions)), None)

    def one(self, *where: Where, **conditions: Unpack[Conditions]) -> Exchange:
        """Returns the only exchange that meets the conditions and crossed before the call.

        Raises:
            ExpectationFailed: there is none, or more than one. The message has the nearest one and lists all.
        """
        __tracebackhide__ = True  # pytest shows the caller
        return self.expect(*where, **conditions).once()

    def none(self, *where: Where, **conditions: Unpack[Conditions]) -> None:
        """Asserts that no exchange that crossed before the call meets the conditions.

        Raises:
            ExpectationFailed: one does.
        """
        __tracebackhide__ = True  # pytest shows the caller
        self.expect(*where, **conditions).never()

    def expect(self, *where: Where, **conditions: Unpack[Conditions]) -> Expectation:
        """Returns an expectation of the exchanges that meet the conditions. Its methods assert their number.

        wire.expect(path="/charge", status=201).once()
        """
        from sockfilter.views.expectations import Expectation  # imports the module for failure messages

        return Expectation(self._flushed, lambda: self.pending, self._coming, Where(*where, **conditions))

    def wait_for(self, *where: Where, timeout: float = WAIT_FOR_S, **conditions: Unpack[Conditions]) -> Exchange:
        """Waits until an exchange that meets the conditions has ended. Returns at once if one already has.

        Args:
            *where, **conditions: the conditions.
            timeout: the maximum number of seconds to wait.

        Raises:
            ExpectationFailed: no such exchange ended in time. The message has the nearest one and lists all.
        """
        __tracebackhide__ = True  # pytest shows the caller
        return self.expect(*where, **conditions).within(timeout)

    def each(self, timeout: float | None = None) -> Iterator[Exchange]:
        """Yields the exchanges as they end, beginning with the first.

        Args:
            timeout: the maximum number of seconds to wait for the next exchange. None: until the capture ends.
        """
        return self._as_they_end(None, timeout)

    def __iter__(self) -> Iterator[Exchange]:
        return self.each()

    def _coming(self, seconds: float) -> Iterator[Exchange]:
        return self._as_they_end(time.monotonic() + seconds, None)

    def _as_they_end(self, end_s: float | None, pause_s: float | None) -> Iterator[Exchange]:
        number: int | None = None
        while True:
            is_last = self._capture.is_closed  # read first: exchanges that closing ends are then included
            ended, number = self.ended_since(number)
            yield from ended
            if is_last:
                return
            if self._capture.kept.end == number and not self._more(number, _earlier(end_s, pause_s)):
                return

    def _more(self, number: int, end_s: float | None) -> bool:
        """Waits until another exchange or the capture has ended. Returns whether there may be another exchange."""
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
                if capture.is_closed:  # closed by another thread
                    break
                raise
            self._take()
            return capture.kept.end != number
        return True

    def _take(self) -> None:
        """Reads everything that crossed before the call. A capture that has ended has already done so."""
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
