"""What a test sees of the wire: the exchanges of its duration, what it expects of them, what was odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.forms.transcript import listing, transcript
from sockfilter.views.failure import named
from sockfilter.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Unpack

    from sockfilter.captures.capture import Capture
    from sockfilter.errors import ExpectationFailed
    from sockfilter.filters.where import Conditions, Where
    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange
    from sockfilter.views.aio import AsyncView
    from sockfilter.views.expectations import Expectation

# of the exchange that is shown whole in a report: its lines, and the characters of each
DETAIL_LINES_MAX, DETAIL_COLUMNS_MAX = 30, 200
# lines of the others
LISTED_MAX = 10


class Wire(View):
    """The exchanges that begin from now on, for one test.

    Args:
        capture: sees them.
        is_wanted: leaves others out.
    """

    def __init__(self, capture: Capture, is_wanted: Callable[[Exchange], bool] | None = None) -> None:
        super().__init__(capture, is_wanted=is_wanted)
        self._of = capture
        self.clear()
        self._expectations: list[Expectation] = []
        self._losses_before = self._losses()
        self._forgotten_before = capture.forgotten

    @property
    def aio(self) -> AsyncView:
        """The same for coroutines: await wire.aio.wait_for(...), async for exchange in wire.aio.each(timeout=1)."""
        from sockfilter.views.aio import AsyncView, LoopReader  # asyncio takes longer to import than all of this

        return AsyncView(LoopReader(self._of), self)

    @property
    def capture(self) -> Capture:
        """What sees them; other tests' too."""
        return self._of

    @property
    def is_narrowed(self) -> bool:
        """Whether the exchanges of other processes are left out."""
        return self._is_wanted is not None

    @property
    def ledger(self) -> Ledger:
        """The counters of the capture, from before this test on."""
        return self._of.ledger

    def losses(self) -> dict[str, int]:
        """What was lost since this began: its name, and how much. Empty: nothing."""
        before = self._losses_before
        found = {name: count - before.get(name, 0) for name, count in self._losses().items()}
        found["exchanges that there was no more room for"] = self._of.forgotten - self._forgotten_before
        return {name: count for name, count in found.items() if count}

    def expect(self, *where: Where, **conditions: Unpack[Conditions]) -> Expectation:
        """What is expected of the exchanges that meet the conditions; its methods say how many, and look."""
        made = super().expect(*where, **conditions)
        self._expectations.append(made)
        return made

    def oddities(self) -> list[str]:
        """What is not whole of that which crossed before the call: losses, and exchanges with a problem or no end.

        Exchanges for which an expectation asks with such a condition (problems, complete, status=None) are left out.
        """
        odd = self._odd()
        return [*self._lost(), *(listing(odd, LISTED_MAX).split("\n") if odd else ())]

    def wrong(self, *, strict: bool = False) -> str:
        """What fails a test that has passed; empty: nothing.

        Args:
            strict: HTTP that is not whole does.
        """
        forgotten = [expectation for expectation in self._expectations if not expectation.was_looked_at]
        if forgotten:
            return f"{forgotten[0]!r} asserts nothing: add .once(), .times(n), .never() or another call"
        found = [*self._lost(), *map(named, self._odd())] if strict else []
        if not found:
            return ""
        # pytest's summary has the first line alone
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return "\n".join([f"not whole, and the test is strict: {found[0]}{more}", *self.oddities()])

    def report(self, failed: ExpectationFailed | None = None, *, whole: bool = False) -> tuple[str, str]:
        """What was seen, for people: the end of a title, and a line for each exchange, with the last one in detail.

        Args:
            failed: an expectation that did not hold, whose message has the lines: the one it speaks of is left.
            whole: all are shown in detail.
        """
        exchanges = self.all() + self.pending
        if whole and exchanges:
            return "", "\n".join(map(transcript, exchanges))
        if failed is not None and failed.exchange is None:
            return "", ""
        if failed is not None and failed.exchange in exchanges:
            # the message has its line
            return f": {named(failed.exchange)}", _detail(failed.exchange).partition("\n")[2]
        if not exchanges:
            return "", "no exchange was seen"
        *others, last = exchanges
        return "", "\n".join([*([listing(others, LISTED_MAX)] if others else ()), _detail(last)])

    def _odd(self) -> list[Exchange]:
        odd = [exchange for exchange in self.all() if not exchange.complete or exchange.problems] + self.pending
        return [exchange for exchange in odd if not any(made.allows(exchange) for made in self._expectations)]

    def _lost(self) -> list[str]:
        return [f"{count} {name}" for name, count in self.losses().items()]

    def _losses(self) -> dict[str, int]:
        return {name: count for name, (count, _) in self._of.ledger.losses().items()}


def _detail(exchange: Exchange) -> str:
    return transcript(exchange, DETAIL_LINES_MAX, DETAIL_COLUMNS_MAX)
