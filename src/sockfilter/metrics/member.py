"""The metrics among the outputs of a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.fan import Member, Wants

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.metrics.asking import AnsweringEnd
    from sockfilter.metrics.capture_metrics import Captured, CaptureMetrics
    from sockfilter.metrics.snapshot import Family
    from sockfilter.model import Connection, Exchange, StreamMessage
    from sockfilter.model.tallies import Tallies, Tally


class MetricsMember(Member):
    """Counts exchanges and messages, and answers the server of the metrics after each batch.

    Args:
        metrics: the counts.
        can_tally: whether counts of ordinary exchanges, made by the lane, are enough.
    """

    name = "metrics"
    wants = Wants.EXCHANGES | Wants.MESSAGES
    is_vital = False

    def __init__(self, metrics: CaptureMetrics, *, can_tally: bool = True) -> None:
        self._metrics = metrics
        self._can_tally = can_tally
        self._end: AnsweringEnd | None = None
        self._capture: Captured | None = None
        self.duration_bounds_ns = metrics.counts.duration_bounds_ns
        self.size_bounds = metrics.counts.size_bounds
        self.drain: Callable[[], None] = lambda: None

    @property
    def tallies(self) -> Tallies | None:
        """Takes counts, see Tallies."""
        return self if self._can_tally else None

    def answer(self, end: AnsweringEnd, capture: Captured) -> None:
        """Sets whom to answer, and the capture whose ledger to read."""
        self._end, self._capture = end, capture

    @property
    def limit(self) -> int:
        """The most series of the traffic."""
        return self._metrics.limit

    @property
    def has_overflowed(self) -> bool:
        """Whether labels found no series."""
        return self._metrics.has_overflowed

    def group_of(self, connection: Connection) -> int:
        """Returns the group of a connection, see Tallies."""
        return self._metrics.counts.group_of(connection)

    def take_tally(self, tally: Tally) -> None:
        """Takes counts, see Tallies."""
        self._metrics.counts.take_tally(tally)

    def write(self, exchange: Exchange) -> None:
        """Counts an exchange."""
        self._metrics.add(exchange)

    def write_message(self, message: StreamMessage) -> None:
        """Counts a message."""
        self._metrics.add_message(message)

    def flush(self) -> None:
        """Answers the server, if it has asked."""
        if self._end is not None:
            self._end.answer()

    def snapshot(self) -> list[Family]:
        """Returns all counts of this moment."""
        if self._capture is not None:
            self._metrics.note(self._capture)  # the ledger makes connections leave the lane
        self.drain()
        return self._metrics.snapshot()
