"""How many exchanges are expected, and what is said where they did not cross the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from sockfilter.errors import ExpectationFailed, InvalidArgument
from sockfilter.filters.where import Where
from sockfilter.testing.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.filters.where import Conditions
    from sockfilter.model import Exchange


class Expectation:
    """What is expected of the exchanges that meet some conditions.

    Args:
        seen: takes what crossed, and gives all exchanges.
        pending: gives those that have begun and not ended.
        where: the conditions.
    """

    def __init__(self, seen: Callable[[], list[Exchange]], pending: Callable[[], list[Exchange]], where: Where) -> None:
        self._seen = seen
        self._pending = pending
        self._where = where
        # whether any of its methods has looked: what was never looked at says nothing
        self.was_looked_at = False

    def __repr__(self) -> str:
        return f"<Expectation {self._words}>"

    def once(self) -> Exchange:
        """There is just one. Returns it. Raises ExpectationFailed."""
        __tracebackhide__ = True  # pytest shows who asked
        return self.times(1)[0]

    def times(self, number: int) -> list[Exchange]:
        """There are just so many. Returns them. Raises ExpectationFailed."""
        __tracebackhide__ = True  # pytest shows who asked
        if number < 0:
            raise InvalidArgument(f"times({number}): nothing happens less than never")
        seen, found = self._look()
        if len(found) != number:
            self._fail(_times(number), seen, found)
        return found

    def never(self) -> None:
        """There is none. Raises ExpectationFailed."""
        __tracebackhide__ = True  # pytest shows who asked
        self.times(0)

    def at_least(self, number: int) -> list[Exchange]:
        """There are so many, or more. Returns them. Raises ExpectationFailed."""
        __tracebackhide__ = True  # pytest shows who asked
        seen, found = self._look()
        if len(found) < number:
            self._fail(f"at least {_times(number)}", seen, found)
        return found

    def at_most(self, number: int) -> list[Exchange]:
        """There are so many, or fewer. Returns them. Raises ExpectationFailed."""
        __tracebackhide__ = True  # pytest shows who asked
        seen, found = self._look()
        if len(found) > number:
            self._fail(f"at most {_times(number)}", seen, found)
        return found

    def in_order(self, *steps: Where | Conditions) -> list[Exchange]:
        """Of those that meet the conditions, some meet these, one after the other; others may be in between.

        wire.expect(host="api").in_order(Where(path="/login"), Where(path="/items"))

        Args:
            *steps: conditions, as Where or as a dictionary.

        Returns the exchanges that do, by the time of their first byte. Raises ExpectationFailed.
        """
        __tracebackhide__ = True  # pytest shows who asked
        wanted = [step if isinstance(step, Where) else Where(**step) for step in steps]
        seen, found = self._look()
        rest = iter(sorted(found, key=lambda exchange: exchange.began_ns))
        met: list[Exchange] = []
        for step in wanted:
            match = next((exchange for exchange in rest if step.matches(exchange)), None)
            if match is None:
                before = f" after {met[-1]!r}" if met else ""
                words = " then ".join(f"({one})" for one in wanted)
                self._fail(f"in order: {words}; ({step}) did not come{before}", seen, found, Where(self._where, step))
            met.append(match)
        return met

    def within(self, timeout_s: float) -> Exchange:
        """There is one by now. Returns the first. Raises ExpectationFailed, with the time that was waited."""
        __tracebackhide__ = True  # pytest shows who asked
        seen, found = self._look()
        if not found:
            self._fail(f"within {timeout_s:g} s", seen, found)
        return found[0]

    @property
    def _words(self) -> str:
        return str(self._where) or "an exchange"

    def _look(self) -> tuple[list[Exchange], list[Exchange]]:
        """All exchanges, and those that meet the conditions."""
        self.was_looked_at = True
        seen = self._seen()
        return seen, [exchange for exchange in seen if self._where.matches(exchange)]

    def _fail(self, times: str, seen: list[Exchange], found: list[Exchange], where: Where | None = None) -> NoReturn:
        __tracebackhide__ = True  # pytest shows who asked
        from sockfilter.outputs.transcript import listing

        parts = [f"expected {self._words}: {times}; there {_were(len(found))}"]
        if found:
            parts.append(f"these are:\n{_indented(listing(found))}")
        else:
            near = nearest(where or self._where, seen)
            if near:
                parts.append(near)
        if not seen:
            parts.append("no exchange was seen at all")
        elif len(seen) > len(found):
            parts.append(f"seen in all, {len(seen)}:\n{_indented(listing(seen))}")
        pending = self._pending()
        if pending:
            parts.append(f"not ended yet, {len(pending)}:\n{_indented(listing(pending))}")
        raise ExpectationFailed("\n".join(parts))


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _were(number: int) -> str:
    return {0: "were none", 1: "was 1"}.get(number, f"were {number}")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))
