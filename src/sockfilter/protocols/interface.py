"""The interfaces that a protocol implements, and those that it uses.

A protocol is a folder here with a conversation, and a row of the table in choose.py. Its conversation takes the bytes,
the gaps and the ends of both directions of one connection. It passes requests and responses to a pairing, which makes
exchanges of them. It passes messages without a response to a callable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from sockfilter.ledger import MessageCounts
    from sockfilter.model.budget import Budget
    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.flow import LeftOut
    from sockfilter.model.lines import Lines
    from sockfilter.model.message import Message, Request, Response
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.problem import Problem
    from sockfilter.model.stream_message import StreamMessage

# a receiver that ignores this many bytes ignores all: no connection carries as many
ENDLESS = 1 << 62


class Receiver(Protocol):
    """Takes the bytes of one direction, in order.

    Attributes:
        ignoring: how many of the next bytes it does not need; it accepts their number with skip() instead.
    """

    ignoring: int

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes.

        Args:
            data: the bytes.
            time_ns: when they passed, in the source's clock.
            seq: the sequence number of the first byte.
            ack: the acknowledgement number: their sender had received the other direction up to there.
        """

    def skip(self, size: int, time_ns: int) -> None:
        """Counts bytes that passed and are not needed; size is at most ignoring."""

    def repeat(self, seq: int) -> None:
        """Notes a retransmission that begins at a sequence number."""

    def missing(self, size: int, problem: Problem) -> int:
        """Notes that the next bytes are missing, and why. Returns how many of them it needed."""

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow, and why."""


class Conversation(Protocol):
    """Parses the bytes of both directions of a connection in one protocol.

    Attributes:
        has_lane: whether the lane, which reads only HTTP/1, may take over the connection.
    """

    @property
    def has_lane(self) -> bool: ...  # noqa: D102  # an attribute

    @property
    def receivers(self) -> tuple[Receiver, Receiver]:
        """One receiver for each end."""

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun and not ended, in their order."""

    @property
    def count(self) -> int:
        """The number of exchanges that have begun on the connection, including those in earlier protocols."""

    @property
    def is_idle(self) -> bool:
        """Whether no exchange is open, no bytes are missing, and both ends may begin a new message."""

    def abandon(self, end: int) -> None:
        """Notes that an end has closed, and that the response it waited for has not come in time."""

    def close(self, problem: Problem) -> None:
        """Notes that the connection has ended, and why. Both receivers have ended before."""


class Transport(Protocol):
    """Carries a conversation: a TCP connection, or the plaintext inside another conversation."""

    @property
    def model(self) -> Connection:
        """The connection, as exchanges refer to it."""

    @property
    def last_ns(self) -> int:
        """When its last segment passed, in the source's clock."""

    @property
    def isn(self) -> tuple[int | None, int | None]:
        """The sequence number of each end's SYN. None if it was not seen; the first bytes may then be missing."""

    def announce(self, end: int, size: int) -> None:
        """Announces that the next bytes of an end are not needed, so that the source may leave them out."""

    def leave_out(self, end: int, number: int, take: Callable[[LeftOut], int]) -> None:
        """Announces that the content of a stream of HTTP/2 is not needed, so that the source may leave it out.

        Args:
            end: the end that sends it.
            number: the number of the stream; 0 revokes it.
            take: takes what was left out. It returns how many of the bytes were needed.
        """

    def reject(self) -> None:
        """Asks for no more bytes of the connection, which is then forgotten and not reported."""

    def replace(self, conversation: Conversation) -> None:
        """Passes all further bytes to another conversation."""


class ContentReader(Protocol):
    """Reads a protocol inside a body, such as the events of an event stream."""

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""

    def data(self, data: bytes, time_ns: int) -> None:
        """Takes the next bytes of the content: after the framing of the body, and decoded.

        Args:
            data: the bytes.
            time_ns: when they passed, in the source's clock.
        """

    def missing(self, problem: Problem) -> None:
        """Notes that bytes are missing here, and why. More bytes may follow."""

    def end(self, is_whole: bool) -> None:
        """Notes that the body has ended. is_whole: it ended as its framing says, and no byte of it is missing."""


