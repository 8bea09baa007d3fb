"""What a protocol provides, and what it is given.

A protocol is a folder here with a conversation, and a row of the table in choose.py. Its conversation takes the bytes,
the gaps and the ends of both directions of one connection. It passes messages to a pairing, which makes exchanges of
requests and responses, and messages that have no answer to a callable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from sockfilter.ledger import MessageCounts
    from sockfilter.model.budget import Budget
    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message, Request
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.problem import Problem
    from sockfilter.model.stream_message import StreamMessage

# a receiver that ignores so many bytes ignores all that come: more than any connection carries
ENDLESS = 1 << 62


class Receiver(Protocol):
    """What takes the bytes of one direction, in order.

    Attributes:
        ignoring: how many of the coming bytes it need not see; skip() takes their number instead.
    """

    ignoring: int

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes.

        Args:
            data: the bytes.
            time_ns: when they passed, in the source's clock.
            seq: the sequence number of the first.
            ack: up to which sequence number their sender had received the other direction.
        """

    def skip(self, size: int, time_ns: int) -> None:
        """Takes note of bytes that passed and are not needed; at most ignoring."""

    def repeat(self, seq: int) -> None:
        """Takes note of bytes that were sent again, from a sequence number on."""

    def missing(self, size: int, problem: Problem) -> int:
        """Takes note of bytes that cannot be had, and why. Returns how many of them it needed."""

    def end(self, problem: Problem) -> None:
        """Takes note that no more bytes follow, and why."""


class Conversation(Protocol):
    """What is said on a connection, in one protocol.

    Attributes:
        has_short_road: whether the short road, which reads HTTP/1 alone, may read on in its place.
    """

    @property
    def has_short_road(self) -> bool: ...  # noqa: D102  # an attribute

    @property
    def receivers(self) -> tuple[Receiver, Receiver]:
        """One for each end."""

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun and not ended, in their order."""

    @property
    def count(self) -> int:
        """How many exchanges have begun on the connection, in the protocols before this one too."""

    @property
    def is_idle(self) -> bool:
        """Whether both ends may begin something new, and nothing has begun or is missing."""

    def abandon(self, end: int) -> None:
        """Takes note that an end has closed, and that what it waited for has not come in time."""

    def close(self, problem: Problem) -> None:
        """Takes note that the connection has ended, and why; both receivers have ended before."""


class Transport(Protocol):
    """What carries a conversation: a TCP connection, or the plaintext inside another conversation."""

    @property
    def model(self) -> Connection:
        """The connection as exchanges name it."""

    @property
    def last_ns(self) -> int:
        """When its last segment passed, in the source's clock."""

    @property
    def isn(self) -> tuple[int | None, int | None]:
        """The sequence number of each end's SYN; None: not seen, so the beginning may be missing."""

    def announce(self, end: int, size: int) -> None:
        """Says that this many bytes of an end are not needed from here on, so that the source may leave them out."""

    def reject(self) -> None:
        """Asks for no more of the connection, which is forgotten without a word."""

    def replace(self, conversation: Conversation) -> None:
        """Gives what comes from here on to another conversation."""


class Handover(NamedTuple):
    """What a conversation leaves to the one that goes on in its place.

    number: exchanges that have begun on the connection so far.
    exchange: that which changed the protocol, by 101 or CONNECT; None: the first bytes have shown another protocol.
    """

    number: int = 0
    exchange: Exchange | None = None


class MessageSink(Protocol):
    """What takes the requests and responses of a connection, and pairs them."""

    @property
    def open(self) -> list[Exchange]:
        """The exchanges that have begun and not ended, in their order."""

    @property
    def number(self) -> int:
        """The place of the last exchange on its connection, from 1; 0: there was none."""

    @property
    def weight(self) -> int:
        """Bytes of memory that the open exchanges take."""

    def begin(self, message: Message, end: int) -> Request | None:
        """Takes a message whose head is there, and which end sent it.

        Returns, for a response, the request that it answers.
        """

    def finish(self, message: Message) -> None:
        """Takes note that a message has ended."""

    def pass_by(self, size: int, is_opaque: bool) -> None:
        """Takes note of bytes that are no part of a message; is_opaque: nor are they meant to be."""

    def close(self, problem: Problem) -> None:
        """Takes note that no more messages follow, and why."""


