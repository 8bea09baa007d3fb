"""A capture in an event loop: nothing blocks it for longer than a batch takes, and no thread is needed."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from sockfilter.errors import Closed
from sockfilter.filters.where import Where
from sockfilter.sources.records import NAP_S
from sockfilter.views.view import WAIT_FOR_S, View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from typing_extensions import Unpack

    from sockfilter.filters.where import Conditions
    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange
    from sockfilter.views.expectations import Expectation
    from sockfilter.views.view import ExchangeBuffer

# seconds between two looks at what is due, and at a ring whose wake-up passed its reader unseen
LOOK_S = 0.1


class Pollable(Protocol):
    """A source, as an event loop needs it."""

    def fileno(self) -> int:
        """The descriptor to look at."""


class Awaited(Protocol):
    """A capture, as those who wait for it in an event loop need it."""

    @property
    def kept(self) -> ExchangeBuffer:
        """Its exchanges."""

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""

    @property
    def ledger(self) -> Ledger:
        """Its counters."""

    @property
    def source(self) -> Pollable:
        """Where the packets come from."""

    def pump(self) -> int:
        """Takes one batch of what is there. Returns how many records that were."""

    def flushed(self) -> Iterator[None]:
        """Takes all that crossed before the call, a batch at a time."""

    def ask_to_be_woken(self) -> bool:
        """Makes the source's descriptor readable with the next record. False: there is something to pump."""


class AsyncView:
    """The exchanges of a capture that began at a moment or later, for coroutines. Conditions as in sockfilter.Where.

    Args:
        reader: takes what comes.
        view: looks through it.
    """

    def __init__(self, reader: LoopReader, view: View) -> None:
        self._reader = reader
        self._view = view

    @property
    def exchanges(self) -> list[Exchange]:
        """Those that have ended so far, in the order in which they did."""
        return self._view.exchanges

    @property
    def pending(self) -> list[Exchange]:
        """Exchanges that have begun, and not ended by what was read so far."""
        return self._view.pending

    async def flush(self) -> None:
        """Returns when everything that crossed before the call is in exchanges, or counted as lost."""
        await self._reader.flush()

    async def mark(self) -> AsyncView:
        """A view of what begins from now on."""
        await self.flush()
        return AsyncView(self._reader, self._view.mark())

    async def clear(self) -> None:
        """Forgets what crossed before."""
        await self.flush()
        self._view.clear()

    async def all(self, *where: Where, **conditions: Unpack[Conditions]) -> list[Exchange]:
        """All exchanges that meet the conditions, of those that crossed before the call."""
        await self.flush()
        return self._view.all(*where, **conditions)

    async def first(self, *where: Where, **conditions: Unpack[Conditions]) -> Exchange | None:
        """The first exchange that meets the conditions, of those that crossed before the call; None without any."""
        await self.flush()
        return self._view.first(*where, **conditions)

    async def one(self, *where: Where, **conditions: Unpack[Conditions]) -> Exchange:
        """The only exchange that meets the conditions, of those that crossed before the call.

        Raises:
            ExpectationFailed: there is none, or more than one.
        """
        await self.flush()
        return self._view.one(*where, **conditions)

    def expect(self, *where: Where, **conditions: Unpack[Conditions]) -> Expectation:
        """What is expected of the exchanges that meet the conditions; its methods look at once, without await."""
        return self._view.expect(*where, **conditions).without_waiting()

    async def wait_for(self, *where: Where, timeout: float = WAIT_FOR_S, **conditions: Unpack[Conditions]) -> Exchange:
        """Waits until an exchange that meets the conditions has ended; one that has already will do.

        Args:
            *where, **conditions: what it is like.
            timeout: seconds to wait at most.

        Raises:
            ExpectationFailed: none has.
        """
        wanted = Where(*where, **conditions)
        end_s = asyncio.get_running_loop().time() + timeout
        async for exchange in self._until(end_s, None):
            if wanted.matches(exchange):
                return exchange
        return self._view.expect(wanted).came_within(timeout)

    def each(self, timeout: float | None = None) -> AsyncIterator[Exchange]:
        """The exchanges as they end, from the first on.

        Args:
            timeout: seconds to wait for the next one; then it is over. None: until the capture ends.
        """
        return self._until(None, timeout)

    def __aiter__(self) -> AsyncIterator[Exchange]:
        return self.each()

    async def _until(self, end_s: float | None, pause_s: float | None) -> AsyncIterator[Exchange]:
        loop, number = asyncio.get_running_loop(), None
        with self._reader.reading():
            while True:
                is_last = self._reader.is_over  # asked first, as in View
                ended, number = self._view.ended_since(number)
                for exchange in ended:
                    yield exchange
                if is_last:
                    return
                limit_s = end_s if pause_s is None else loop.time() + pause_s
                if not await self._reader.more(number, limit_s):
                    return


