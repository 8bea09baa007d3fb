"""The phases of an exchange, for bars, and its place among others, for a waterfall."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.moment import elapsed_ns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model import Exchange


class PhaseName(NamedTuple):
    """A phase that exchanges have.

    Attributes:
        name: its name, as in Exchange.timing and in filters.
        words: what it is.
    """

    name: str
    words: str


PHASES = (
    PhaseName("connect", "the TCP handshake, from SYN to SYN-ACK"),
    PhaseName("send", "the request, from its first byte to its last"),
    PhaseName("wait", "the server, from the last byte of the request to the first of the response"),
    PhaseName("receive", "the response, from its first byte to its last"),
)


class Phase(NamedTuple):
    """A phase of an exchange.

    Attributes:
        name: its name, one of PHASES.
        start_ns: nanoseconds from the beginning of the exchange's bar, which may be before its first byte.
        length_ns: nanoseconds.
    """

    name: str
    start_ns: int
    length_ns: int


class TimeSpan(NamedTuple):
    """The place of an exchange in time.

    Attributes:
        start_ns: nanoseconds since 1970.
        length_ns: nanoseconds. None: not known.
    """

    start_ns: int
    length_ns: int | None


def _began_ns(exchange: Exchange) -> int:
    """When the bar begins, in the source's clock: with the connection, for its first exchange."""
    connection = exchange.connection
    syn_ns = connection.syn_ns
    if exchange.conn_seq != 1 or connection.connect_ns is None or syn_ns is None:
        return exchange.began_ns
    return exchange.began_ns if elapsed_ns(syn_ns, exchange.began_ns) is None else syn_ns


def phases(exchange: Exchange) -> tuple[Phase, ...]:
    """Returns the phases that are known, in order. What lies between two phases is time in which nothing passed."""
    connection, request, response = exchange.connection, exchange.request, exchange.response
    began_ns = _began_ns(exchange)
    timing = exchange.timing
    starts = {
        "connect": connection.syn_ns,
        "send": None if request is None else request.start_ns,
        "wait": None if request is None else request.end_ns,
        "receive": None if response is None else response.start_ns,
    }
    if connection.clocks_differ and request is not None:
        del starts["receive"]  # its place is not known
    made = []
    for name, start_ns in starts.items():
        seconds = getattr(timing, name)
        offset_ns = elapsed_ns(began_ns, start_ns)
        if seconds is not None and offset_ns is not None:
            made.append(Phase(name, offset_ns, round(seconds * 1e9)))
    return tuple(made)


def span(exchange: Exchange) -> TimeSpan | None:
    """Returns the place of an exchange in time. None: its packets have no time."""
    start_ns = exchange.start_ns
    if start_ns is None:
        return None
    began_ns = _began_ns(exchange)
    before_ns = elapsed_ns(began_ns, exchange.began_ns) or 0
    ends = [half.end_ns for half in (exchange.request, exchange.response) if half is not None]
    lengths = [elapsed_ns(began_ns, end_ns) for end_ns in ends]
    if exchange.connection.clocks_differ:
        del lengths[1:]
    known = [length for length in lengths if length is not None]
    return TimeSpan(start_ns - before_ns, max(known) if known else None)


def window(spans: Iterable[TimeSpan | None]) -> TimeSpan | None:
    """Returns the time that some exchanges take together. None: no place of them is known."""
    known = [each for each in spans if each is not None]
    if not known:
        return None
    start_ns = min(each.start_ns for each in known)
    return TimeSpan(start_ns, max(each.start_ns + (each.length_ns or 0) for each in known) - start_ns)
