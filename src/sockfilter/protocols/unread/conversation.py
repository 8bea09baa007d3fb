"""A conversation that is not read: its bytes are counted, or its connection is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.protocols.interface import ENDLESS
from sockfilter.protocols.without_exchanges import WithoutExchanges

if TYPE_CHECKING:
    from sockfilter.model.problem import Problem
    from sockfilter.protocols.interface import Context, Handover, Transport


class UnreadConversation(WithoutExchanges):
    """Takes the bytes of a protocol that is not read.

    After exchanges of another protocol, its bytes are counted as opaque. A connection that begins with the protocol is
    rejected: the source need not send more of it.

    Args:
        transport: the connection.
        context: has the counters.
        before: what was read on the connection before; None if nothing.
    """

    __slots__ = ("_counts", "_transport", "ignoring")

    weight = 0
    # not known: a message may begin or end at any byte
    is_idle = False

    def __init__(self, transport: Transport, context: Context, before: Handover | None = None) -> None:
        super().__init__(before)
        self._transport = transport
        self._counts = context.counts
        self.ignoring = 0 if before is None else ENDLESS

    @property
    def receivers(self) -> tuple[UnreadConversation, UnreadConversation]:
        """Itself: it treats both directions alike."""
        return self, self

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Counts bytes that passed; it does not read them."""
        self.skip(len(data), time_ns)

    def skip(self, size: int, time_ns: int) -> None:
        """Counts bytes that passed."""
        if self._before is not None:
            self._counts.opaque_bytes += size
        elif not self.ignoring:
            self.ignoring = ENDLESS
            self._transport.reject()

    def repeat(self, seq: int) -> None:
        """Ignores a retransmission."""

    def missing(self, size: int, problem: Problem) -> int:
        """Returns 0: it needs none of the missing bytes."""
        return 0

    def end(self, problem: Problem) -> None:
        """Ignores the end of a direction."""
