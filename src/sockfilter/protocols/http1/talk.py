"""A connection that speaks HTTP/1: its two parsers, and what they know in common."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol

from sockfilter.model.budget import Budget
from sockfilter.model.message import Request, Response
from sockfilter.protocols.http1.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.message import Message
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.problem import Problem


class Sink(Protocol):
    """What takes the messages of a connection."""

    @property
    def number(self) -> int:
        """Of the last exchange."""

    @property
    def weight(self) -> int:
        """Bytes that its exchanges take, while they are open."""

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is open, and the next response answers the next request."""

    @property
    def has_open(self) -> bool:
        """Whether a request waits for its response."""

    def pass_informational(self, count: int) -> bool:
        """Takes note of as many more as the last informational response. False: they are to be told one by one."""

    def awaits(self, ack: int) -> bool:
        """Whether one does of which the server had received some, with all up to a sequence number."""

    def abandon(self, end: int) -> None:
        """Takes note that an end has closed, and waits for nothing more."""

    def begin(self, message: Message, end: int) -> Request | None:
        """Takes a message whose head is there, and which end sent it.

        Returns, for a response, the request that it answers.
        """

    def finish(self, message: Message) -> None:
        """Takes note that a message has ended."""

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

    def close(self, problem: Problem) -> None:
        """Takes note that no more messages follow, and why."""


class Talk:
    """Both directions of an HTTP/1 connection.

    Args:
        sink: takes its messages.
        is_whole: whether it was seen from its SYN on.
        policy: what to keep of bodies.
        announce: tells the source of an end how many coming bytes are not needed.
        reject: called when the connection is not HTTP.
        http2: called when it is HTTP/2.
        budget: has the memory for bodies; None: one of its own.
    """

    __slots__ = (
        "_announce",
        "_receivers",
        "_reject",
        "begin",
        "budget",
        "ended",
        "finish",
        "has_messages",
        "http2",
        "is_whole",
        "lose",
        "pass_by",
        "pass_informational",
        "policy",
        "repeat",
        "sink",
    )

    def __init__(
        self,
        sink: Sink,
        is_whole: bool,
        policy: BodyPolicy,
        announce: Callable[[int, int], None],
        reject: Callable[[], None],
        http2: Callable[[], None],
        budget: Budget | None = None,
    ) -> None:
        self.sink = sink
        self._reject = reject
        self.is_whole = is_whole
        self.policy = policy
        self.budget = Budget() if budget is None else budget
        self.http2 = http2
        self.has_messages = False
        self.begin = sink.begin
        self.finish = sink.finish
        self.lose = sink.lose
        self.repeat = sink.repeat
        self.pass_by = sink.pass_by
        self.pass_informational = sink.pass_informational
        self.ended = sink.ended
        self._announce = announce
        self._receivers: tuple[Parser, Parser] | None = None

    @property
    def receivers(self) -> tuple[Parser, Parser]:
        """One for each end; made when the first is needed."""
        if self._receivers is None:
            first, second = (Parser(self, end, partial(self._announce, end)) for end in (0, 1))
            first.peer, second.peer = second, first
            self._receivers = (first, second)
        return self._receivers

    @property
    def weight(self) -> int:
        """Bytes that it keeps: of messages that have begun, and of those that wait for others."""
        kept = 0 if self._receivers is None else sum(receiver.weight for receiver in self._receivers)
        return kept + self.sink.weight

    def resume(self, client_end: int, boundaries: tuple[int, int]) -> None:
        """Goes on after exchanges that took the short road.

        Args:
            client_end: which end asks.
            boundaries: what the last request and its response acknowledged.
        """
        self.has_messages = True
        for kind, boundary, end in zip((Request, Response), boundaries, (client_end, 1 - client_end), strict=True):
            self.receivers[end].resume(kind, boundary)

    @property
    def has_open(self) -> bool:
        """Whether a request waits for its response."""
        return self.sink.has_open

    def awaits(self, ack: int) -> bool:
        """Whether one does of which the server had received some, with all up to a sequence number."""
        return self.sink.awaits(ack)

    def abandon(self, end: int) -> None:
        """An end has closed, and what it waited for has not come in time."""
        self.sink.abandon(end)

    def reject(self) -> None:
        """The connection is not HTTP."""
        self._reject()

    def tunnel(self, probe: bool) -> None:
        """The connection is something else from here on; probe: unless it looks like HTTP again."""
        for receiver in self.receivers:
            receiver.tunnel(probe)

    @property
    def is_at_rest(self) -> bool:
        """Whether no message has begun, and none is missing."""
        first, second = self.receivers
        return first.is_at_rest and second.is_at_rest

    @property
    def count(self) -> int:
        """How many exchanges have begun."""
        return self.sink.number

    def close(self, problem: Problem) -> None:
        """The connection has ended; both parsers know."""
        self.sink.close(problem)
