"""The exchange that comes nearest to what was expected, and what is different about it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from sockfilter.filters.where import short, shown
from sockfilter.outputs.escape import printable
from sockfilter.outputs.secrets import mask_fields, mask_query, mask_target

if TYPE_CHECKING:
    from sockfilter.filters.where import Difference, Where
    from sockfilter.model import Exchange

# characters of the texts whose likeness is looked at
ALIKE_MAX = 200
# exchanges that are compared, the newest
COMPARED_MAX = 1000


def nearest(where: Where, seen: list[Exchange]) -> str:
    """What to say of it; empty where nothing was seen."""
    compared = [(where.differences(exchange), exchange) for exchange in seen[-COMPARED_MAX:]]
    if not compared:
        return ""
    differences, exchange = min(compared, key=lambda pair: _distance(pair[0]))
    lines = [f"the nearest is {exchange!r}, with"]
    lines += (f"    {one.name} {_shown(one.name, one.found)}, not {shown(one.wanted)}" for one in differences)
    return "\n".join(lines)


def _distance(differences: list[Difference]) -> float:
    """How far off an exchange is: one for each condition that does not hold, less where the values are alike."""
    return sum(1 - _likeness(one.found, one.wanted) / 2 for one in differences)


def _likeness(found: Any, wanted: Any) -> float:
    if found is None or callable(wanted):
        return 0.0
    text = str(getattr(wanted, "pattern", wanted))
    return difflib.SequenceMatcher(None, str(found)[:ALIKE_MAX], text[:ALIKE_MAX]).ratio()


def _shown(name: str, found: Any) -> str:
    if name.endswith("header"):
        found = mask_fields(found)
    elif name == "target" and found is not None:
        found = mask_target(found)
    elif name == "query":
        found = mask_query(found)
    return short(printable(repr(found)))
