"""The road from records to exchanges."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from sockfilter.exchanges.by_stream import StreamPairing
from sockfilter.exchanges.in_order import OrderedPairing
from sockfilter.ledger import CALL_COUNTERS, PACKET_COUNTERS, FileCounts, Ledger, MessageCounts, ProcessCounts
from sockfilter.model.budget import CONNECTION_BYTES, MEMORY_BYTES, MESSAGE_BYTES, Budget
from sockfilter.model.hearing import WIRE, Hearing
from sockfilter.model.life import IDLE_AFTER_NS, Activity, Life
from sockfilter.protocols.choose import ProtocolChoice
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.body import whole_body
from sockfilter.protocols.interface import Context
from sockfilter.road.assembly import Assembly, InterfaceNames
from sockfilter.road.express.lane import Lane
from sockfilter.streams.calls import LATE_CALL_NS
from sockfilter.streams.connection import StreamConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sockfilter.model.exchange import Exchange
    from sockfilter.model.lines import Lines
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.stream_message import StreamMessage
    from sockfilter.protocols.interface import Conversation, Transport
    from sockfilter.streams.direction import Skipping


# what is taken for the size of a batch's last record: that of most frames
LAST_RECORD_BYTES = 1600


class RoadSource(InterfaceNames, Protocol):
    """What the road needs of where records come from."""

    clock_offset_ns: int


class Annotator(Protocol):
    """What adds to exchanges what it knows of their connections."""

    @property
    def counts(self) -> Mapping[str, int]:
        """What it has seen and what it has not, for the ledger."""

    def annotate(self, exchange: Exchange, last_ns: int) -> None:
        """Adds what it knows to an exchange, whose connection's last packet passed then."""


