"""The exchange that comes nearest to an expectation, and how it differs."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.views.differences import lines, share

if TYPE_CHECKING:
    from sockfilter.filters.where import Difference, Where
    from sockfilter.model import Exchange

# The number of characters whose similarity is compared.
ALIKE_MAX = 200
# The maximum number of exchanges to compare, the newest first.
COMPARED_MAX = 1000
# The distance added for an exchange that has not ended: less than any other difference.
PENDING = 0.25


class Nearest(NamedTuple):
    """An exchange, and a line for each difference."""

    exchange: Exchange
    lines: list[str]


def nearest(where: Where, ended: list[Exchange], pending: list[Exchange]) -> Nearest | None:
    """Returns the exchange that differs least from what was expected. None: there are no exchanges.

    Args:
        where: the expected conditions.
        ended: the exchanges that have ended.
        pending: the exchanges that have begun and not ended.
    """
    compared = [(where.differences(exchange), exchange, 0.0) for exchange in ended[-COMPARED_MAX:]]
    compared += [(where.differences(exchange), exchange, PENDING) for exchange in pending[-COMPARED_MAX:]]
    if not compared:
        return None
    differences, exchange, more = min(compared, key=lambda one: _distance(one[0], one[1]) + one[2])
    said = [line for one in differences for line in lines(one, exchange)]
    return Nearest(exchange, [*said, "it has not ended; within=SECONDS waits for that"] if more else said)


def _distance(differences: list[Difference], exchange: Exchange) -> float:
    """Returns the distance of an exchange: one for each condition that fails, less if the values are similar."""
    return sum(1 - _likeness(one, exchange) / 2 for one in differences)


def _likeness(one: Difference, exchange: Exchange) -> float:
    differing = share(one, exchange)
    return _alike(one.found, one.wanted) if differing is None else 1 - differing


def _alike(found: Any, wanted: Any) -> float:
    if found is None or callable(wanted):
        return 0.0
    text = str(getattr(wanted, "pattern", wanted))
    return difflib.SequenceMatcher(None, str(found)[:ALIKE_MAX], text[:ALIKE_MAX]).ratio()
