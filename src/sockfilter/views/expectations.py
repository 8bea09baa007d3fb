"""How many exchanges are expected, and in which order."""

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

# conditions, and values of them, that ask for what is not whole
NOT_WHOLE: dict[str, Callable[[object], bool]] = {
    "problems": bool,
    "complete": lambda wanted: wanted is False,
    "status": lambda wanted: wanted is None,
}


class Expectation:
    """What is expected of the exchanges that meet some conditions.

    Args:
        seen: takes what crossed, and gives all exchanges.
        pending: gives those that have begun and not ended.
        coming: gives exchanges as they end, from the first on, for so many seconds. None: nothing may be waited for.
        where: the conditions.

    Attributes:
        was_looked_at: whether any of its methods has looked: what was never looked at says nothing.
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
        """There is just one. Returns it.

        Args:
            within: seconds to wait until there is one, or more. None: what crossed before the call counts.

        Raises:
            ExpectationFailed: there is none, or more than one.
        """
        __tracebackhide__ = True  # pytest shows who asked
        return self.times(1, within=within)[0]

    def times(self, number: int, *, within: float | None = None) -> list[Exchange]:
        """There are just so many. Returns them.

        Args:
            number: how many.
            within: seconds to wait until there are so many; with 0, seconds for which there is to be none.

        Raises:
            ExpectationFailed: there are fewer, or more.
        """
        __tracebackhide__ = True  # pytest shows who asked
        if number < 0:
            raise InvalidArgument(f"times({number}): the number cannot be negative")
        self._is_never = not number
        ended, found = self._look(within, number or 1)
        if len(found) != number:
            raise self._miscounted(_times(number), within, ended, found)
        return found

    def never(self, *, within: float | None = None) -> None:
        """There is none.

        Args:
            within: seconds for which there is to be none. None: none that crossed before the call.

        Raises:
            ExpectationFailed: there is one.
        """
        __tracebackhide__ = True  # pytest shows who asked
        self.times(0, within=within)

    def at_least(self, number: int, *, within: float | None = None) -> list[Exchange]:
        """There are so many, or more. Returns them. Arguments and error as times() has them."""
        __tracebackhide__ = True  # pytest shows who asked
        ended, found = self._look(within, number)
        if len(found) < number:
            raise self._miscounted(f"at least {_times(number)}", within, ended, found)
        return found

    def at_most(self, number: int, *, within: float | None = None) -> list[Exchange]:
        """There are so many, or fewer. Returns them.

        Args:
            number: how many.
            within: seconds for which there are to be no more. None: of what crossed before the call.

        Raises:
            ExpectationFailed: there are more.
        """
        __tracebackhide__ = True  # pytest shows who asked
        ended, found = self._look(within, number + 1)
        if len(found) > number:
            raise self._miscounted(f"at most {_times(number)}", within, ended, found)
        return found

    def in_order(self, *steps: Where | Conditions, within: float | None = None) -> list[Exchange]:
        """Of those that meet the conditions, some meet these, one after the other; others may be in between.

        wire.expect(host="api").in_order(Where(path="/login"), Where(path="/items"))

        Args:
            *steps: conditions, as Where or as a dictionary.
            within: seconds to wait until all have come. None: what crossed before the call counts.

        Returns the exchanges that do, by the time of their first byte.

        Raises:
            ExpectationFailed: one did not come, or not in its place.
        """
        __tracebackhide__ = True  # pytest shows who asked
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
        """There is one, or there is after so many seconds at most. Returns the first.

        Raises:
            ExpectationFailed: none came.
        """
        __tracebackhide__ = True  # pytest shows who asked
        self._await(seconds, 1)
        return self.came_within(seconds)

    def came_within(self, seconds: float) -> Exchange:
        """The same, where so many seconds have been waited already."""
        __tracebackhide__ = True  # pytest shows who asked
        ended, found = self._look()
        if not found:
            raise self._miscounted(f"within {seconds:g} s", None, ended, found)
        return found[0]

    def without_waiting(self) -> Expectation:
        """The same, for coroutines, whose loop must not stand still: within= is refused."""
        self._coming = None
        return self

    def allows(self, exchange: Exchange) -> bool:
        """Whether it asks for what is not whole, and for this: then the test knows of it."""
        asked = (NOT_WHOLE[name](wanted) for name, wanted in self._where.conditions if name in NOT_WHOLE)
        return not self._is_never and any(asked) and self._where.matches(exchange)

    def _look(self, within: float | None = None, number: int = 0) -> tuple[list[Exchange], list[Exchange]]:
        """All exchanges, and those that meet the conditions, once these are so many or the seconds are over."""
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
    """The exchanges that meet the first steps, each the next behind the one before, as far as they do."""
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