class LoopReader:
    """Takes what comes while somebody waits for it, and lets the loop do other things after each batch.

    Args:
        capture: is read.
    """

    def __init__(self, capture: Awaited) -> None:
        self._capture = capture
        self._loop = asyncio.get_running_loop()
        self._waiting = 0
        self._next: asyncio.Handle | None = None
        self._awaited: int | None = None  # the descriptor that the loop looks at
        self._has_come = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come."""
        return self._capture.is_closed

    async def flush(self) -> None:
        """Takes all that crossed before the call."""
        try:
            for _ in self._capture.flushed():
                await asyncio.sleep(0)
        except Closed:
            if not self.is_over:
                raise
        self._has_come.set()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Reads for as long as this lasts; several may at once."""
        self._waiting += 1
        if self._waiting == 1:
            self._look()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._rest()

    async def more(self, number: int, limit_s: float | None) -> bool:
        """Waits until an exchange has ended behind number, or limit_s by the loop's clock. Returns whether one has."""
        kept = self._capture.kept
        while kept.end == number and not self.is_over:
            self._has_come.clear()
            left_s = None if limit_s is None else limit_s - self._loop.time()
            try:
                await asyncio.wait_for(self._has_come.wait(), left_s)
            except asyncio.TimeoutError:
                await self.flush()
                return kept.end != number
        return True

    def end(self) -> None:
        """Nothing more comes: who waits goes on."""
        self._rest()
        self._has_come.set()

    def _look(self) -> None:
        """Takes a batch. While they come, looks again soon; else asks to be called."""
        self._rest()
        # whatever came, another may have taken it: a second reader, or a call that flushed
        self._has_come.set()
        try:
            if self._capture.pump():
                # as the source does itself: a wake-up for each record would cost more than the record
                self._next = self._loop.call_later(NAP_S, self._look)
            elif self._capture.ask_to_be_woken():
                self._awaited = self._capture.source.fileno()
                self._loop.add_reader(self._awaited, self._look)
                self._next = self._loop.call_later(LOOK_S, self._look)
            else:
                self._next = self._loop.call_soon(self._look)
        except Closed:
            if not self.is_over:  # else another thread has closed it: those who wait see it now
                raise

    def _rest(self) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = None
        if self._awaited is not None:
            self._loop.remove_reader(self._awaited)
        self._awaited = None


class AsyncCapture(AsyncView):
    """A capture as `async with` gives it: read while the block lasts.

    Args:
        capture: is read.
        view: looks through all of it.
    """

    def __init__(self, capture: Awaited, view: View) -> None:
        super().__init__(LoopReader(capture), view)
        self._capture = capture
        self._stack = ExitStack()
        self._stack.enter_context(self._reader.reading())

    @property
    def ledger(self) -> Ledger:
        """The counters at this moment, which balance."""
        return self._capture.ledger

    def end(self) -> None:
        """Ends the reading, before the capture is closed."""
        self._stack.close()
        self._reader.end()
