"""Finding, expecting and awaiting exchanges that a capture keeps, from any moment on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, TypeVar, overload

from sockfilter.errors import Closed
from sockfilter.filters.where import Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Unpack

    from sockfilter.filters.message_where import MessageConditions
    from sockfilter.filters.where import Conditions
    from sockfilter.ledger import Ledger
    from sockfilter.model import Connection, Exchange, StreamMessage
    from sockfilter.views.buffers import Buffer, ExchangeBuffer, MessageBuffer
    from sockfilter.views.expectations import Expectation
    from sockfilter.views.message_expectations import MessageExpectation

Seen = TypeVar("Seen")

# The default timeout of wait_for() in seconds: longer than a slow service takes, short enough to wait for.
WAIT_FOR_S = 5.0


class OnConnection(Protocol):
    """An exchange or a message."""

    @property
    def connection(self) -> Connection:
        """The connection that carried it."""


class ExchangeKeeper(Protocol):
    """What a view needs of a capture."""

    @property
    def kept(self) -> ExchangeBuffer:
        """The exchanges that it keeps."""

    @property
    def kept_messages(self) -> MessageBuffer:
        """The messages without a response that it keeps."""

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""

    @property
    def now_ns(self) -> int:
        """The current time in nanoseconds, by the clock of the packets."""

    @property
    def ledger(self) -> Ledger:
        """Its counters."""

    @property
    def pending(self) -> list[Exchange]:
        """The exchanges that have begun and not ended."""

    def flush(self) -> None:
        """Reads everything that crossed before the call."""

    def pump(self) -> int:
        """Reads one batch of records. Returns their number."""

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is something to pump."""


