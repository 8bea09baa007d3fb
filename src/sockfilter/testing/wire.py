"""A test's view of the wire: the exchanges while it runs, the expectations, and what was not whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.forms.transcript import listing, transcript
from sockfilter.views.failure import named
from sockfilter.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from sockfilter.captures.capture import Capture
    from sockfilter.errors import ExpectationFailed
    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange
    from sockfilter.views.aio import AsyncView
    from sockfilter.views.expectations import Expectation
    from sockfilter.views.message_expectations import MessageExpectation
    from sockfilter.views.view import OnConnection

# Limits for the exchange that a report shows in detail: lines, and characters of each line.
DETAIL_LINES_MAX, DETAIL_COLUMNS_MAX = 30, 200
# The maximum number of lines for other exchanges.
LISTED_MAX = 10


class Wire(View):
    """The exchanges that begin from now on, for one test.

    Args:
        capture: the capture that sees the exchanges.
        is_wanted: returns whether an exchange or a message counts. None: all count.
    """

    def __init__(self, capture: Capture, is_wanted: Callable[[OnConnection], bool] | None = None) -> None:
        super().__init__(capture, is_wanted=is_wanted)
        self._of = capture
        self.clear()
        self._expectations: list[Expectation | MessageExpectation] = []
        self._losses_before = self._losses()
        self._forgotten_before = capture.forgotten
        self._forgotten_messages_before = capture.forgotten_messages

    @property
    def aio(self) -> AsyncView:
        """The same as coroutines: await wire.aio.wait_for(...), async for exchange in wire.aio.each(timeout=1)."""
        from sockfilter.views.aio import AsyncView, LoopReader  # importing asyncio takes longer than importing the rest

        return AsyncView(LoopReader(self._of), self)

    @property
    def capture(self) -> Capture:
        """The capture, which other tests may share."""
        return self._of

    @property
    def is_narrowed(self) -> bool:
        """Whether exchanges of other processes are excluded."""
        return self._is_wanted is not None

    @property
    def ledger(self) -> Ledger:
        """The counters of the capture, including those from before this test."""
        return self._of.ledger

    def protos(self, *paths: str | PathLike[str]) -> None:
        """Reads the schemas of gRPC messages, as sockfilter.set_protos() does: for this process, from now on.

        Args:
            *paths: files that protoc has written with --descriptor_set_out and --include_imports.

        Raises:
            InvalidArgument: a file is not a descriptor set, or protobuf is not installed.
        """
        from sockfilter.protobuf.schema import set_protos  # imported late: most tests have no gRPC

        set_protos(*paths)

    def losses(self) -> dict[str, int]:
        """Returns what was lost since this wire began, by name. Empty: nothing."""
        before = self._losses_before
        found = {name: count - before.get(name, 0) for name, count in self._losses().items()}
        found["exchanges that there was no more room for"] = self._of.forgotten - self._forgotten_before
        messages = self._of.forgotten_messages - self._forgotten_messages_before
        found["messages that there was no more room for"] = messages
        return {name: count for name, count in found.items() if count}

    def _note_expectation(self, made: Expectation | MessageExpectation) -> None:
        self._expectations.append(made)

    def oddities(self) -> list[str]:
        """Returns what was not whole before the call: losses, and exchanges with a problem or without an end.

        Exchanges that an expectation explicitly asks for (problems, complete, status=None) are excluded.
        """
        odd = self._odd()
        return [*self._lost(), *(listing(odd, LISTED_MAX).split("\n") if odd else ())]

    def wrong(self, *, strict: bool = False) -> str:
        """Returns why a passed test fails. Empty: it does not.

        Args:
            strict: whether HTTP that is not whole fails the test.
        """
        forgotten = [expectation for expectation in self._expectations if not expectation.was_looked_at]
        if forgotten:
            return f"{forgotten[0]!r} asserts nothing: add .once(), .times(n), .never() or another call"
        found = [*self._lost(), *map(named, self._odd())] if strict else []
        if not found:
            return ""
        # pytest's summary shows only the first line.
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return "\n".join([f"not whole, and the test is strict: {found[0]}{more}", *self.oddities()])

    def report(self, failed: ExpectationFailed | None = None, *, whole: bool = False) -> tuple[str, str]:
        """Returns what was seen, for people: the end of a title, and a line for each exchange, the last one in detail.

        Args:
            failed: an expectation that failed. Its message lists the exchanges, so only the one that it names is added.
            whole: whether all exchanges are shown in detail.
        """
        exchanges = self.all() + self.pending
        if whole and exchanges:
            return "", "\n".join(map(transcript, exchanges))
        if failed is not None and failed.exchange is None:
            return "", ""
        if failed is not None and failed.exchange in exchanges:
            # The message already has the first line of the exchange.
            return f": {named(failed.exchange)}", _detail(failed.exchange).partition("\n")[2]
        if not exchanges:
            return "", "no exchange was seen"
        *others, last = exchanges
        return "", "\n".join([*([listing(others, LISTED_MAX)] if others else ()), _detail(last), *self._messages(last)])

    def _messages(self, shown: Exchange) -> list[str]:
        """Returns a line for each of the last messages, without those of an exchange that is shown in detail."""
        from sockfilter.forms.message_list import message_list  # imported late: most tests have no messages

        return message_list([each for each in self.messages() if each.exchange is not shown], LISTED_MAX)

    def _odd(self) -> list[Exchange]:
        odd = [exchange for exchange in self.all() if not exchange.complete or exchange.problems] + self.pending
        return [exchange for exchange in odd if not any(made.allows(exchange) for made in self._expectations)]

    def _lost(self) -> list[str]:
        return [f"{count} {name}" for name, count in self.losses().items()]

    def _losses(self) -> dict[str, int]:
        return {name: count for name, (count, _) in self._of.ledger.losses().items()}


def _detail(exchange: Exchange) -> str:
    return transcript(exchange, DETAIL_LINES_MAX, DETAIL_COLUMNS_MAX)
