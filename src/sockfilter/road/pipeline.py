"""The whole road, from records to exchanges."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from sockfilter.exchanges.by_stream import StreamPairing
from sockfilter.exchanges.in_order import OrderedPairing
from sockfilter.ledger import (
    CALL_COUNTERS,
    PACKET_COUNTERS,
    FileCounts,
    Ledger,
    MessageCounts,
    ProcessCounts,
    SecretCounts,
    TlsCounts,
)
from sockfilter.model.budget import CONNECTION_BYTES, MEMORY_BYTES, MESSAGE_BYTES, Budget
from sockfilter.model.hearing import WIRE, Hearing
from sockfilter.model.life import IDLE_AFTER_NS, Activity, Life
from sockfilter.protocols.choose import ProtocolChoice
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.interface import Context, SharedReading
from sockfilter.road.assembly import Assembly, InterfaceNames
from sockfilter.road.express.lane import Lane
from sockfilter.road.express.tallying import Tallying
from sockfilter.streams.calls import LATE_CALL_NS
from sockfilter.streams.connection import StreamConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sockfilter.model.exchange import Exchange
    from sockfilter.model.figures import Figures
    from sockfilter.model.lines import Lines
    from sockfilter.model.tallies import Tallies
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.stream_message import StreamMessage
    from sockfilter.protocols.interface import Conversation, Transport
    from sockfilter.streams.direction import Skipping
    from sockfilter.tls.store import SecretStore


# the assumed size of the last record of a batch, in bytes: that of most frames
LAST_RECORD_BYTES = 1600


class RoadSource(InterfaceNames, Protocol):
    """What the road needs of the source."""

    clock_offset_ns: int


class Annotator(Protocol):
    """An observer: adds to exchanges what it knows of their connections."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Its counters, for the ledger."""

    def annotate(self, exchange: Exchange, last_ns: int) -> None:
        """Adds what it knows to an exchange.

        Args:
            exchange: the exchange.
            last_ns: when the last packet of its connection passed.
        """


