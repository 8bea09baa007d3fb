"""Expectations: how many exchanges match, and in which order."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sockfilter.errors import InvalidArgument
from sockfilter.filters.where import Where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.errors import ExpectationFailed
    from sockfilter.filters.where import Conditions
    from sockfilter.model import Exchange

# Conditions that ask for exchanges that are not whole, and the values with which they do.
NOT_WHOLE: dict[str, Callable[[object], bool]] = {
    "problems": bool,
    "complete": lambda wanted: wanted is False,
    "status": lambda wanted: wanted is None,
}


class Expectation:
    """An expectation of the exchanges that meet some conditions.

    Args:
        seen: reads what crossed and returns all exchanges.
        pending: returns the exchanges that have begun and not ended.
        coming: yields exchanges as they end, from the first on, for a number of seconds. None: waiting is not allowed.
        where: the conditions.

    Attributes:
        was_looked_at: whether a method has evaluated it. An expectation that is never evaluated asserts nothing.
    """

    def __init__(
        self,
        seen: Callable[[], list[Exchange]],
        pending: Callable[[], list[Exchange]],
        coming: Callable[[float], Iterator[Exchange]] | None,
        where: Where,
    ) -> None:
        self._seen = seen
        self._pending = pending
        self._coming = coming
        self._where = where
        self._is_never = False
        self.was_looked_at = False

    def __repr__(self) -> str:
        return f"<Expectation {str(self._where) or 'an exchange'}>"

    def once(self, *, within: float | None = None) -> Exchange:
        """Asserts that exactly one exchange matches. Returns it.

        Args:
            within: the maximum number of seconds to wait for a match. None: only what crossed before the call counts.

        Raises:
            ExpectationFailed: none matches, or more than one.
        """
        __tracebackhide__ = True  # pytest shows the caller
        return self.times(1, within=within)[0]

    def times(self, number: int, *, within: float | None = None) -> list[Exchange]:
        """Asserts that exactly this number of exchanges match. Returns them.

        Args:
            number: the expected number.
            within: the maximum number of seconds to wait for them. If number is 0: the seconds in which none may match.

        Raises:
            ExpectationFailed: fewer or more match.
        """
        __tracebackhide__ = True  # pytest shows the caller
        if number < 0:
            raise InvalidArgument(f"times({number}): the number cannot be negative")
        self._is_never = not number
        ended, found = self._look(within, number or 1)
        if len(found) != number:
            raise self._miscounted(_times(number), within, ended, found)
        return found

    def never(self, *, within: float | None = None) -> None:
        """Asserts that no exchange matches.

        Args:
            within: the number of seconds in which none may match. None: only what crossed before the call counts.

        Raises:
            ExpectationFailed: one matches.
        """
        __tracebackhide__ = True  # pytest shows the caller
        self.times(0, within=within)

    def at_least(self, number: int, *, within: float | None = None) -> list[Exchange]:
        """Asserts that at least this number of exchanges match. Returns them. Arguments and errors as for times()."""
        __tracebackhide__ = True  # pytest shows the caller
        ended, found = self._look(within, number)
        if len(found) < number:
            raise self._miscounted(f"at least {_times(number)}", within, ended, found)
        return found

    def at_most(self, number: int, *, within: float | None = None) -> list[Exchange]:
        """Asserts that at most this number of exchanges match. Returns them.

        Args:
            number: the maximum number.
            within: the number of seconds in which no more may match. None: only what crossed before the call counts.

        Raises:
            ExpectationFailed: more match.
        """
        __tracebackhide__ = True  # pytest shows the caller
        ended, found = self._look(within, number + 1)
        if len(found) > number:
            raise self._miscounted(f"at most {_times(number)}", within, ended, found)
        return found

    def in_order(self, *steps: Where | Conditions, within: float | None = None) -> list[Exchange]:
        """Asserts that matching exchanges meet these steps in this order. Other exchanges may come in between.

        wire.expect(host="api").in_order(Where(path="/login"), Where(path="/items"))

        Args:
            *steps: the conditions of each step, as Where or as a dictionary.
            within: the maximum number of seconds to wait for all steps. None: only what crossed before the call counts.

        Returns the exchanges that meet the steps, ordered by the time of their first byte.

        Raises:
            ExpectationFailed: an exchange for a step is missing or came out of order.
        """
        __tracebackhide__ = True  # pytest shows the caller
        wanted = [step if isinstance(step, Where) else Where(**step) for step in steps]
        if within is not None:
            came: list[Exchange] = []
            for exchange in self._as_they_come(within):
                came.append(exchange)
                if len(_met(wanted, came)) == len(wanted):
                    break
        ended, found = self._look()
        met = _met(wanted, found)
        if len(met) < len(wanted):
            raise self._disordered(wanted, met, within, ended, found)
        return met

    def within(self, seconds: float) -> Exchange:
        """Waits up to this number of seconds for a matching exchange. Returns the first.

        Raises:
            ExpectationFailed: none matches in time.
        """
        __tracebackhide__ = True  # pytest shows the caller
        self._await(seconds, 1)
        return self.came_within(seconds)

    def came_within(self, seconds: float) -> Exchange:
        """Does the same for a caller that has already waited for these seconds."""
        __tracebackhide__ = True  # pytest shows the caller
        ended, found = self._look()
        if not found:
            raise self._miscounted(f"within {seconds:g} s", None, ended, found)
        return found[0]

    def without_waiting(self) -> Expectation:
        """Refuses within= from now on, because waiting would block the event loop. Returns this expectation."""
        self._coming = None
        return self

    def allows(self, exchange: Exchange) -> bool:
        """Returns whether the expectation asks for what is not whole and matches this: the test expects it."""
        asked = (NOT_WHOLE[name](wanted) for name, wanted in self._where.conditions if name in NOT_WHOLE)
        return not self._is_never and any(asked) and self._where.matches(exchange)

    def _look(self, within: float | None = None, number: int = 0) -> tuple[list[Exchange], list[Exchange]]:
        """Waits for enough matches if within is given. Returns all exchanges, and those that match."""
        if within is not None:
            self._await(within, number)
        self.was_looked_at = True
        ended = self._seen()
        return ended, list(filter(self._where.matches, ended))

    def _await(self, seconds: float, number: int) -> None:
        if number > 0:
            next(islice(self._as_they_come(seconds), number - 1, None), None)

    def _as_they_come(self, seconds: float) -> Iterator[Exchange]:
        if self._coming is None:
            self.was_looked_at = True
            raise InvalidArgument(
                f"within {seconds:g} s: waiting here would block the event loop; use await wait_for()"
            )
        return filter(self._where.matches, self._coming(seconds))

    def _miscounted(
        self, times: str, within: float | None, ended: list[Exchange], found: list[Exchange]
    ) -> ExpectationFailed:
        from sockfilter.views import failure  # imports the forms of exchanges

        return failure.miscounted(
            self._where, times + _within(within), failure.SeenExchange(ended, found, self._pending())
        )

    def _disordered(
        self,
        wanted: list[Where],
        met: list[Exchange],
        within: float | None,
        ended: list[Exchange],
        found: list[Exchange],
    ) -> ExpectationFailed:
        from sockfilter.views import failure

        return failure.disordered(
            self._where, wanted, met, _within(within), failure.SeenExchange(ended, found, self._pending())
        )


def _met(steps: list[Where], found: list[Exchange]) -> list[Exchange]:
    """Returns the exchanges that meet the first steps in order, up to the first step that none meets."""
    rest = iter(sorted(found, key=lambda exchange: exchange.began_ns))
    met: list[Exchange] = []
    for step in steps:
        match = next(filter(step.matches, rest), None)
        if match is None:
            break
        met.append(match)
    return met


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _within(seconds: float | None) -> str:
    return "" if seconds is None else f" within {seconds:g} s"