class Handover(NamedTuple):
    """What a conversation passes to its successor.

    Attributes:
        number: exchanges that have begun on the connection so far.
        exchange: the exchange that changed the protocol, by 101 or CONNECT; None if the first bytes showed another
            protocol.
        is_open: whether the successor must end this exchange.
    """

    number: int = 0
    exchange: Exchange | None = None
    is_open: bool = False


class MessageSink(Protocol):
    """Takes the requests and responses of a connection, and pairs them."""

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun and not ended, in their order."""

    @property
    def number(self) -> int:
        """The place of the last exchange on its connection, from 1; 0 if there was none."""

    @property
    def weight(self) -> int:
        """Bytes of memory that the open exchanges take."""

    def begin(self, message: Message, end: int) -> Request | None:
        """Takes a message whose head is complete, and the end that sent it.

        Returns the request that it answers, if it is a response.
        """

    def finish(self, message: Message) -> None:
        """Notes that a message has ended."""

    def pass_by(self, size: int, is_opaque: bool) -> None:
        """Counts bytes that are not part of a message. is_opaque: they are not meant to be part of one."""

    def close(self, problem: Problem) -> None:
        """Notes that no more messages follow, and why."""


class InOrder(MessageSink, Protocol):
    """A pairing for protocols in which responses come in the order of their requests.

    A message's place is a pair: the sequence number of its first byte, and the acknowledgement number of that segment.
    """

    @property
    def current(self) -> Exchange | None:
        """The exchange of the response that began last, until it ends."""

    def resume(self, number: int) -> None:
        """Continues after exchanges of another protocol, the last of which has this number."""

    @property
    def is_at_rest(self) -> bool:
        """Whether no exchange is open, and the next response answers the next request."""

    @property
    def has_open(self) -> bool:
        """Whether a request waits for its response."""

    def awaits(self, ack: int) -> bool:
        """Whether a request is open of which the server had received at least one byte when it acknowledged ack."""

    def release(self, exchange: Exchange) -> bool:
        """Gives an open exchange to another pairing. Returns False if it is not open, or has a final response."""

    def pass_informational(self, count: int) -> bool:
        """Counts repetitions of the last informational response. Returns False if each must be passed to begin()."""

    def lose(self, end: int, is_certain: bool, problem: Problem | None) -> None:
        """Notes that messages may be missing. From now on, pairing must compare the places of messages.

        Args:
            end: the end whose messages may be missing.
            is_certain: there was a message that cannot be reported.
            problem: why; None if the bytes were not a message.
        """

    def repeat(self, end: int, seq: int) -> None:
        """Notes a retransmission of an end that begins at a sequence number."""

    def ended(self, end: int) -> None:
        """Notes that an end has closed its direction, and that no bytes of it are missing."""

    def abandon(self, end: int) -> None:
        """Notes that an end has closed, and no longer waits for a response."""


class ByStream(MessageSink, Protocol):
    """A pairing for protocols in which each message names its stream.

    A message's place has three numbers: the two of InOrder, and the number of its stream.
    """

    @property
    def is_at_rest(self) -> bool:
        """Whether no exchange is open."""

    def resume(self, number: int) -> None:
        """Continues after exchanges of another protocol, the last of which has this number."""

    def adopt(self, exchange: Exchange, stream: int) -> None:
        """Takes an exchange that began in another protocol: its response comes on a stream."""

    def exchange(self, stream: int) -> Exchange | None:
        """The exchange that is open on a stream; None if there is none."""

    def interim(self, response: Response) -> None:
        """Takes an informational response that shows that the response before it was informational too."""

    def lose(self, problem: Problem) -> None:
        """Notes that messages may be missing, and why. From now on, this may be the reason for a missing half."""

    def repeat(self) -> None:
        """Notes a retransmission on the connection."""

    def leave(self, stream: int, problem: Problem) -> None:
        """Ends the open exchange of a stream, if there is one, and notes why."""

    def pair(self, number: int, request: Request, response: Response) -> None:
        """Takes both halves of an exchange that has ended, and its number on the connection."""


class Chooser(Protocol):
    """Chooses the protocol of a connection."""

    def by_first_bytes(self, data: bytes) -> Make | None:
        """The protocol in which an end begins with these bytes; None if not known.

        Raises:
            TooFewBytes: more bytes are needed to recognise the protocol.
        """

    def by_upgrade(self, names: str) -> Make:
        """The protocol that follows 101.

        Args:
            names: the values of the Upgrade fields, separated by commas.
        """

    def by_alpn(self, name: str) -> Make | None:
        """The protocol that TLS has negotiated (RFC 7301); None if not known."""


class TooFewBytes(Exception):  # not named ...Error, because it is not an error
    """More bytes are needed to recognise the protocol."""


class LinesTaker(Protocol):
    """Takes lines that code in C has written, and defines their form.

    Attributes:
        lines: the output.
    """

    lines: Lines

    @property
    def clock_offset_ns(self) -> int:
        """Nanoseconds to add to the source's clock for the wall clock."""

    @property
    def next_id(self) -> int:
        """The number of the next exchange."""

    def take(self, text: bytes, count: int) -> None:
        """Takes the lines of some exchanges."""


