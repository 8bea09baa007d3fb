"""The first half of the road: from records to the bytes of connections."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sockfilter.packets.fragments import Reassembler
from sockfilter.packets.records import RecordDecoder
from sockfilter.packets.tcp import TcpDecoder
from sockfilter.streams.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import FragmentCounts, SegmentCounts
    from sockfilter.streams.connection import Conversation, StreamConnection
    from sockfilter.streams.table import Orders


class Names(Protocol):
    """What the road asks of where records come from."""

    def interface_name(self, index: int) -> str:
        """An interface's name by its index."""


class Assembly:
    """Takes records; each connection's bytes go to its conversation.

    Args:
        source: where the records come from.
        orders: the way back to it.
        is_wanted: whether a connection between two ports is asked for; for what the kernel could not tell.
        converse: makes the conversation of a connection.
    """

    def __init__(
        self,
        source: Names,
        orders: Orders,
        is_wanted: Callable[[int, int], bool],
        converse: Callable[[StreamConnection], Conversation],
    ) -> None:
        self._table = Table(converse, orders)
        takers, open_stream = self._table.takers, self._table.open
        tcp = TcpDecoder(takers, self._table.stream_of, open_stream, source.interface_name, is_wanted)
        self._fragments = Reassembler(tcp.take)
        self._records = RecordDecoder(takers, open_stream, self._fragments.take, source.interface_name)
        # takes a batch of records: the memory that holds them, and where they begin in it
        self.consume = self._records.decode

    def tick(self, now_ns: int) -> None:
        """Does what is due by the source's clock."""
        self._table.tick(now_ns)
        self._fragments.tick(now_ns)

    def close(self, now_ns: int) -> None:
        """Ends everything that is open."""
        self._fragments.close()
        self._table.close(now_ns)

    @property
    def has_holes(self) -> bool:
        """Whether some connection waits for bytes, so that tick() matters soon."""
        return bool(self._table.holes)

    @property
    def fragments(self) -> FragmentCounts:
        """What became of fragments, at this moment."""
        return replace(self._fragments.counts)

    @property
    def segments(self) -> SegmentCounts:
        """What became of segments, at this moment."""
        # those of connections that are not remembered never came to the table
        return replace(self._table.counts, control=self._table.counts.control + self._records.unknown_control)