class Pipeline:
    """Takes records and gives exchanges.

    Args:
        source: the source of the records.
        skipping: sends skip hints to the source.
        policy: what to keep of bodies.
        is_wanted: whether the user asked for connections between two ports, for packets that the kernel did not check.
        emit: takes each exchange when it ends.
        lines: takes the text lines of exchanges instead of emit, if a line is all that is needed of them.
        hearing: how the source observes connections, see Hearing.
        has_lane: whether ordinary connections may use the lane. Without it, the results are the same, but slower.
        observers: annotate exchanges when they end. The keys are their names in the ledger.
        memory: bytes of memory that open connections and exchanges may take.
        emit_message: takes each message that has no answer. None: such messages are dropped.
        protocols: the names of the protocols beside HTTP that are read.
        secrets: the secrets that open TLS. None: TLS is not read.
        figures: takes the numbers of exchanges instead of emit, if they are all that is needed of them.
        tallies: takes counts of ordinary exchanges, beside their lines or instead of emit.
        note_number: takes the number of exchanges of which nothing but counts was needed.
        all_hops: whether a connection on several interfaces has its exchanges on each.
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
        protocols: Collection[str] = (),
        secrets: SecretStore | None = None,
        figures: Figures | None = None,
        tallies: Tallies | None = None,
        note_number: Callable[[int], None] | None = None,
        all_hops: bool = False,
    ) -> None:
        self._source = source
        self._secrets = secrets
        self._emit = emit
        self._emit_message = emit_message
        self._observers = observers or {}
        self._annotating = tuple(self._observers.values())
        self._exchanges = 0
        self._messages = MessageCounts()
        self._tls = TlsCounts()
        if secrets is not None:
            # Imported now: rights are given up later, and then no module can be read.
            from sockfilter.tls.conversation import TlsConversation

            self._tls_conversation = partial(TlsConversation, store=secrets, counts=self._tls)
        self._choice = ProtocolChoice(wanted=protocols, tls=None if secrets is None else self._tls_conversation)
        self._assembly = assembly = Assembly(
            source, skipping, is_wanted, self._converse, hearing, heads.is_unfinished, all_hops
        )
        self._budget = Budget(memory, self._count_open, assembly.weigh)
        if lines is not None and lines.is_json:
            tallies = None  # these lines are made of exchanges
        if lines is not None and lines.is_json and observers:
            lines = None  # each line names the processes that the observers find
        told = None if lines is None else _RenderedLines(self, source, lines)
        # beside counts, lines of HTTP/2 are made of exchanges, which are counted
        self._reading = SharedReading(told if tallies is None else None) if has_lane else None
        self._told = None if told is None or tallies is not None else self._reading  # the lines in C, which wait while a batch is read
        self._context = Context(
            policy,
            self._budget,
            self._messages,
            self._choice,
            self._in_order,
            self._by_stream,
            self._take,
            self._reading,
        )
        self._lane: Lane | None = None
        if has_lane:
            text = None if told is None or told.lines.is_json else told
            counted = None if figures is None else _CountedFigures(self, source, figures)
            self._note_number = note_number
            self._lane = Lane(
                assembly,
                heads.read,
                heads.whole_body,
                policy.limit,
                policy.decodes,
                self._ended,
                text,
                counted,
                None if tallies is None else Tallying(tallies, self._count_tallied if text is None else None),
            )
        self._consume = self._lane.consume if self._lane is not None else assembly.consume

    def consume(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records.

        Args:
            view: the memory of the ring.
            offsets: where the records begin in it, in their order.
        """
        told = self._told
        if told is None:
            self._consume(view, offsets)
        else:
            told.begin_batch()
            try:
                self._consume(view, offsets)
            finally:
                told.end_batch()
        budget = self._budget
        if offsets:
            # the size of the last record is not known here
            budget.taken += max(0, offsets[-1] - offsets[0]) + LAST_RECORD_BYTES
            if budget.is_due:
                budget.weighed(self._assembly.relieve(budget.limit))

    def tick(self, now_ns: int, is_last: bool = False) -> None:
        """Handles timeouts.

        Args:
            now_ns: the current time in the source's clock.
            is_last: handles all of them, however many they are.
        """
        self._assembly.tick(now_ns, is_last)
        if self._secrets is not None:
            self._secrets.tick(now_ns)

    def give_up_holes(self, now_ns: int) -> None:
        """Stops waiting for late system calls."""
        self.tick(now_ns + LATE_CALL_NS, is_last=True)

    def settle(self) -> None:
        """Stops waiting for bytes that have passed and for late answers: all that has passed by now is here."""
        self._assembly.settle()

    @property
    def has_holes(self) -> bool:
        """Whether a connection waits for bytes, so that tick() is needed soon."""
        return self._assembly.has_holes

    def close(self, now_ns: int, is_over: Callable[[], bool] = bool) -> None:
        """Ends all connections. is_over: whether no time is left for it."""
        self._assembly.close(now_ns, is_over)
        if self._secrets is not None:
            self._secrets.end()

    def pending(self) -> list[Exchange]:
        """Returns the exchanges that have begun but not ended."""
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
        """Returns the states of the open connections, the oldest first. now_ns is in the source's clock."""
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
        """The number of bytes in gaps so far."""
        return self._assembly.missing_bytes

    @property
    def other_records(self) -> int:
        """The number of records so far that are of no packet: they say what was left out."""
        return self._assembly.other_records

    def ledger(
        self,
        counters: list[int],
        records_read: int,
        is_live: bool = False,
        file_counts: dict[str, Any] | None = None,
    ) -> Ledger:
        """Returns the ledger at this moment.

        Args:
            counters: the counters of the kernel in the order of PACKET_COUNTERS, followed by CALL_COUNTERS if the
                source has them.
            records_read: the number of records taken from the source so far.
            is_live: whether records that the counters include may still be in the source.
            file_counts: the counters of a capture file. None: the source is not a file.
        """
        segments = self._assembly.segments
        if self._lane is not None and not segments.left_open:
            self._lane.recall_open()
            segments = self._assembly.segments
        if self._reading is not None:
            self._reading.settle()
        observed = {name: dict(observer.counts) for name, observer in self._observers.items()}
        packets, calls = counters[: len(PACKET_COUNTERS)], counters[len(PACKET_COUNTERS) :]
        return Ledger(
            dict(zip(PACKET_COUNTERS, packets, strict=True)),
            records_read,
            self._assembly.fragments,
            segments,
            self._messages.copy(
                unpaired=self._messages.unpaired.copy(),
                frames=self._messages.frames.copy(),
                stream_messages=self._messages.stream_messages.copy(),
                bodies_cut=self._budget.bodies_cut,
            ),
            dict(zip(CALL_COUNTERS, calls, strict=True)) if calls else {},
            ProcessCounts(**observed.pop("processes", {})),
            is_live,
            None if file_counts is None else FileCounts(**file_counts),
            observed=observed,
            tls=self._tls.copy(),
            secrets=SecretCounts() if self._secrets is None else self._secrets.counts.copy(),
        )

    def _count_open(self) -> int:
        """Returns the bytes of memory that connections and messages take, without their content."""
        return len(self._assembly) * CONNECTION_BYTES + self._messages.open * MESSAGE_BYTES

    def _converse(self, connection: StreamConnection) -> Conversation:
        return self._choice.begin(connection, self._context)

    def _in_order(self, transport: Transport) -> OrderedPairing:
        if isinstance(transport, StreamConnection):
            ended = partial(self._ended_on, transport)
        else:  # a connection inside another conversation cannot use the lane
            ended = partial(self._ended_in, transport)
        return OrderedPairing(transport.model, transport.isn, self._messages, ended)

    def _by_stream(self, transport: Transport) -> StreamPairing:
        return StreamPairing(transport.model, transport.isn, self._messages, partial(self._ended_in, transport))

    def _take(self, message: StreamMessage) -> None:
        self._messages.stream_messages[message.protocol] += 1
        if self._emit_message is None:
            return
        message.clock_offset_ns = self._source.clock_offset_ns
        exchange = message.exchange
        if self._told is not None:
            self._told.flush()
        if exchange is not None and not exchange.id:
            self._number(exchange)  # its line comes later, and refers to the same number
        self._emit_message(message)
        if self._told is not None:
            self._told.refresh()

    def _ended_on(self, connection: StreamConnection, exchange: Exchange) -> None:
        exchange.compare_clocks()
        if self._lane is not None:
            self._lane.may_enter(connection)
        self._ended(exchange, connection.last_ns)

    def _ended_in(self, transport: Transport, exchange: Exchange) -> None:
        exchange.compare_clocks()
        self._ended(exchange, transport.last_ns)

    def _ended(self, exchange: Exchange, last_ns: int = 0) -> None:
        if self._told is not None:
            self._told.flush()
        if not exchange.id:
            self._number(exchange)
        exchange.clock_offset_ns = self._source.clock_offset_ns
        for observer in self._annotating:
            observer.annotate(exchange, last_ns)
        self._emit(exchange)
        if self._told is not None:
            self._told.refresh()  # its line may have made a column wider

    def _number(self, exchange: Exchange) -> None:
        self._exchanges += 1
        exchange.id = self._exchanges

    def _count_tallied(self, count: int) -> None:
        """Counts exchanges of which nothing but counts was needed."""
        self._count(count)
        if self._note_number is not None:
            self._note_number(count)

    def _count(self, count: int) -> None:
        """Counts exchanges whose lines the lane has written."""
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
    """Passes the lines that the lane has written to their output.

    Args:
        pipeline: counts the exchanges.
        source: has the clock.
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

    @property
    def next_id(self) -> int:
        """The number of the next exchange."""
        return self._pipeline._exchanges + 1

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of some exchanges."""
        pipeline = self._pipeline
        if pipeline._told is not None:
            pipeline._told.flush()  # those of HTTP/2 that came before
        pipeline._count(count)
        self.lines.take(text, count)


class _CountedFigures:
    """Passes the numbers of exchanges to their output.

    Args:
        pipeline: counts the exchanges.
        source: has the clock.
        figures: the output.
    """

    def __init__(self, pipeline: Pipeline, source: RoadSource, figures: Figures) -> None:
        self._source = source
        self.take = figures.take_figures
        self.count = pipeline._count

    @property
    def clock_offset_ns(self) -> int:
        """Nanoseconds to add to the source's clock for the wall clock."""
        return self._source.clock_offset_ns