class SharedReading:
    """What the connections of a capture share that are read in C.

    Args:
        told: takes lines of exchanges. None: exchanges are wanted.

    Attributes:
        told: as above.
        form: the form of lines in C, and the counters; None before it is needed.
        readers: gives their open exchanges and counters to the conversations in Python, by reader.
    """

    def __init__(self, told: LinesTaker | None = None) -> None:
        self.told = told
        self.form: Any = None
        self.readers: dict[object, Callable[[], None]] = {}

    def begin_batch(self) -> None:
        """Notes that a batch of records follows: the lines in C wait until its end, unless something else comes."""
        self.refresh()
        if self.form is not None:
            self.form.state.holds = 1

    def end_batch(self) -> None:
        """Notes that the batch is over."""
        if self.form is not None:
            self.form.state.holds = 0
            self.form.tell()

    def flush(self) -> None:
        """Passes on the lines that wait, so that an exchange or a message can follow."""
        if self.form is not None:
            self.form.tell()

    def refresh(self) -> None:
        """Brings the form of lines up to date, at the beginning and after each exchange that is told otherwise."""
        if self.form is not None and self.told is not None:
            state = self.form.state
            state.clock_offset_ns, state.next_id = self.told.clock_offset_ns, self.told.next_id
            state.route_width, state.request_width = self.told.lines.widths

    def settle(self) -> None:
        """Brings the counters and the open exchanges of all conversations up to date."""
        for give in list(self.readers.values()):
            give()


class Context(NamedTuple):
    """What a conversation needs from its capture; the same for all connections.

    Attributes:
        policy: what to keep of bodies.
        budget: the memory for kept bytes.
        counts: the counters of messages, and of connections that are not read.
        choose: chooses the protocol that replaces the present one.
        in_order: makes the pairing of a connection whose responses come in the order of their requests.
        by_stream: makes the pairing of a connection whose messages name their stream.
        take: takes messages without a response.
        reading: what connections share that are read in C. None: all are read in Python, with the same results.
    """

    policy: BodyPolicy
    budget: Budget
    counts: MessageCounts
    choose: Chooser
    in_order: Callable[[Transport], InOrder]
    by_stream: Callable[[Transport], ByStream]
    take: Callable[[StreamMessage], None]
    reading: SharedReading | None = None


# Makes the conversation of a protocol. The handover is None if the connection begins with this protocol.
Make: TypeAlias = "Callable[[Transport, Context, Handover | None], Conversation]"