class View:
    """The exchanges of a capture that began at a given moment or later.

    Conditions are those of sockfilter.Where: method, path, target, query, host, header, body, json, status, grpc, port,
    duration, problems, complete, request_header and so on. Each is a value, a pattern, a predicate, a range or a set.

    Args:
        capture: the capture that keeps the exchanges.
        first: the number of the first exchange that counts.
        since_ns: the earliest time at which an exchange may have begun, in nanoseconds by the capture's clock.
        is_wanted: returns whether an exchange or a message counts. None: all count.
        first_message: the number of the first message that counts.
    """

    def __init__(
        self,
        capture: ExchangeKeeper,
        first: int = 0,
        since_ns: int = 0,
        is_wanted: Callable[[OnConnection], bool] | None = None,
        first_message: int = 0,
    ) -> None:
        self._capture = capture
        self._first = first
        self._first_message = first_message
        self._since_ns = since_ns
        self._is_wanted = is_wanted

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.exchanges)} exchanges>"

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges that have ended so far, in the order in which they ended. flush() adds what has crossed."""
        return self.ended_since()[0]

    @property
    def pending(self) -> list[Exchange]:
        """Exchanges that have begun and that no record read so far has ended, such as unanswered requests."""
        return [exchange for exchange in self._capture.pending if self._counts(exchange)]

    def ended_since(self, number: int | None = None) -> tuple[list[Exchange], int]:
        """Returns the exchanges from a number on, and the number to continue with. None: from the first."""
        found, end = self._capture.kept.since(self._first if number is None else number)
        return list(filter(self._counts, found)), end

    def _counts(self, exchange: Exchange) -> bool:
        return exchange.began_ns >= self._since_ns and (self._is_wanted is None or self._is_wanted(exchange))

    def flush(self) -> None:
        """Returns when everything that crossed before the call is in exchanges or counted as lost."""
        self._capture.flush()

    def mark(self) -> View:
        """Returns a view of the exchanges that begin from now on. It excludes everything that crossed before."""
        first, since_ns = self._now()
        return View(self._capture, first, since_ns, self._is_wanted, self._capture.kept_messages.end)

    def clear(self) -> None:
        """Forgets what crossed before."""
        self._first, self._since_ns = self._now()
        self._first_message = self._capture.kept_messages.end

    def all(self, *where: Where | str, **conditions: Unpack[Conditions]) -> list[Exchange]:
        """Returns all exchanges that meet the conditions and crossed before the call."""
        wanted = Where(*where, **conditions)
        return [exchange for exchange in self._flushed() if wanted.matches(exchange)]

    def first(self, *where: Where | str, **conditions: Unpack[Conditions]) -> Exchange | None:
        """Returns the first exchange that meets the conditions and crossed before the call. None: there is none."""
        return next(iter(self.all(*where, **conditions)), None)

    def one(self, *where: Where | str, **conditions: Unpack[Conditions]) -> Exchange:
        """Returns the only exchange that meets the conditions and crossed before the call.

        Raises:
            ExpectationFailed: there is none, or more than one. The message has the nearest one and lists all.
        """
        __tracebackhide__ = True  # pytest shows the caller
        return self.expect(*where, **conditions).once()

    def none(self, *where: Where | str, **conditions: Unpack[Conditions]) -> None:
        """Asserts that no exchange that crossed before the call meets the conditions.

        Raises:
            ExpectationFailed: one does.
        """
        __tracebackhide__ = True  # pytest shows the caller
        self.expect(*where, **conditions).never()

    def expect(self, *where: Where | str, **conditions: Unpack[Conditions]) -> Expectation:
        """Returns an expectation of the exchanges that meet the conditions. Its methods assert their number.

        wire.expect(path="/charge", status=201).once()
        """
        from sockfilter.views.expectations import Expectation  # imports the module for failure messages

        made = Expectation(self._flushed, lambda: self.pending, self._coming, Where(*where, **conditions))
        self._note_expectation(made)
        return made

    def _note_expectation(self, made: Expectation | MessageExpectation) -> None:
        """Called with each expectation that expect() and expect_message() return."""

    def wait_for(self, *where: Where | str, timeout: float = WAIT_FOR_S, **conditions: Unpack[Conditions]) -> Exchange:
        """Waits until an exchange that meets the conditions has ended. Returns at once if one already has.

        Args:
            *where, **conditions: the conditions.
            timeout: the maximum number of seconds to wait.

        Raises:
            ExpectationFailed: no such exchange ended in time. The message has the nearest one and lists all.
        """
        __tracebackhide__ = True  # pytest shows the caller
        return self.expect(*where, **conditions).within(timeout)

    def messages(self, **conditions: Unpack[MessageConditions]) -> list[StreamMessage]:
        """Returns all messages without a response that meet the conditions and passed before the call.

        wire.messages(protocol="websocket", sender="server")

        Args:
            **conditions: protocol, sender, type, text, json, body, port, problems, as in expect().
        """
        from sockfilter.filters.message_where import MessageWhere  # imported late: most captures have no messages

        wanted = MessageWhere(**conditions)
        self._take()
        return [message for message in self.messages_since()[0] if wanted.matches(message)]

    @overload
    def expect_message(self, *, within: float, **conditions: Unpack[MessageConditions]) -> StreamMessage: ...

    @overload
    def expect_message(self, *, within: None = None, **conditions: Unpack[MessageConditions]) -> MessageExpectation: ...

    def expect_message(
        self, *, within: float | None = None, **conditions: Unpack[MessageConditions]
    ) -> MessageExpectation | StreamMessage:
        """Returns an expectation of the messages that meet the conditions. Its methods assert their number.

        wire.expect_message(protocol="websocket", sender="server", text="ready", within=1)
        wire.expect_message(protocol="sse", type="price").times(3)

        Args:
            within: waits up to this number of seconds for such a message, and returns the first.
            **conditions: protocol, sender, type, text, json, body, port, problems.

        Raises:
            ExpectationFailed: with within: no such message passed in time.
        """
        __tracebackhide__ = True  # pytest shows the caller
        from sockfilter.filters.message_where import MessageWhere
        from sockfilter.views.message_expectations import MessageExpectation

        made = MessageExpectation(self.messages, self._messages_coming, MessageWhere(**conditions))
        if within is not None:
            return made.within(within)
        self._note_expectation(made)
        return made

    def messages_since(self, number: int | None = None) -> tuple[list[StreamMessage], int]:
        """Returns the messages from a number on, and the number to continue with. None: from the first."""
        found, end = self._capture.kept_messages.since(self._first_message if number is None else number)
        return [message for message in found if self._counts_message(message)], end

    def _counts_message(self, message: StreamMessage) -> bool:
        return message.time_ns >= self._since_ns and (self._is_wanted is None or self._is_wanted(message))

    def _messages_coming(self, seconds: float) -> Iterator[StreamMessage]:
        return self._as_they_come(self._capture.kept_messages, self.messages_since, time.monotonic() + seconds, None)

    def each(self, timeout: float | None = None) -> Iterator[Exchange]:
        """Yields the exchanges as they end, beginning with the first.

        Args:
            timeout: the maximum number of seconds to wait for the next exchange. None: until the capture ends.
        """
        return self._as_they_come(self._capture.kept, self.ended_since, None, timeout)

    def __iter__(self) -> Iterator[Exchange]:
        return self.each()

    def _coming(self, seconds: float) -> Iterator[Exchange]:
        return self._as_they_come(self._capture.kept, self.ended_since, time.monotonic() + seconds, None)

    def _as_they_come(
        self,
        kept: Buffer[Seen],
        since: Callable[[int | None], tuple[list[Seen], int]],
        end_s: float | None,
        pause_s: float | None,
    ) -> Iterator[Seen]:
        number: int | None = None
        while True:
            is_last = self._capture.is_closed  # read first: what comes by closing is then included
            found, number = since(number)
            yield from found
            if is_last:
                return
            if kept.end == number and not self._more(kept, number, _earlier(end_s, pause_s)):
                return

    def _more(self, kept: Buffer[Seen], number: int, end_s: float | None) -> bool:
        """Waits until there is more in a buffer, or the capture has ended. Returns whether there may be more."""
        capture = self._capture
        while kept.end == number and not capture.is_closed:
            try:
                if capture.pump():
                    continue
                left_s = WAIT_FOR_S if end_s is None else end_s - time.monotonic()
                if left_s > 0:
                    capture.wait(left_s)
                    continue
            except Closed:
                if capture.is_closed:  # closed by another thread
                    break
                raise
            self._take()
            return kept.end != number
        return True

    def _take(self) -> None:
        """Reads everything that crossed before the call. A capture that has ended has already done so."""
        try:
            self._capture.flush()
        except Closed:
            if not self._capture.is_closed:
                raise

    def _flushed(self) -> list[Exchange]:
        self._take()
        return self.exchanges

    def _now(self) -> tuple[int, int]:
        self._take()
        return self._capture.kept.end, self._capture.now_ns


def _earlier(end_s: float | None, pause_s: float | None) -> float | None:
    if pause_s is None:
        return end_s
    next_s = time.monotonic() + pause_s
    return next_s if end_s is None else min(next_s, end_s)
