"""Segments without packets: a table of streams, and receivers that note what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.connection import Endpoint
from sockfilter.model.flow import FlowStart
from sockfilter.model.problem import Problem
from sockfilter.streams import table as tables
from sockfilter.streams.table import ConnectionTable
from tests.support.wire import ACK, FIN, MASK, MILLISECOND, RST, SYN, Orders

if TYPE_CHECKING:
    from sockfilter.streams.connection import StreamConnection

Event = tuple[object, ...]
STREAM = 2


class Tape:
    """A receiver that keeps what it is told. what: events; content: the bytes, a dot for each that is missing."""

    def __init__(self) -> None:
        self.ignoring = 0
        self.what: list[Event] = []
        self.content = b""
        self.times: list[int] = []
        self.repeated: list[int] = []

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        self.what.append(("data", data))
        self.content += data
        self.times.append(time_ns)

    def skip(self, size: int, time_ns: int) -> None:
        assert size <= self.ignoring
        self.ignoring -= size
        self.what.append(("skip", size))

    def repeat(self, seq: int) -> None:
        self.repeated.append(seq)

    def missing(self, size: int, problem: Problem) -> int:
        self.what.append(("missing", size, problem))
        self.content += b"." * min(size, 100)
        return size

    def end(self, problem: Problem) -> None:
        self.what.append(("end", problem))

    @property
    def ended(self) -> object:
        """Why no more follows; None while more may."""
        return self.what[-1][1] if self.what and self.what[-1][0] == "end" else None


class Conversation:
    """What a connection's bytes go to."""

    def __init__(self, connection: StreamConnection) -> None:
        self.connection = connection
        self.receivers = (Tape(), Tape())
        self.closed: list[Problem] = []
        self.abandoned: list[int] = []

    def abandon(self, end: int) -> None:
        self.abandoned.append(end)

    def close(self, problem: Problem) -> None:
        self.closed.append(problem)


class Scene:
    """A table with one flow under construction. Positions count from the first byte of either end.

    whole: both SYNs were seen.
    calls: the segments are calls, of which both ends may tell.
    """

    def __init__(
        self, *, whole: bool = True, isn: tuple[int, int] = (1000, 5000), stream: int = STREAM, calls: bool = False
    ) -> None:
        self.orders = Orders()
        self.conversations: list[Conversation] = []
        self.table = ConnectionTable(self._converse, self.orders, calls)
        self.isn = isn
        self.stream = stream
        self.now_ns = 0
        self.start = flow_start(isn=isn if whole else (None, None), syn_ns=1 if whole else None)

    def _converse(self, connection: StreamConnection) -> Conversation:
        self.conversations.append(Conversation(connection))
        return self.conversations[-1]

    @property
    def tapes(self) -> tuple[Tape, Tape]:
        """Those of the newest connection."""
        return self.conversations[-1].receivers

    @property
    def closed(self) -> Problem | None:
        """Why the newest connection is over."""
        return next(iter(self.conversations[-1].closed), None)

    def send(
        self,
        end: int,
        at: int,
        data: bytes = b"",
        *,
        flags: int = ACK,
        acked: int = 0,
        length: int | None = None,
        after_ns: int = MILLISECOND,
    ) -> None:
        """A segment; acked: bytes of the other end that its sender has received; length: of more than data."""
        self.now_ns += after_ns
        stream = self.stream | end
        size = len(data) if length is None else length
        seq, ack = (self.isn[end] + 1 + at) & MASK, (self.isn[1 - end] + 1 + acked) & MASK
        take = self.table.takers.get(stream)
        if take is None:
            if not size and stream & ~1 not in self.table.ended:
                return
            take = self.table.open(stream, self.start, self.now_ns)
        take(self.now_ns, seq, ack, flags, size, len(data), data, 0)

    def fin(self, end: int, at: int, data: bytes = b"", **more: int) -> None:
        self.send(end, at, data, flags=FIN | ACK, **more)

    def reset(self, end: int, at: int, *, acked: int = 0) -> None:
        self.send(end, at, flags=RST | ACK, acked=acked)

    def tick(self, after_ns: int) -> None:
        """Time passes, and what is due is done."""
        self.now_ns += after_ns
        self.table.tick(self.now_ns)


def flow_start(
    number: int = 1, isn: tuple[int | None, int | None] = (None, None), syn_ns: int | None = None
) -> FlowStart:
    """The first sight of a flow; each number is one of its own."""
    ends = (Endpoint("10.0.0.1", 80), Endpoint("10.0.0.2", 40000 + number))
    return FlowStart(b"%036d" % number + bytes(4), ends, "test0", isn, syn_ns, syn_ns)


__all__ = ["ACK", "FIN", "RST", "SYN", "Conversation", "Scene", "Tape", "flow_start", "tables"]
