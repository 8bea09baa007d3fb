"""Expectations: how many exchanges match, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.errors import InvalidArgument
from sockfilter.filters.where import Where, short
from sockfilter.views.counting import Counting, within_text

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
# The same for a filter: whatever it says of these fields.
NOT_WHOLE_FIELDS = ("problems", "complete", "request", "response")


class Expectation(Counting["Exchange"]):
    """An expectation of the exchanges that meet some conditions.

    Args:
        seen: reads what crossed and returns all exchanges.
        pending: returns the exchanges that have begun and not ended.
        coming: yields exchanges as they end, from the first on, for a number of seconds. None: waiting is not allowed.
        where: the conditions.
    """

    def __init__(
        self,
        seen: Callable[[], list[Exchange]],
        pending: Callable[[], list[Exchange]],
        coming: Callable[[float], Iterator[Exchange]] | None,
        where: Where,
    ) -> None:
        super().__init__(seen, coming, where.matches)
        self._pending = pending
        self._where = where

    def __repr__(self) -> str:
        return f"<Expectation {short(str(self._where)) or 'an exchange'}>"

    def in_order(self, *steps: Where | str | Conditions, within: float | None = None) -> list[Exchange]:
        """Asserts that matching exchanges meet these steps in this order. Other exchanges may come in between.

        wire.expect(host="api").in_order(Where(path="/login"), Where(path="/items"))

        Args:
            *steps: the conditions of each step, as Where, as a filter or as a dictionary.
            within: the maximum number of seconds to wait for all steps. None: only what crossed before the call counts.

        Returns the exchanges that meet the steps, ordered by the time of their first byte.

        Raises:
            ExpectationFailed: an exchange for a step is missing or came out of order.
            InvalidArgument: there are no steps.
        """
        __tracebackhide__ = True  # pytest shows the caller
        if not steps:
            raise InvalidArgument("in_order() has no steps, so it would assert nothing: give the conditions of each")
        wanted = [Where(step) if isinstance(step, (Where, str)) else Where(**step) for step in steps]
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

    def without_retransmissions(self) -> list[Exchange]:
        """Asserts that an exchange matches, and that nothing of those that match was sent again or dropped.

        wire.expect(path="/report").without_retransmissions()

        Returns the exchanges.

        Raises:
            ExpectationFailed: none matches; something was sent again or dropped; or TCP's view of one is not known.
        """
        __tracebackhide__ = True  # pytest shows the caller
        found = self.at_least(1)
        hurt = [each for each in found if each.retransmissions or (each.tcp is not None and each.tcp.is_hurt)]
        unknown = [each for each in found if each.tcp is None]
        if hurt or unknown:
            from sockfilter.views import failure

            raise failure.hurt(hurt) if hurt else failure.not_asked(unknown)
        return found

    def without_waiting(self) -> Expectation:
        """Refuses within= from now on, because waiting would block the event loop. Returns this expectation."""
        self._coming = None
        return self

    def allows(self, exchange: Exchange) -> bool:
        """Returns whether the expectation asks for what is not whole and matches this: the test expects it."""
        asked = any(_is_not_whole(name, wanted) for name, wanted in self._where.conditions)
        return not self._is_never and asked and self._where.matches(exchange)

    def _miscounted(
        self, times: str, within: float | None, ended: list[Exchange], found: list[Exchange]
    ) -> ExpectationFailed:
        from sockfilter.views import failure  # imports the forms of exchanges

        return failure.miscounted(
            self._where, times + within_text(within), failure.SeenExchange(ended, found, self._pending())
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
            self._where, wanted, met, within_text(within), failure.SeenExchange(ended, found, self._pending())
        )


def _is_not_whole(name: str, wanted: Any) -> bool:
    """Returns whether a condition asks for exchanges that are not whole."""
    if name:
        return name in NOT_WHOLE and NOT_WHOLE[name](wanted)
    return any(one.condition in NOT_WHOLE_FIELDS for one in wanted.names)


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
