"""The exchange that comes nearest to what was expected, and what is different about it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.views.differences import lines, share

if TYPE_CHECKING:
    from sockfilter.filters.where import Difference, Where
    from sockfilter.model import Exchange

# characters of the texts whose likeness is looked at
ALIKE_MAX = 200
# exchanges that are compared, the newest
COMPARED_MAX = 1000
# differences that one counts for which has not ended: less than half of any other
PENDING = 0.25


class Nearest(NamedTuple):
    """An exchange, and a line for each thing that is different about it."""

    exchange: Exchange
    lines: list[str]


def nearest(where: Where, ended: list[Exchange], pending: list[Exchange]) -> Nearest | None:
    """The exchange that lacks least of what was expected.

    Args:
        where: what it was to be like.
        ended: those that have ended.
        pending: those that have begun, and not ended.

    Returns None where there are none.
    """
    compared = [(where.differences(exchange), exchange, 0.0) for exchange in ended[-COMPARED_MAX:]]
    compared += [(where.differences(exchange), exchange, PENDING) for exchange in pending[-COMPARED_MAX:]]
    if not compared:
        return None
    differences, exchange, more = min(compared, key=lambda one: _distance(one[0], one[1]) + one[2])
    said = [line for one in differences for line in lines(one, exchange)]
    return Nearest(exchange, [*said, "it has not ended; within=SECONDS waits for that"] if more else said)


def _distance(differences: list[Difference], exchange: Exchange) -> float:
    """How far off an exchange is: one for each condition that does not hold, less where the values are alike."""
    return sum(1 - _likeness(one, exchange) / 2 for one in differences)


def _likeness(one: Difference, exchange: Exchange) -> float:
    differing = share(one, exchange)
    return _alike(one.found, one.wanted) if differing is None else 1 - differing


def _alike(found: Any, wanted: Any) -> float:
    if found is None or callable(wanted):
        return 0.0
    text = str(getattr(wanted, "pattern", wanted))
    return difflib.SequenceMatcher(None, str(found)[:ALIKE_MAX], text[:ALIKE_MAX]).ratio()
