"""A capture in an event loop. It blocks the loop for at most one batch at a time and needs no thread."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from sockfilter.errors import Closed
from sockfilter.filters.where import Where
from sockfilter.sources.records import NAP_S
from sockfilter.views.view import WAIT_FOR_S, View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from typing_extensions import Unpack

    from sockfilter.filters.message_where import MessageConditions
    from sockfilter.filters.where import Conditions
    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.views.buffers import Buffer, ExchangeBuffer, MessageBuffer
    from sockfilter.views.expectations import Expectation
    from sockfilter.views.message_expectations import MessageExpectation

Seen = TypeVar("Seen")

# Seconds between two checks for timers, and for records whose wake-up the reader missed.
LOOK_S = 0.1


class Pollable(Protocol):
    """What an event loop needs of a source."""

    def fileno(self) -> int:
        """Returns the descriptor to poll."""


class Awaited(Protocol):
    """What coroutines that wait for a capture need of it."""

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
    def ledger(self) -> Ledger:
        """Its counters."""

    @property
    def source(self) -> Pollable:
        """The source of the packets."""

    def pump(self) -> int:
        """Reads one batch of records. Returns their number."""

    def flushed(self) -> Iterator[None]:
        """Reads everything that crossed before the call, one batch at a time."""

    def ask_to_be_woken(self) -> bool:
        """Makes the source's descriptor readable with the next record. False: there already is something to pump."""


class AsyncView:
    """A view for coroutines: the exchanges that began at a given moment or later. Conditions as in sockfilter.Where.

    Args:
        reader: reads the records.
        view: finds the exchanges.
    """

    def __init__(self, reader: LoopReader, view: View) -> None:
        self._reader = reader
        self._view = view

    @property
    def exchanges(self) -> list[Exchange]:
        """The exchanges that have ended so far, in the order in which they ended."""
        return self._view.exchanges

    @property
    def pending(self) -> list[Exchange]:
        """Exchanges that have begun and that no record read so far has ended."""
        return self._view.pending

    async def flush(self) -> None:
        """Returns when everything that crossed before the call is in exchanges or counted as lost."""
        await self._reader.flush()

    async def mark(self) -> AsyncView:
        """Returns a view of the exchanges that begin from now on."""
        await self.flush()
        return AsyncView(self._reader, self._view.mark())

    async def clear(self) -> None:
        """Forgets what crossed before."""
        await self.flush()
        self._view.clear()

    async def all(self, *where: Where | str, **conditions: Unpack[Conditions]) -> list[Exchange]:
        """Returns all exchanges that meet the conditions and crossed before the call."""
        await self.flush()
        return self._view.all(*where, **conditions)

    async def first(self, *where: Where | str, **conditions: Unpack[Conditions]) -> Exchange | None:
        """Returns the first exchange that meets the conditions and crossed before the call. None: there is none."""
        await self.flush()
        return self._view.first(*where, **conditions)

    async def one(self, *where: Where | str, **conditions: Unpack[Conditions]) -> Exchange:
        """Returns the only exchange that meets the conditions and crossed before the call.

        Raises:
            ExpectationFailed: there is none, or more than one.
        """
        await self.flush()
        return self._view.one(*where, **conditions)

    async def none(self, *where: Where | str, **conditions: Unpack[Conditions]) -> None:
        """Returns if no exchange that meets the conditions crossed before the call.

        Raises:
            ExpectationFailed: there is one.
        """
        await self.flush()
        self._view.none(*where, **conditions)

    def expect(self, *where: Where | str, **conditions: Unpack[Conditions]) -> Expectation:
        """Returns an expectation of exchanges that meet the conditions. Its methods do not wait and need no await."""
        return self._view.expect(*where, **conditions).without_waiting()

    async def wait_for(
        self, *where: Where | str, timeout: float = WAIT_FOR_S, **conditions: Unpack[Conditions]
    ) -> Exchange:
        """Waits until an exchange that meets the conditions has ended. Returns at once if one already has.

        Args:
            *where, **conditions: the conditions.
            timeout: the maximum number of seconds to wait.

        Raises:
            ExpectationFailed: no such exchange ended in time.
        """
        wanted = Where(*where, **conditions)
        end_s = asyncio.get_running_loop().time() + timeout
        async for exchange in self._until(self._reader.exchanges, self._view.ended_since, end_s, None):
            if wanted.matches(exchange):
                return exchange
        return self._view.expect(wanted).came_within(timeout)

    async def messages(self, **conditions: Unpack[MessageConditions]) -> list[StreamMessage]:
        """Returns all messages without a response that meet the conditions and passed before the call."""
        await self.flush()
        return self._view.messages(**conditions)

    def expect_message(self, **conditions: Unpack[MessageConditions]) -> MessageExpectation:
        """Returns an expectation of the messages that meet the conditions. Its methods do not wait."""
        return self._view.expect_message(**conditions).without_waiting()

    async def wait_for_message(
        self, timeout: float = WAIT_FOR_S, **conditions: Unpack[MessageConditions]
    ) -> StreamMessage:
        """Waits until a message that meets the conditions has passed. Returns at once if one already has.

        Args:
            timeout: the maximum number of seconds to wait.
            **conditions: the conditions.

        Raises:
            ExpectationFailed: no such message passed in time.
        """
        from sockfilter.filters.message_where import MessageWhere  # imported late: most captures have no messages

        wanted, end_s = MessageWhere(**conditions), asyncio.get_running_loop().time() + timeout
        async for message in self._until(self._reader.messages, self._view.messages_since, end_s, None):
            if wanted.matches(message):
                return message
        return self._view.expect_message(**conditions).came_within(timeout)

    def each(self, timeout: float | None = None) -> AsyncIterator[Exchange]:
        """Yields the exchanges as they end, beginning with the first.

        Args:
            timeout: the maximum number of seconds to wait for the next exchange. None: until the capture ends.
        """
        return self._until(self._reader.exchanges, self._view.ended_since, None, timeout)

    def __aiter__(self) -> AsyncIterator[Exchange]:
        return self.each()

    async def _until(
        self,
        kept: Buffer[Seen],
        since: Callable[[int | None], tuple[list[Seen], int]],
        end_s: float | None,
        pause_s: float | None,
    ) -> AsyncIterator[Seen]:
        loop, number = asyncio.get_running_loop(), None
        with self._reader.reading():
            while True:
                is_last = self._reader.is_over  # read before the exchanges, as in View
                found, number = since(number)
                for one in found:
                    yield one
                if is_last:
                    return
                limit_s = end_s if pause_s is None else loop.time() + pause_s
                if not await self._reader.more(kept, number, limit_s):
                    return