class InOrder(MessageSink, Protocol):
    """A pairing for protocols in which responses come in the order of their requests.

    A message's place is a pair: the sequence number of its first byte, and up to where its sender had received.
    """

    @property
    def current(self) -> Exchange | None:
        """The exchange of the response that began last, until it ends."""

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is open, and the next response answers the next request."""

    @property
    def has_open(self) -> bool:
        """Whether a request waits for its response."""

    def awaits(self, ack: int) -> bool:
        """Whether a request waits of which the server had received some, with all up to a sequence number."""

    def pass_informational(self, count: int) -> bool:
        """Takes note of as many more as the last informational response. False: pass them on one by one."""

    def lose(self, end: int, is_certain: bool, problem: Problem | None) -> None:
        """Takes note that messages may be missing, so that pairing must look at places.

        Args:
            end: whose messages.
            is_certain: there is one of which nothing can be told.
            problem: why; None: what was there is no message.
        """

    def repeat(self, end: int, seq: int) -> None:
        """Takes note of bytes that an end sent again, from a sequence number on."""

    def ended(self, end: int) -> None:
        """Takes note that an end has closed its direction: nothing of it is missing, and nothing follows."""

    def abandon(self, end: int) -> None:
        """Takes note that an end has closed, and waits for nothing more."""


class ByStream(MessageSink, Protocol):
    """A pairing for protocols in which a message says which stream it is on.

    A message's place has three numbers: the two that it has in order, and that of its stream.
    """

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is open."""

    def resume(self, number: int) -> None:
        """Goes on behind exchanges that were read in another protocol, the last of which has this number."""

    def exchange(self, stream: int) -> Exchange | None:
        """The exchange that is open on a stream; None: there is none."""

    def lose(self, problem: Problem) -> None:
        """Takes note that messages may be missing, and why: from now on, halves that are missing may be for that."""

    def leave(self, stream: int, problem: Problem) -> None:
        """Ends the exchange of a stream that goes on no more, and why; nothing where none is open."""


class Chooser(Protocol):
    """Knows which protocol is spoken."""

    def by_first_bytes(self, data: bytes) -> Make | None:
        """The protocol that an end begins so. None: it is not known.

        Raises:
            TooFewBytes: with more of them it may become known.
        """

    def by_upgrade(self, names: str) -> Make:
        """The protocol that follows 101.

        Args:
            names: the values of Upgrade.
        """

    def by_alpn(self, name: str) -> Make | None:
        """The protocol that TLS has negotiated (RFC 7301). None: it is not known."""


class TooFewBytes(Exception):  # no error: traffic has none
    """With more bytes the protocol may become known."""


class Context(NamedTuple):
    """What conversations are made with: the same for all connections of a capture.

    policy: what to keep of bodies.
    budget: has the memory for what is kept.
    counts: accounts for messages, and for connections that are not read.
    choose: says what follows where a conversation gives way to another.
    in_order: makes the pairing of a connection whose responses come in the order of their requests.
    by_stream: makes the pairing of a connection whose messages name their stream.
    take: takes messages that have no answer.
    """

    policy: BodyPolicy
    budget: Budget
    counts: MessageCounts
    choose: Chooser
    in_order: Callable[[Transport], InOrder]
    by_stream: Callable[[Transport], ByStream]
    take: Callable[[StreamMessage], None]


# Makes the conversation of a protocol. The handover is None where the connection begins with it.
Make: TypeAlias = "Callable[[Transport, Context, Handover | None], Conversation]"
