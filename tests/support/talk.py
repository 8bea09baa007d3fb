"""HTTP without packets: what the ends of a connection say, through both parsers and the pairing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.exchanges.by_stream import StreamPairing
from sockfilter.exchanges.in_order import OrderedPairing
from sockfilter.ledger import MessageCounts, TlsCounts
from sockfilter.model.budget import Budget
from sockfilter.model.connection import Connection, Endpoint
from sockfilter.model.problem import Problem
from sockfilter.protocols.choose import ProtocolChoice
from sockfilter.protocols.interface import Context, SharedReading
from sockfilter.tls.conversation import TlsConversation
from tests.support.wire import EVERYTHING, MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from sockfilter.model import Exchange, Message, StreamMessage
    from sockfilter.model.flow import LeftOut
    from sockfilter.protocols.body import BodyPolicy
    from sockfilter.protocols.interface import Conversation, Transport
    from sockfilter.tls.store import SecretStore

CLIENT, SERVER = 0, 1
Said = tuple[int, bytes]


class Dialogue:
    """A connection whose bytes come in order, with the numbers that TCP would give them.

    whole: seen from its SYN on.
    words: names of protocols by ports.
    pairing: what pairs the messages.
    protocols: the protocols beside HTTP that are read.
    secrets: those that open TLS.
    in_c: connections on which nothing is unusual are read in C, where there is such a reader.
    """

    def __init__(
        self,
        policy: BodyPolicy = EVERYTHING,
        *,
        whole: bool = True,
        next_: tuple[int, int] = (1, 1),
        words: Mapping[int, str] | None = None,
        pairing: type[OrderedPairing] = OrderedPairing,
        protocols: Collection[str] = (),
        secrets: SecretStore | None = None,
        in_c: bool = False,
    ) -> None:
        self.reading = SharedReading() if in_c else None
        self.exchanges: list[Exchange] = []
        self.counts = MessageCounts()
        self.messages: list[StreamMessage] = []
        self.announced: list[tuple[int, int]] = []
        self.rejected: list[str] = []
        ends = (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80))
        self.connection = Connection(1, "test0", ends, syn_ns=1 if whole else None, synack_ns=2 if whole else None)
        isn = ((next_[0] - 1) & MASK, (next_[1] - 1) & MASK) if whole else (None, None)
        self.isn = isn
        self._pairing = pairing
        self.model = self.connection
        self.tls = TlsCounts()
        make = None if secrets is None else partial(TlsConversation, store=secrets, counts=self.tls)
        choice, budget = ProtocolChoice(words, protocols, make), Budget()
        self._context = Context(
            policy, budget, self.counts, choice, self._pair, self._by_stream, self.messages.append, self.reading
        )
        self.talk: Any = choice.begin(self, self._context)
        self.next = list(next_)
        self.now_ns = 0

    @property
    def last_ns(self) -> int:
        return self.now_ns

    def _pair(self, transport: Transport) -> OrderedPairing:
        return self._pairing(transport.model, transport.isn, self.counts, self.exchanges.append)

    def _by_stream(self, transport: Transport) -> StreamPairing:
        return StreamPairing(transport.model, transport.isn, self.counts, self.exchanges.append)

    def leave_out(self, end: int, number: int, take: Callable[[LeftOut], int]) -> None:
        """Nothing is left out."""

    def announce(self, end: int, size: int) -> None:
        self.announced.append((end, size))

    def reject(self) -> None:
        self.rejected.append("not HTTP")

    def replace(self, conversation: Conversation) -> None:
        self.talk = conversation

    def say(self, end: int, data: bytes) -> Dialogue:
        """A segment comes."""
        self.now_ns += 1000
        receiver = self.talk.receivers[end]
        seq = self.next[end]
        self.next[end] = (seq + len(data)) & MASK
        if receiver.ignoring >= len(data):
            receiver.skip(len(data), self.now_ns)
        else:
            receiver.data(data, self.now_ns, seq, self.next[1 - end])
        return self

    def lose(self, end: int, size: int, problem: Problem = Problem.GAP) -> Dialogue:
        """Bytes do not come, or are cut."""
        self.next[end] = (self.next[end] + size) & MASK
        receiver = self.talk.receivers[end]
        if problem is Problem.TRUNCATED and receiver.ignoring >= size:
            receiver.skip(size, self.now_ns)
        else:
            receiver.missing(size, problem)
        return self

    def end(self, end: int, problem: Problem = Problem.CLOSED) -> Dialogue:
        self.talk.receivers[end].end(problem)
        return self

    def close(self, problem: Problem = Problem.CLOSED) -> list[Exchange]:
        for end in (CLIENT, SERVER):
            self.end(end, problem)
        self.talk.close(problem)
        return self.exchanges

    def hear(self, said: Iterable[Said]) -> Dialogue:
        for end, data in said:
            self.say(end, data)
        return self


def read(*said: Said, policy: BodyPolicy = EVERYTHING, problem: Problem = Problem.CLOSED) -> list[Exchange]:
    """The exchanges of a connection that ends behind what is said."""
    return Dialogue(policy).hear(said).close(problem)


def answer(response: bytes, request: bytes = b"GET / HTTP/1.1\r\n\r\n", **more: object) -> Exchange:
    """The exchange of a request and a response."""
    (exchange,) = read((CLIENT, request), (SERVER, response), **more)  # type: ignore[arg-type]  # passed on
    return exchange


class MessageFacts(NamedTuple):
    """All that is told of a message but its times."""

    raw: bytes
    content: bytes
    wire_len: int
    length: int | None
    trailer: bytes
    complete: bool
    problems: tuple[str, ...]


class Facts(NamedTuple):
    """All that is told of an exchange but its times."""

    request: MessageFacts | None
    informational: tuple[MessageFacts, ...]
    response: MessageFacts | None
    problems: tuple[str, ...]


def facts(exchanges: Iterable[Exchange]) -> list[Facts]:
    return [
        Facts(
            message_facts(exchange.request),
            tuple(_told(message) for message in exchange.informational),
            message_facts(exchange.response),
            tuple(problem.value for problem in exchange.problems),
        )
        for exchange in exchanges
    ]


def message_facts(message: Message | None) -> MessageFacts | None:
    return None if message is None else _told(message)


def _told(message: Message) -> MessageFacts:
    body = message.body
    problems = tuple(problem.value for problem in message.problems)
    return MessageFacts(message.raw, body, body.wire_len, body.length, body.trailer, message.complete, problems)


@dataclass(frozen=True)
class Case:
    """Something that is said, and how many complete exchanges it makes."""

    said: tuple[Said, ...]
    exchanges: int = 1