class LoopReader:
    """Reads records while a coroutine waits for them. The loop can run other tasks after each batch.

    Args:
        capture: the capture to read.
    """

    def __init__(self, capture: Awaited) -> None:
        self._capture = capture
        self._loop = asyncio.get_running_loop()
        self._waiting = 0
        self._next: asyncio.Handle | None = None
        self._awaited: int | None = None  # the descriptor that the loop polls
        self._has_come = asyncio.Event()

    @property
    def exchanges(self) -> ExchangeBuffer:
        """The exchanges that the capture keeps."""
        return self._capture.kept

    @property
    def messages(self) -> MessageBuffer:
        """The messages without a response that the capture keeps."""
        return self._capture.kept_messages

    @property
    def is_over(self) -> bool:
        """Whether no further exchange can come."""
        return self._capture.is_closed

    async def flush(self) -> None:
        """Reads everything that crossed before the call."""
        try:
            for _ in self._capture.flushed():
                await asyncio.sleep(0)
        except Closed:
            if not self.is_over:
                raise
        self._has_come.set()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Reads while the context is active. Several contexts may be active at once."""
        self._waiting += 1
        if self._waiting == 1:
            self._look()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._rest()

    async def more(self, kept: Buffer[Seen], number: int, limit_s: float | None) -> bool:
        """Waits for more in a buffer after number, up to limit_s on the loop's clock. Returns whether there is more."""
        while kept.end == number and not self.is_over:
            self._has_come.clear()
            if not await self._comes(limit_s):
                await self.flush()
                return kept.end != number
        return True

    async def _comes(self, limit_s: float | None) -> bool:
        """Waits until something may have come. Returns False after limit_s on the loop's clock."""
        if limit_s is None:
            return await self._has_come.wait()
        # not wait_for(), which before Python 3.12 ignores a cancellation that meets the event
        coming = asyncio.ensure_future(self._has_come.wait())
        try:
            done, _ = await asyncio.wait((coming,), timeout=max(0.0, limit_s - self._loop.time()))
        finally:
            coming.cancel()
        return bool(done)

    def end(self) -> None:
        """Ends the reading: no further exchange comes, so waiting coroutines continue."""
        self._rest()
        self._has_come.set()

    def _look(self) -> None:
        """Reads a batch. After a batch, schedules the next read; otherwise, waits for the descriptor."""
        self._rest()
        # Wake the waiters in any case: a second reader or a flush may have read the records.
        self._has_come.set()
        try:
            if self._capture.pump():
                # Like the source: a wake-up for each record would cost more than reading it.
                self._next = self._loop.call_later(NAP_S, self._look)
            elif self._capture.ask_to_be_woken():
                self._awaited = self._capture.source.fileno()
                self._loop.add_reader(self._awaited, self._look)
                self._next = self._loop.call_later(LOOK_S, self._look)
            else:
                self._next = self._loop.call_soon(self._look)
        except Closed:
            if not self.is_over:  # another thread closed it; the waiters see it now
                raise

    def _rest(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = None
        if self._awaited is not None:
            self._loop.remove_reader(self._awaited)
        self._awaited = None


class AsyncCapture(AsyncView):
    """A capture in an `async with` statement. It is read while the block runs.

    Args:
        capture: the capture to read.
        view: finds all its exchanges.
    """

    def __init__(self, capture: Awaited, view: View) -> None:
        super().__init__(LoopReader(capture), view)
        self._capture = capture
        self._stack = ExitStack()
        self._stack.enter_context(self._reader.reading())

    @property
    def ledger(self) -> Ledger:
        """The counters at this moment. They balance."""
        return self._capture.ledger

    def end(self) -> None:
        """Stops reading, before the capture is closed."""
        self._stack.close()
        self._reader.end()
