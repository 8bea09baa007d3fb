"""The phases of an exchange, and what happened to its segments, as events of its span."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.forms.json_values import clean_text
from sockfilter.model.moment import wall_ns
from sockfilter.traces.values import put

if TYPE_CHECKING:
    from sockfilter.model import Exchange

SENT, READ = "request sent", "request read by the server"
INFORMATIONAL, BEGUN = "informational response", "response begun"
DROPPED = "segment dropped"
# drops that a span tells of; their number is an attribute
DROPS_MAX = 10


def add_events(span: Any, exchange: Exchange) -> None:
    """Adds the events whose times are known."""
    request, response = exchange.request, exchange.response
    if request is not None and request.end_ns is not None:
        sent_ns = wall_ns(request.end_ns, exchange.clock_offset_ns)
        _add(span, SENT, sent_ns)
        if sent_ns is not None and exchange.tcp is not None and exchange.tcp.queued is not None:
            _add(span, READ, sent_ns + round(exchange.tcp.queued * 1e9))
    for each in exchange.informational:
        event = _add(span, INFORMATIONAL, wall_ns(each.start_ns, exchange.clock_offset_ns))
        if event is not None:
            put(event.attributes, "http.response.status_code", each.status)
    if response is not None and request is not None:
        _add(span, BEGUN, wall_ns(response.start_ns, exchange.clock_offset_ns))
    for drop in () if exchange.tcp is None else exchange.tcp.drops[:DROPS_MAX]:
        event = _add(span, DROPPED, wall_ns(drop.time_ns, exchange.clock_offset_ns) if drop.time_ns else None)
        if event is not None:
            put(event.attributes, "sockfilter.drop.bytes", drop.bytes)
            put(event.attributes, "sockfilter.drop.sender", drop.sender)
            put(event.attributes, "sockfilter.drop.where", clean_text(drop.where))


def _add(span: Any, name: str, time_ns: int | None) -> Any:
    """Adds an event and returns it. None: its time is not known."""
    if time_ns is None:
        return None
    event = span.events.add()
    event.name = name
    event.time_unix_nano = time_ns
    return event
