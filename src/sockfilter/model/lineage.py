"""Which exchange a process served while it made another: a proxy's request to its upstream has a parent.

An exchange is never linked if two others could be its parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.exchange import Parent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model.exchange import Exchange

# why exchanges are linked, see Parent
TRACE, PROCESS = "trace", "process"
# fields that proxies pass on, or whose trace id they keep: W3C Trace Context, 3.2; B3; and others
TRACE_FIELDS = ("traceparent", "b3", "x-b3-traceid", "uber-trace-id", "x-amzn-trace-id", "x-request-id")
# Fields of which only a part names the trace: what separates the parts, and which part it is.
PARTS = {"traceparent": ("-", 1), "b3": ("-", 0), "uber-trace-id": (":", 0)}


class _Seen(NamedTuple):
    """An exchange, with what linking needs of it.

    Attributes:
        exchange: the exchange.
        began_ns: when its request began.
        answered_ns: when its response began; None if it has none.
        traces: its trace ids, by the field that has them.
    """

    exchange: Exchange
    began_ns: int
    answered_ns: int | None
    traces: dict[str, str]

    def is_inside(self, outer: _Seen) -> bool:
        """Whether it began after another one, and was answered before it."""
        if outer.exchange.connection is self.exchange.connection or outer.began_ns > self.began_ns:
            return False
        if outer.answered_ns is None:
            return True
        return self.answered_ns is not None and self.answered_ns <= outer.answered_ns

    def shares_trace(self, other: _Seen) -> bool | None:
        """Whether both have the same trace id. None: they have no field in common."""
        return next((self.traces[name] == other.traces[name] for name in self.traces if name in other.traces), None)


def link(exchanges: Iterable[Exchange]) -> None:
    """Sets the parent of each exchange that its client made while it served one of the others.

    Args:
        exchanges: exchanges that have ended, in any order.
    """
    seen = sorted((_seen(one) for one in exchanges if one.request is not None), key=lambda one: one.began_ns)
    serving: dict[object, list[_Seen]] = {}
    for one in seen:
        # Exchanges that were answered before can no longer be a parent: responses come after those of children.
        for place in _places_of_client(one.exchange):
            open_here = serving.get(place, [])
            open_here[:] = [each for each in open_here if each.answered_ns is None or each.answered_ns >= one.began_ns]
        one.exchange.parent = _parent_of(one, serving)
        for place in _places_of_server(one.exchange):
            serving.setdefault(place, []).append(one)


def _parent_of(one: _Seen, serving: dict[object, list[_Seen]]) -> Parent | None:
    process = one.exchange.client_process
    places = _places_of_client(one.exchange)
    found = [each for each in serving.get(places[0], []) if one.is_inside(each)]
    traced = [each for each in found if one.shares_trace(each)]
    if traced:
        return Parent(traced[0].exchange, TRACE) if len(traced) == 1 else None
    if process is None:
        return None
    others = [each for each in found if one.shares_trace(each) is None]
    # Others of this process may have ended between, but one that it served all the time must be the only one.
    return Parent(others[0].exchange, PROCESS) if len(others) == 1 and len(found) == 1 else None


def _places_of_client(exchange: Exchange) -> list[object]:
    """Where a parent would be served: in the same process, or, if that is not known, at the same address."""
    process = exchange.client_process
    return [("address", exchange.client.ip) if process is None else (process.pid, process.inner_pid)]


def _places_of_server(exchange: Exchange) -> list[object]:
    process = exchange.server_process
    places: list[object] = [("address", exchange.server.ip)]
    if process is not None:
        places.append((process.pid, process.inner_pid))
    return places


def _seen(exchange: Exchange) -> _Seen:
    request, response = exchange.request, exchange.response
    assert request is not None  # link() leaves out the others
    traces = {}
    for name in TRACE_FIELDS:
        value = request.headers.get(name)
        if value:
            separator, part = PARTS.get(name, ("", 0))
            parts = value.split(separator) if separator else [value]
            if len(parts) > part:
                traces[name] = parts[part]
    return _Seen(exchange, request.start_ns, None if response is None else response.start_ns, traces)
