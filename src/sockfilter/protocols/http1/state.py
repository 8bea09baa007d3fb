"""The state of a parser."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from sockfilter.protocols.announcing import Announcing
from sockfilter.protocols.http1.states import FINISHED, HEAD, LOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.budget import Budget
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message, Request
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.problem import Problem
    from sockfilter.protocols.body import BodyKeeper
    from sockfilter.protocols.interface import ContentReader, InOrder, Receiver

# returned by the method of a state if it needs more bytes
MORE = -1

CR, LF = 0x0D, 0x0A


class Shared(Protocol):
    """What both parsers of a connection share: its conversation, as they need it.

    Attributes:
        policy: what to keep of bodies.
        budget: has the memory for that.
        is_whole: whether the connection was seen from its SYN on.
        has_messages: whether it was seen that this is HTTP/1.
    """

    policy: BodyPolicy
    budget: Budget
    is_whole: bool
    has_messages: bool

    def reject(self) -> None:
        """The connection is not HTTP, nor any protocol that is known."""

    def tunnel(self, exchange: Exchange) -> None:
        """An exchange has opened a tunnel, in which HTTP is looked for."""

    def upgrade(self, request: Request | None, response: Message, exchange: Exchange) -> None:
        """101 has changed the protocol."""

    def reader_of(self, message: Message, request: Request | None, end: int) -> ContentReader | None:
        """The reader of a body that begins. end: the end that sends it."""

    def give_way(self, data: bytes) -> bool:
        """Another protocol goes on, if one begins with these bytes. Returns whether one does. Raises TooFewBytes."""


class Doubted(NamedTuple):
    """Bytes that may be a malformed message.

    Attributes:
        raw: the first of its bytes.
        start_ns, seq, ack: time, sequence number and acknowledgement number of its first byte, as in a message.
    """

    raw: bytes
    start_ns: int
    seq: int
    ack: int


class ParserState(Announcing):
    """The state of one direction of a connection.

    Args:
        conversation: the conversation.
        sink: takes the messages of both directions.
        end: the end of the connection that sends this direction.
        announce: tells the source how many of the next bytes are not needed.

    Attributes:
        boundary: the sequence number at which a message of the other direction must begin, by the acknowledgement
            number of the last message of this direction.
        peer: the parser of the other direction.
    """

    __slots__ = (
        "_ack",
        "_buffer",
        "_conversation",
        "_doubted",
        "_end",
        "_gathered",
        "_gathered_bytes",
        "_is_cut",
        "_is_early",
        "_is_lost",
        "_joined",
        "_keeper",
        "_kind",
        "_message",
        "_now",
        "_refused_at",
        "_remaining",
        "_scanned",
        "_seq",
        "_sink",
        "_start_ns",
        "_state",
        "_successor",
        "boundary",
        "peer",
    )

    peer: ParserState

    # set only in the state HANDED_OVER
    _successor: Receiver

    def __init__(self, conversation: Shared, sink: InOrder, end: int, announce: Callable[[int], None]) -> None:
        super().__init__(announce)
        self._conversation = conversation
        self._sink = sink
        self._end = end
        self._state = HEAD
        self._buffer = b""
        self._gathered: list[bytes] = []  # spans that follow the buffer
        self._gathered_bytes = 0
        self._scanned = 0  # bytes of the buffer that were searched without finding the end
        self._joined = 0  # offset of the newest span in the data that is being read
        self._start_ns = self._now = 0
        self._seq = self._ack = 0
        self._kind: type[Message] | None = None  # what this end sends; None until the first message
        self._message: Message | None = None
        self._keeper: BodyKeeper | None = None
        self._refused_at = 0  # sequence number of the response that refused the body of this request
        self._remaining = 0  # bytes of the body or chunk that are still to come
        self._is_cut = False  # bytes of this message are missing
        self._is_lost = False  # bytes before the next message are missing or were not understood
        self._is_early = False  # the message was reported before its head ended, because the response had begun
        self._doubted: Doubted | None = None  # bytes that may be a malformed message, until the other end shows it
        self.boundary: int | None = None

    @property
    def is_at_rest(self) -> bool:
        """Whether the next byte begins a message, and its kind is known."""
        is_between = self._state == HEAD and not self._buffer and self._message is None
        return is_between and not self._is_lost and self._kind is not None

    @property
    def weight(self) -> int:
        """Bytes of memory that are kept for an incomplete message."""
        kept = 0 if self._keeper is None else self._keeper.weight
        doubted = 0 if self._doubted is None else len(self._doubted.raw)
        return len(self._buffer) + self._gathered_bytes + doubted + kept

    def resume(self, kind: type[Message], boundary: int) -> None:
        """Continues after a message that took the lane.

        Args:
            kind: request or response.
            boundary: its acknowledgement number.
        """
        self._kind = kind
        self.boundary = boundary

    def _join(self) -> None:
        """Appends the gathered spans to the buffer."""
        if self._gathered:
            self._buffer = b"".join((self._buffer, *self._gathered))
            self._gathered.clear()
            self._gathered_bytes = 0

    def _read(self, data: bytes, offset: int) -> int:
        """Reads in the present state. Returns the offset up to which it has read, or MORE if it needs more bytes."""
        raise NotImplementedError

    def _finish(self, is_whole: bool) -> None:
        message, keeper = self._message, self._keeper
        assert message is not None  # called within a message
        self._message = self._keeper = None
        self._remaining = 0
        self._state = FINISHED[self._state]
        message.complete = is_whole and not self._is_cut
        message.end_ns = self._now
        if keeper is not None:
            message.body = keeper.body(message.complete)
        self._sink.finish(message)

    def _lose(self, is_certain: bool, problem: Problem | None) -> None:
        """Notes that the meaning of the next bytes is unknown."""
        self._state = LOST[self._state]
        if not self._is_lost:
            self._is_lost = True
            self._sink.lose(self._end, is_certain, problem)
