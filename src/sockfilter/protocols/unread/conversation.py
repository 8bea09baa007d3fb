"""A conversation that is not read: its bytes are counted, or its connection is counted and let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.protocols.interface import ENDLESS

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.problem import Problem
    from sockfilter.protocols.interface import Context, Handover, Transport


class UnreadConversation:
    """Takes bytes whose protocol is not read.

    After exchanges of another protocol, its bytes count as opaque. A connection that begins with it counts as such,
    and is rejected: the source need not send any more of it.

    Args:
        transport: the connection.
        context: has the counters.
        before: what was read on the connection before; None: nothing.
        counter: which of the counters takes a connection that begins with it; None: it is not counted.
    """

    __slots__ = ("_before", "_counter", "_counts", "_transport", "ignoring")

    has_short_road = False
    weight = 0
    # not known; what it is may begin or end at any byte
    is_idle = False

    def __init__(self, transport: Transport, context: Context, before: Handover | None, counter: str | None) -> None:
        self._transport = transport
        self._counts = context.counts
        self._counter = counter
        self._before = before
        self.ignoring = 0 if before is None else ENDLESS

    @property
    def receivers(self) -> tuple[UnreadConversation, UnreadConversation]:
        """Itself: both directions mean the same to it."""
        return self, self

    @property
    def open(self) -> list[Exchange]:
        """None."""
        return []

    @property
    def count(self) -> int:
        """How many exchanges there were before."""
        return 0 if self._before is None else self._before.number

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes."""
        self.skip(len(data), time_ns)

    def skip(self, size: int, time_ns: int) -> None:
        """Takes note of bytes that passed."""
        if self._before is not None:
            self._counts.opaque_bytes += size
        elif not self.ignoring:
            self.ignoring = ENDLESS
            if self._counter is not None:
                setattr(self._counts, self._counter, getattr(self._counts, self._counter) + 1)
            self._transport.reject()

    def repeat(self, seq: int) -> None:
        """Takes note of bytes that were sent again."""

    def missing(self, size: int, problem: Problem) -> int:
        """Takes note of bytes that cannot be had. None of them were needed."""
        return 0

    def end(self, problem: Problem) -> None:
        """Takes note that no more bytes of an end follow."""

    def abandon(self, end: int) -> None:
        """Takes note that an end waits for nothing more."""

    def close(self, problem: Problem) -> None:
        """Takes note that the connection has ended."""
