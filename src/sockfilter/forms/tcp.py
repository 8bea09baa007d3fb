"""What the kernel's TCP knows of an exchange: as a note, as lines of text, and as members of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sockfilter.forms.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Exchange
    from sockfilter.model.tcp import Drop, ExchangeTcp, TcpEnd

# drops that the text shows of one exchange
DROPS_MAX = 10


def loss_note(tcp: ExchangeTcp) -> str:
    """What was lost on the way, and where, for the end of a line."""
    parts = []
    if tcp.retransmitted:
        parts.append(f"retransmitted {size_text(tcp.retransmitted_bytes)}")
    if tcp.drops:
        places = list(dict.fromkeys(drop.where for drop in tcp.drops))
        more = f" and {len(places) - 1} more places" if places[1:] else ""
        parts.append(f"dropped at {places[0]}{more}")
    return "; ".join(parts)


def tcp_lines(exchange: Exchange, tcp: ExchangeTcp) -> Iterator[str]:
    """What TCP knows, and what made the exchange slow."""
    end = tcp.server or tcp.client
    parts = [] if end is None else [_round_trip(end)]
    if end is not None and end.cwnd is not None:
        parts.append(f"cwnd {end.cwnd}")
    wait = exchange.timing.wait
    if wait is not None and tcp.queued is not None and tcp.think is not None:
        queued = f"{_ms(tcp.queued)} queued in the server's socket"
        if tcp.unaccepted is not None and tcp.unaccepted[0]:
            accept = tcp.unaccepted[0]
            queued = f"{_ms(accept)} in the accept queue + {_ms(tcp.queued - accept)} queued in the server's socket"
        parts.append(f"wait {_ms(wait)} ms = {queued} + {_ms(tcp.think)} thinking")
    if any(parts):
        yield "tcp  " + "  ".join(filter(None, parts))
    if (culprit := exchange.culprit) is not None:
        yield f"slow because of {culprit.word}: {culprit.evidence}"
    for drop in tcp.drops[:DROPS_MAX]:
        yield from _drop_lines(drop)
    if len(tcp.drops) > DROPS_MAX:
        yield f"... {len(tcp.drops) - DROPS_MAX} more drops"


def tcp_members(exchange: Exchange, tcp: ExchangeTcp) -> dict[str, Any]:
    """The members of an exchange's JSON: tcp, and culprit if there is one."""
    made: dict[str, Any] = {}
    for name, end in (("client", tcp.client), ("server", tcp.server)):
        if end is not None:
            made[name] = {key: value for key, value in end._asdict().items() if value is not None}
    if tcp.drops:
        made["drops"] = [_drop(drop) for drop in tcp.drops]
    if tcp.upstream is not None:
        made["upstream"] = {"server": tcp.upstream.server, "seconds": tcp.upstream.seconds}
    culprit = exchange.culprit
    if culprit is None:
        return {"tcp": made}
    return {"tcp": made, "culprit": culprit._asdict()}


def _drop(drop: Drop) -> dict[str, Any]:
    made: dict[str, Any] = {"bytes": drop.bytes, "from": drop.sender, "reason": drop.reason, "place": drop.place}
    made |= {"interface": drop.interface, "again_after": drop.again_after}
    if drop.stack:
        made["stack"] = list(drop.stack)
    return made


def _drop_lines(drop: Drop) -> Iterator[str]:
    again = "no retransmission so far" if drop.again_after is None else f"sent again after {_ms(drop.again_after)} ms"
    reason = "" if drop.reason is None else f"{drop.reason} at "
    interface = "" if drop.interface is None else f", {drop.interface}"
    yield f"drop {drop.bytes} bytes of the {drop.sender}: {reason}{drop.place}{interface}; {again}"
    for function in drop.stack:
        yield f"     {function}"


def _round_trip(end: TcpEnd) -> str:
    if end.rtt is None:
        return ""
    least = "" if end.rtt_min is None else f" (min {_ms(end.rtt_min)})"
    return f"rtt {_ms(end.rtt)} ms{least}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}"
