"""The first half of the road: turns records into the bytes of connections."""

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
    """What the assembly needs of the source."""

    def interface_name(self, index: int) -> str:
        """Returns the name of an interface by its index."""


class Assembly:
    """Takes records, and passes the bytes of each connection to its conversation.

    Args:
        source: the source of the records.
        skipping: sends skip hints to the source.
        is_wanted: whether the user asked for connections between two ports, for packets that the kernel did not check.
        converse: makes the conversation of a connection.
        hearing: how the source observes connections, see Hearing.
        is_unfinished: whether the first bytes of a connection are too few to parse, as in ConnectionTable.
        all_hops: as in ConnectionTable.
    """

    def __init__(
        self,
        source: InterfaceNames,
        skipping: Skipping,
        is_wanted: Callable[[int, int], bool],
        converse: Callable[[StreamConnection], StreamTaker],
        hearing: Hearing = WIRE,
        is_unfinished: Callable[[bytes], bool] | None = None,
        all_hops: bool = False,
    ) -> None:
        self._table = ConnectionTable(converse, skipping, hearing.both_ends, is_unfinished, all_hops)
        table, name = self._table, source.interface_name
        tcp = TcpDecoder(table.takers, table.stream_of, table.open, name, is_wanted)
        self._fragments = Reassembler(tcp.take)
        self._records = RecordDecoder(
            table.takers, table.ended, table.open, self._fragments.take, name, hearing, table.note_order
        )
        # takes a batch of records: the memory that contains them, and their offsets in it
        self.consume = self._records.decode

    def enter(self, view: memoryview, at: int, stream: int, time_ns: int) -> StreamConnection | None:
        """Opens the connection of a first record, for the lane. Returns None if the connection is not new.

        Args:
            view: the memory that contains the record.
            at: where the record begins in it.
            stream: its stream.
            time_ns: when it passed.
        """
        return self._table.enter(stream, self._records.start(view, at), time_ns)

    def note_control(self, count: int) -> None:
        """Counts segments without payload that the lane has taken."""
        self._table.counts.control += count

    def tick(self, now_ns: int, is_last: bool = False) -> None:
        """Handles timeouts.

        Args:
            now_ns: the current time in the source's clock.
            is_last: handles all of them, however many they are.
        """
        self._table.tick(now_ns, is_last)
        self._fragments.tick(now_ns)

    def relieve(self, limit: int) -> int:
        """Evicts the largest connections if all together take more than limit bytes. Returns the bytes in use."""
        return self._table.relieve(limit)

    def weigh(self) -> int:
        """Returns the bytes of memory that all open connections take."""
        return self._table.weigh()

    def __len__(self) -> int:
        """Returns the number of open connections."""
        return len(self._table)

    def settle(self) -> None:
        """Stops waiting for bytes that have passed and for late answers: all that has passed by now is here."""
        self._table.settle()

    def close(self, now_ns: int, is_over: Callable[[], bool] = bool) -> None:
        """Ends all connections. is_over: whether no time is left for it."""
        self._fragments.close()
        self._table.close(now_ns, is_over)

    @property
    def has_holes(self) -> bool:
        """Whether a connection waits for bytes, so that tick() is needed soon."""
        return bool(self._table.holes)

    @property
    def connections(self) -> list[StreamConnection]:
        """The open connections, the oldest first."""
        return self._table.connections

    @property
    def fragments(self) -> FragmentCounts:
        """The counters of fragments at this moment."""
        return self._fragments.counts.copy()

    @property
    def other_records(self) -> int:
        """The number of records that are of no packet."""
        return self._records.left_out

    @property
    def missing_bytes(self) -> int:
        """The number of bytes in gaps so far."""
        return self._table.counts.gap_bytes

    @property
    def segments(self) -> SegmentCounts:
        """The counters of segments at this moment."""
        # the decoder counts the control segments of unknown connections, which never come to the table
        return self._table.counts.copy(control=self._table.counts.control + self._records.unknown_control)