class Pipeline:
    """Records in, exchanges out.

    Args:
        source: where the records come from.
        skipping: the way back to it.
        policy: what to keep of bodies.
        is_wanted: whether a connection between two ports is asked for; for what the kernel could not tell.
        emit: takes each exchange when it ends.
        lines: takes the lines of exchanges that need nothing more than one, in place of emit.
        hearing: what the source hears.
        has_lane: connections on which nothing is unusual take the short road; all is the same without it, and slower.
        observers: annotate exchanges when they end, by the names that the ledger has for them.
        memory: bytes that what is open may take.
        emit_message: takes each message that has no answer. None: nobody wants them.
    """

    def __init__(
        self,
        source: RoadSource,
        skipping: Skipping,
        policy: BodyPolicy,
        is_wanted: Callable[[int, int], bool],
        emit: Callable[[Exchange], None],
        lines: Lines | None = None,
        has_lane: bool = True,
        hearing: Hearing = WIRE,
        observers: Mapping[str, Annotator] | None = None,
        memory: int = MEMORY_BYTES,
        emit_message: Callable[[StreamMessage], None] | None = None,
    ) -> None:
        self._source = source
        self._emit = emit
        self._emit_message = emit_message
        self._observers = observers or {}
        self._annotating = tuple(self._observers.values())
        self._exchanges = 0
        self._messages = MessageCounts()
        self._choice = ProtocolChoice()
        self._assembly = assembly = Assembly(source, skipping, is_wanted, self._converse, hearing, heads.is_unfinished)
        self._budget = Budget(memory, self._count_open, assembly.weigh)
        self._context = Context(
            policy, self._budget, self._messages, self._choice, self._in_order, self._by_stream, self._take
        )
        self._lane: Lane | None = None
        if has_lane:
            told = None if lines is None else _RenderedLines(self, source, lines)
            self._lane = Lane(assembly, heads.read, whole_body, policy.limit, policy.decodes, self._ended, told)
        self._consume = self._lane.consume if self._lane is not None else assembly.consume

    def consume(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records: the ring's memory, and where they begin in it, one behind the other."""
        self._consume(view, offsets)
        budget = self._budget
        if offsets:
            # the last one's size is not known here; it is taken for a usual frame
            budget.taken += max(0, offsets[-1] - offsets[0]) + LAST_RECORD_BYTES
            if budget.is_due:
                budget.weighed(self._assembly.relieve(budget.limit))

    def tick(self, now_ns: int, is_last: bool = False) -> None:
        """Does what is due by the source's clock; is_last: all of it, however much that is."""
        self._assembly.tick(now_ns, is_last)

    def give_up_holes(self, now_ns: int) -> None:
        """Calls that have not come back by now, though they may be late, are not waited for any longer."""
        self.tick(now_ns + LATE_CALL_NS, is_last=True)

    def settle(self) -> None:
        """All that has passed by now is here: what waits for more of it, or for a late answer, waits no longer."""
        self._assembly.settle()

    @property
    def has_holes(self) -> bool:
        """Whether some connection waits for bytes, so that tick() matters soon."""
        return self._assembly.has_holes

    def close(self, now_ns: int, is_over: Callable[[], bool] = bool) -> None:
        """Ends everything that is open; is_over: whether there is no more time for it."""
        self._assembly.close(now_ns, is_over)

    def pending(self) -> list[Exchange]:
        """The exchanges that have begun and not ended."""
        if self._lane is not None:
            self._lane.recall_open()
        found = []
        for connection in self._assembly.connections:
            if connection.beginning is None:
                found += cast("Conversation", connection.conversation).open
        for exchange in found:
            exchange.clock_offset_ns = self._source.clock_offset_ns
        return found

    def lives(self, now_ns: int) -> list[Life]:
        """How the connections that are open are doing, the oldest first."""
        found = []
        for connection in self._assembly.connections:
            connection.come_back()
            conversation, model = cast("Conversation", connection.conversation), connection.model
            sent = tuple(direction.total for direction in connection.directions)
            life = Life(
                model,
                _state(connection, conversation, now_ns),
                connection.opened_ns,
                connection.last_ns,
                conversation.count,
                (sent[model.client_end or 0], sent[1 - (model.client_end or 0)]),
            )
            found.append(life)
        return found

    @property
    def missing_bytes(self) -> int:
        """Bytes of connections that never came, so far."""
        return self._assembly.missing_bytes

    def ledger(
        self,
        counters: list[int],
        records_read: int,
        is_live: bool = False,
        file_counts: dict[str, Any] | None = None,
    ) -> Ledger:
        """The ledger at this moment.

        Args:
            counters: the kernel's, in the order of PACKET_COUNTERS, and behind them perhaps of CALL_COUNTERS.
            records_read: taken from the source so far.
            is_live: whether some of those that the counters tell of may still wait there.
            file_counts: what of a capture file was not understood; None: it is none.
        """
        segments = self._assembly.segments
        if self._lane is not None and not segments.left_open:
            self._lane.recall_open()
            segments = self._assembly.segments
        observed = {name: dict(observer.counts) for name, observer in self._observers.items()}
        packets, calls = counters[: len(PACKET_COUNTERS)], counters[len(PACKET_COUNTERS) :]
        return Ledger(
            dict(zip(PACKET_COUNTERS, packets, strict=True)),
            records_read,
            self._assembly.fragments,
            segments,
            self._messages.copy(unpaired=self._messages.unpaired.copy(), bodies_cut=self._budget.bodies_cut),
            dict(zip(CALL_COUNTERS, calls, strict=True)) if calls else {},
            ProcessCounts(**observed.pop("processes", {})),
            is_live,
            None if file_counts is None else FileCounts(**file_counts),
            observed=observed,
        )

    def _count_open(self) -> int:
        """Bytes that connections and messages take beside what was said."""
        return len(self._assembly) * CONNECTION_BYTES + self._messages.open * MESSAGE_BYTES

    def _converse(self, connection: StreamConnection) -> Conversation:
        return self._choice.begin(connection, self._context)

    def _in_order(self, transport: Transport) -> OrderedPairing:
        if isinstance(transport, StreamConnection):
            ended = partial(self._ended_on, transport)
        else:  # what is carried inside another conversation is not for the short road
            ended = partial(self._ended_in, transport)
        return OrderedPairing(transport.model, transport.isn, self._messages, ended)

    def _by_stream(self, transport: Transport) -> StreamPairing:
        return StreamPairing(transport.model, transport.isn, self._messages, partial(self._ended_in, transport))

    def _take(self, message: StreamMessage) -> None:
        message.clock_offset_ns = self._source.clock_offset_ns
        if self._emit_message is not None:
            self._emit_message(message)

    def _ended_on(self, connection: StreamConnection, exchange: Exchange) -> None:
        exchange.compare_clocks()
        if self._lane is not None:
            self._lane.may_enter(connection)
        self._ended(exchange, connection.last_ns)

    def _ended_in(self, transport: Transport, exchange: Exchange) -> None:
        exchange.compare_clocks()
        self._ended(exchange, transport.last_ns)

    def _ended(self, exchange: Exchange, last_ns: int = 0) -> None:
        self._exchanges += 1
        exchange.id = self._exchanges
        exchange.clock_offset_ns = self._source.clock_offset_ns
        for observer in self._annotating:
            observer.annotate(exchange, last_ns)
        self._emit(exchange)

    def _count(self, count: int) -> None:
        """Takes note of exchanges whose lines have been written."""
        self._exchanges += count
        messages = self._messages
        messages.requests += count
        messages.responses += count
        messages.paired += 2 * count
        messages.exchanges += count


def _state(connection: StreamConnection, conversation: Conversation, now_ns: int) -> Activity:
    if connection.is_damaged:
        return Activity.MALFORMED
    if not conversation.is_idle:
        return Activity.OPEN
    return Activity.IDLE if now_ns - connection.last_ns >= IDLE_AFTER_NS else Activity.READY


class _RenderedLines:
    """Lines that are written on the short road, on their way to their output.

    Args:
        pipeline: counts the exchanges.
        source: knows the clock.
        lines: the output.
    """

    def __init__(self, pipeline: Pipeline, source: RoadSource, lines: Lines) -> None:
        self._pipeline = pipeline
        self._source = source
        self.lines = lines

    @property
    def clock_offset_ns(self) -> int:
        """Nanoseconds to add to the source's clock for the wall clock."""
        return self._source.clock_offset_ns

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of some exchanges."""
        self._pipeline._count(count)
        self.lines.take(text, count)
