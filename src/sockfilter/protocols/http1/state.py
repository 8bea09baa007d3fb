"""What a parser keeps of one direction, and the numbers of its states."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from sockfilter.model.policy import BodyPolicy
from sockfilter.model.problem import Problem
from sockfilter.protocols.http1.body import BodyKeeper

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.budget import Budget
    from sockfilter.model.message import Message, Request

HEAD, LENGTH, CHUNK_SIZE, UNTIL_CLOSE, CHUNK, CHUNK_END, TRAILER, DOUBT, SEEK, PROBE, IGNORE, SIMPLE = range(12)

# what a state returns to say that it needs more bytes than there are
MORE = -1

CR, LF = 0x0D, 0x0A


class Talk(Protocol):
    """What both parsers of a connection share."""

    policy: BodyPolicy
    budget: Budget
    is_whole: bool
    has_messages: bool

    def begin(self, message: Message, end: int) -> Request | None:
        """Takes a message whose head is there, and which end sent it.

        Returns, for a response, the request that it answers.
        """

    def finish(self, message: Message) -> None:
        """Takes note that a message has ended."""

    @property
    def has_open(self) -> bool:
        """Whether a request waits for its response."""

    def pass_informational(self, count: int) -> bool:
        """Takes note of as many more as the last informational response. False: they are to be told one by one."""

    def awaits(self, ack: int) -> bool:
        """Whether one does of which the server had received some, with all up to a sequence number."""

    def lose(self, end: int, is_certain: bool, problem: Problem | None) -> None:
        """Takes note that messages may be missing, so that pairing must look at positions.

        Args:
            end: whose messages.
            is_certain: there is one of which nothing can be told.
            problem: why; None: what was there is no message.
        """

    def repeat(self, end: int, seq: int) -> None:
        """Takes note of bytes that were sent again, from a sequence number on."""

    def ended(self, end: int) -> None:
        """Takes note that an end has closed its direction: nothing of it is missing, and nothing follows."""

    def pass_by(self, size: int, is_opaque: bool) -> None:
        """Takes note of bytes that are no part of a message; is_opaque: nor are they meant to be."""

    def tunnel(self, probe: bool) -> None:
        """The connection is something else from here on; probe: unless it looks like HTTP again."""

    def reject(self) -> None:
        """The connection is not HTTP."""

    def http2(self) -> None:
        """The connection is HTTP/2."""


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


class State:
    """One direction of a connection, between two spans.

    Args:
        talk: the connection.
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
        "_body_state",
        "_buffer",
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
        "_start_ns",
        "_state",
        "_talk",
        "boundary",
        "ignoring",
        "peer",
    )

    peer: State

    def __init__(self, talk: Talk, end: int, announce: Callable[[int], None]) -> None:
        self._talk = talk
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
        self._body_state = HEAD  # after DOUBT
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

    def _finish(self, is_whole: bool) -> None:
        message, keeper = self._message, self._keeper
        assert message is not None  # called where one has begun
        self._message = self._keeper = None
        self._remaining = 0
        self._state = HEAD
        message.complete = is_whole and not self._is_cut
        message.end_ns = self._now
        if keeper is not None:
            message.body = keeper.body(message.complete)
        self._talk.finish(message)

    def _lose(self, is_certain: bool, problem: Problem | None) -> None:
        """From here on it is not known what the bytes mean."""
        self._state = SEEK
        if not self._is_lost:
            self._is_lost = True
            self._talk.lose(self._end, is_certain, problem)
