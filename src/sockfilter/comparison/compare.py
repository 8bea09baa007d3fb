"""The comparison of two captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.comparison.changes import changes, slower
from sockfilter.comparison.matching import matched
from sockfilter.comparison.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sockfilter.comparison.ignoring import Ignoring
    from sockfilter.model import Exchange


def compare(
    before: Iterable[Exchange],
    after: Iterable[Exchange],
    route: Callable[[str], str],
    ignoring: Ignoring,
    *,
    slower_by: float | None = None,
    show_secrets: bool = False,
) -> Result:
    """Compares the exchanges of two captures.

    Args:
        before, after: the exchanges.
        route: names the route of a target.
        ignoring: what is not compared.
        slower_by: the share by which the median duration of a route may grow. None: durations are not compared.
        show_secrets: do not mask secrets.
    """
    found = matched(before, after, route)
    differ = [(pair, changes(pair, ignoring, show_secrets=show_secrets)) for pair in found.pairs]
    late = [] if slower_by is None else slower(found.pairs, slower_by)
    return Result(found, [(pair, made) for pair, made in differ if made], late, show_secrets)
