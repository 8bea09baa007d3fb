"""Pairs the exchanges of two captures: by their target, else by their route, in the order in which they began."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sockfilter.model import Exchange


class Pair(NamedTuple):
    """An exchange of the first capture and its counterpart in the second, and the route of both."""

    route: str
    before: Exchange
    after: Exchange


class Matched(NamedTuple):
    """The result: pairs, and what has no counterpart in the other capture."""

    pairs: list[Pair]
    gone: list[tuple[str, Exchange]]
    added: list[tuple[str, Exchange]]


def matched(before: Iterable[Exchange], after: Iterable[Exchange], route: Callable[[str], str]) -> Matched:
    """Pairs the exchanges of two captures.

    Exchanges with the same method and target are paired first, then the others with the same method and route. Those
    that differ only in an id are so paired with the same id, if it is there.

    Args:
        before, after: the exchanges.
        route: names the route of a target.
    """
    first, second = _ordered(before), _ordered(after)
    pairs: dict[int, tuple[Exchange, Exchange]] = {}
    for key in (_target, lambda exchange: _route(exchange, route)):
        waiting: defaultdict[str, deque[Exchange]] = defaultdict(deque)
        for exchange in second:
            waiting[key(exchange)].append(exchange)
        taken: set[int] = set()
        for exchange in first:
            same = waiting.get(key(exchange))
            if same:
                other = same.popleft()
                pairs[id(exchange)] = exchange, other
                taken.add(id(other))
        first = [exchange for exchange in first if id(exchange) not in pairs]
        second = [exchange for exchange in second if id(exchange) not in taken]
    made = sorted(pairs.values(), key=lambda pair: pair[0].began_ns)
    return Matched(
        [Pair(_route(one, route), one, other) for one, other in made],
        [(_route(exchange, route), exchange) for exchange in first],
        [(_route(exchange, route), exchange) for exchange in second],
    )


def _ordered(exchanges: Iterable[Exchange]) -> list[Exchange]:
    return sorted(exchanges, key=lambda exchange: exchange.began_ns)


def _target(exchange: Exchange) -> str:
    request = exchange.request
    return "" if request is None else f"{request.method} {request.target}"


def _route(exchange: Exchange, route: Callable[[str], str]) -> str:
    request = exchange.request
    return "-" if request is None else f"{request.method} {route(request.target)}"
