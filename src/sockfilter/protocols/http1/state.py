"""What a parser keeps of one direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from sockfilter.protocols.http1.states import FINISHED, HEAD, LOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.budget import Budget
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message, Request
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.problem import Problem
    from sockfilter.protocols.http1.body import BodyKeeper
    from sockfilter.protocols.interface import InOrder, Receiver

# what a state returns to say that it needs more bytes than there are
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

    def give_way(self, data: bytes) -> bool:
        """Another protocol goes on, if one begins with these bytes. Returns whether one does. Raises TooFewBytes."""


class Doubted(NamedTuple):
    """What stands where a message should, and is none by its first line.

    Attributes:
        raw: its bytes, from the first on.
        start_ns, seq, ack: of its first byte, as of a message.
    """

    raw: bytes
    start_ns: int
    seq: int
    ack: int


class ParserState:
    """One direction of a connection, between two spans.

    Args:
        conversation: the connection.
        sink: takes the messages of both directions.
        end: which end of the connection sends them.
        announce: tells the source how many coming bytes are not needed.

    Attributes:
        ignoring: how many coming bytes are needed for their number only.
        boundary: where the last message of this direction says that one of the other begins.
        peer: the other direction.
    """

    __slots__ = (
        "_ack",
        "_announce",
        "_announced",
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
        "ignoring",
        "peer",
    )

    peer: ParserState

    # where it was handed over; not before
    _successor: Receiver

    def __init__(self, conversation: Shared, sink: InOrder, end: int, announce: Callable[[int], None]) -> None:
        self._conversation = conversation
        self._sink = sink
        self._end = end
        self._announce = announce
        self._announced = False
        self._state = HEAD
        self._buffer = b""
        self._gathered: list[bytes] = []  # what comes behind the buffer
        self._gathered_bytes = 0
        self._scanned = 0  # bytes of the buffer in which what it waits for does not end
        self._joined = 0  # where the newest span begins in what is being read
        self._start_ns = self._now = 0
        self._seq = self._ack = 0
        self._kind: type[Message] | None = None  # what this end sends; None: no message has told
        self._message: Message | None = None
        self._keeper: BodyKeeper | None = None
        self._refused_at = 0  # where the response begins that refused the body of this request
        self._remaining = 0  # bytes of the body or chunk
        self._is_cut = False  # bytes of this message are missing
        self._is_lost = False  # bytes before the next message are
        self._is_early = False  # the message was told before its head had ended, as it was answered by then
        self._doubted: Doubted | None = None  # what stands where a request should, until it is answered as one
        self.ignoring = 0
        self.boundary: int | None = None

    @property
    def is_at_rest(self) -> bool:
        """Whether the next byte begins a message, and it is known which kind."""
        is_between = self._state == HEAD and not self._buffer and self._message is None
        return is_between and not self._is_lost and self._kind is not None

    @property
    def weight(self) -> int:
        """Bytes that are kept of what has begun."""
        kept = 0 if self._keeper is None else self._keeper.weight
        doubted = 0 if self._doubted is None else len(self._doubted.raw)
        return len(self._buffer) + self._gathered_bytes + doubted + kept

    def resume(self, kind: type[Message], boundary: int) -> None:
        """Goes on behind a message that was read elsewhere: of that kind, which acknowledged as much."""
        self._kind = kind
        self.boundary = boundary

    def _join(self) -> None:
        """Puts what was gathered into the buffer."""
        if self._gathered:
            self._buffer = b"".join((self._buffer, *self._gathered))
            self._gathered.clear()
            self._gathered_bytes = 0

    def _read(self, data: bytes, offset: int) -> int:
        """Takes bytes in the present state. Returns up to where; MORE: it takes none without more of them."""
        raise NotImplementedError

    def _finish(self, is_whole: bool) -> None:
        message, keeper = self._message, self._keeper
        assert message is not None  # called where one has begun
        self._message = self._keeper = None
        self._remaining = 0
        self._state = FINISHED[self._state]
        message.complete = is_whole and not self._is_cut
        message.end_ns = self._now
        if keeper is not None:
            message.body = keeper.body(message.complete)
        self._sink.finish(message)

    def _lose(self, is_certain: bool, problem: Problem | None) -> None:
        """From here on it is not known what the bytes mean."""
        self._state = LOST[self._state]
        if not self._is_lost:
            self._is_lost = True
            self._sink.lose(self._end, is_certain, problem)
