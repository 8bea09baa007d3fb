"""All metrics of a capture: of its exchanges and messages, and of its ledger."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Protocol

from sockfilter.metrics import ledger as ledger_metrics
from sockfilter.metrics.exchanges import ExchangeCounts
from sockfilter.metrics.registry import SERIES_MAX, Registry
from sockfilter.metrics.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sockfilter.ledger import Ledger
    from sockfilter.metrics.snapshot import Family
    from sockfilter.model import Connection, Exchange, StreamMessage


class Captured(Protocol):
    """What the metrics ask a capture."""

    @property
    def ledger(self) -> Ledger:
        """The counters of this moment."""

    @property
    def pending(self) -> list[Exchange]:
        """The exchanges that are under way."""


class CaptureMetrics:
    """Counts exchanges and messages, and reads the ledger when it is asked for a snapshot.

    A harness adds what its capture gives, and may take a snapshot on another thread: a lock is held while one exchange
    is added, and while a snapshot is copied, which takes two milliseconds for SERIES_MAX series.

    Args:
        routes: templates of routes, such as "/users/{id}/orders".
        more: further labels: "host", "process", "container".
        addresses: the addresses of this machine, which tell servers from clients.
        is_other: whether to count what a connection carries. None: all is counted.
        limit: the number of series of the traffic; a histogram is one.

    Raises InvalidArgument.
    """

    def __init__(
        self,
        routes: Sequence[str] = (),
        more: Sequence[str] = (),
        addresses: Collection[str] = (),
        is_other: Callable[[Connection], bool] | None = None,
        limit: int = SERIES_MAX,
    ) -> None:
        self._lock = Lock()
        self._traffic = Registry(limit)
        # the ledger has series of its own, which no traffic can take
        self._own = Registry()
        self.counts = ExchangeCounts(self._traffic, routes, more, addresses, is_other)
        ledger_metrics.declare(self._own)

    @property
    def limit(self) -> int:
        """The most series of the traffic."""
        return self._traffic.limit

    @property
    def has_overflowed(self) -> bool:
        """Whether labels found no series, so that values were counted under other="true"."""
        return bool(self._traffic.overflowed)

    def add(self, exchange: Exchange) -> None:
        """Counts an exchange."""
        with self._lock:
            self.counts.add(exchange)

    def add_message(self, message: StreamMessage) -> None:
        """Counts a message without a response."""
        with self._lock:
            self.counts.add_message(message)

    def snapshot(self, capture: Captured | None = None) -> list[Family]:
        """Returns a copy of all counts. capture: the capture whose ledger and open exchanges to read before."""
        if capture is not None:
            self.note(capture)
        with self._lock:
            self._own.set(ledger_metrics.SERIES, self._traffic.series)
            self._own.set(ledger_metrics.SERIES_LIMIT, self._traffic.limit)
            return [*snapshot(self._traffic), *snapshot(self._own)]

    def note(self, capture: Captured) -> None:
        """Reads the ledger of a capture, and which exchanges are under way."""
        ledger, pending = capture.ledger, capture.pending
        with self._lock:
            ledger_metrics.note(self._own, ledger)
            self.counts.note_active(pending)
