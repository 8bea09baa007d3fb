"""The first half of the road: from records to the bytes of connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.model.hearing import WIRE, Hearing
from sockfilter.packets.fragments import Reassembler
from sockfilter.packets.records import RecordDecoder
from sockfilter.packets.tcp import TcpDecoder
from sockfilter.streams.table import ConnectionTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.ledger import FragmentCounts, SegmentCounts
    from sockfilter.streams.connection import StreamConnection, StreamTaker
    from sockfilter.streams.direction import Skipping


class InterfaceNames(Protocol):
    """What the road asks of where records come from."""

    def interface_name(self, index: int) -> str:
        """An interface's name by its index."""


class Assembly:
    """Takes records; each connection's bytes go to its conversation.

    Args:
        source: where the records come from.
        skipping: the way back to it.
        is_wanted: whether a connection between two ports is asked for; for what the kernel could not tell.
        converse: makes the conversation of a connection.
        hearing: what the source hears.
        is_unfinished: whether the first bytes of a connection say nothing before more come, as Table has it.
    """

    def __init__(
        self,
        source: InterfaceNames,
        skipping: Skipping,
        is_wanted: Callable[[int, int], bool],
        converse: Callable[[StreamConnection], StreamTaker],
        hearing: Hearing = WIRE,
        is_unfinished: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._table = ConnectionTable(converse, skipping, hearing.both_ends, is_unfinished)
        table, name = self._table, source.interface_name
        tcp = TcpDecoder(table.takers, table.stream_of, table.open, name, is_wanted)
        self._fragments = Reassembler(tcp.take)
        self._records = RecordDecoder(table.takers, table.ended, table.open, self._fragments.take, name, hearing)
        # takes a batch of records: the memory that holds them, and where they begin in it
        self.consume = self._records.decode

    def enter(self, view: memoryview, at: int, stream: int, time_ns: int) -> StreamConnection | None:
        """The connection of a record that is its first, for the short road. None: it is not new.

        Args:
            view: the memory that holds it.
            at: where it begins in that.
            stream: its stream.
            time_ns: when it passed.
        """
        return self._table.enter(stream, self._records.start(view, at), time_ns)

    def note_control(self, count: int) -> None:
        """Takes note of segments without bytes that took the short road."""
        self._table.counts.control += count

    def tick(self, now_ns: int, is_last: bool = False) -> None:
        """Does what is due by the source's clock; is_last: all of it, however much that is."""
        self._table.tick(now_ns, is_last)
        self._fragments.tick(now_ns)

    def relieve(self, limit: int) -> int:
        """Gives up the largest connections where all together take more than so many bytes. Returns what is in use."""
        return self._table.relieve(limit)

    def weigh(self) -> int:
        """Bytes that all that is open takes."""
        return self._table.weigh()

    def __len__(self) -> int:
        """How many connections are open."""
        return len(self._table)

    def settle(self) -> None:
        """All that has passed by now is here: what waits for more of it, or for a late answer, waits no longer."""
        self._table.settle()

    def close(self, now_ns: int, is_over: Callable[[], bool] = bool) -> None:
        """Ends everything that is open; is_over: whether there is no more time for it."""
        self._fragments.close()
        self._table.close(now_ns, is_over)

    @property
    def has_holes(self) -> bool:
        """Whether some connection waits for bytes, so that tick() matters soon."""
        return bool(self._table.holes)

    @property
    def connections(self) -> list[StreamConnection]:
        """Those that are open, the oldest first."""
        return self._table.connections

    @property
    def fragments(self) -> FragmentCounts:
        """What became of fragments, at this moment."""
        return self._fragments.counts.copy()

    @property
    def missing_bytes(self) -> int:
        """Bytes of connections that never came, so far."""
        return self._table.counts.gap_bytes

    @property
    def segments(self) -> SegmentCounts:
        """What became of segments, at this moment."""
        # those of connections that are not remembered never came to the table
        return self._table.counts.copy(control=self._table.counts.control + self._records.unknown_control)
