"""Segments that were dropped or sent again join the exchange whose bytes they have, whichever comes first."""

from __future__ import annotations

import pytest

from sockfilter.model import Endpoint, Exchange
from sockfilter.model.connection import Connection
from sockfilter.model.tcp import Drop
from sockfilter.observers.tcp.ranges import ExchangeSpan, SequenceRange
from sockfilter.observers.tcp.segments import ALL_WAITING_MAX, WAITING_MAX, LossSegment, Segments
from sockfilter.observers.tcp.upstream import Period, Upstreams

CLIENT, SERVER = ("10.0.0.1", 50000), ("10.0.0.2", 80)
KEY = CLIENT, SERVER


def exchange() -> Exchange:
    return Exchange(Connection(1, "lo", (Endpoint(*CLIENT), Endpoint(*SERVER)), 0), 1, None, None)


def span(asked: int, answered: int) -> ExchangeSpan:
    return ExchangeSpan((SequenceRange(asked, asked + 100), SequenceRange(answered, answered + 1000)), 0, 100)


def retransmission(
    sender: tuple[str, int], seq: int, size: int, time_ns: int = 50, timeout: bool = False
) -> LossSegment:
    return LossSegment(KEY, sender, seq, seq + size & 0xFFFFFFFF, time_ns, 1, timeout)


def drop(sender: tuple[str, int], seq: int, size: int, time_ns: int = 10) -> LossSegment:
    return LossSegment(KEY, sender, seq, seq + size, time_ns, drop=Drop(0, "", "X", "place", time_ns=time_ns, seq=seq))


@pytest.mark.parametrize("is_late", [False, True])
def test_a_drop_and_its_retransmission(is_late: bool) -> None:
    segments, one = Segments(), exchange()
    if is_late:
        segments.end(KEY, one, span(0, 5000))
    segments.take(drop(SERVER, 5100, 200))
    segments.take(retransmission(SERVER, 5100, 200, timeout=True))
    if not is_late:
        segments.end(KEY, one, span(0, 5000))
    assert one.tcp is not None
    (dropped,) = one.tcp.drops
    assert (dropped.bytes, dropped.sender) == (200, "server")
    assert dropped.again_after == pytest.approx(40e-9)
    assert one.tcp.server is not None
    assert (one.tcp.server.retransmitted, one.tcp.server.retransmitted_bytes, one.tcp.server.timeouts) == (1, 200, 1)
    assert one.tcp.client is None
    assert dict(segments.counts) == {
        **{"drops": 1, "drops_on_exchanges": 1},
        **{"retransmissions": 1, "retransmissions_on_exchanges": 1},
    }


def test_what_is_dropped_twice_was_sent_again() -> None:
    segments, one = Segments(), exchange()
    for time_ns in (10, 30):
        segments.take(drop(SERVER, 5100, 200, time_ns))
    segments.take(drop(SERVER, 5300, 200, 40))
    segments.end(KEY, one, span(0, 5000))
    assert one.tcp is not None
    assert [each.again_after for each in one.tcp.drops] == [pytest.approx(20e-9), None, None]


def test_bytes_of_the_next_exchange_wait_for_it() -> None:
    segments, first, second = Segments(), exchange(), exchange()
    segments.take(retransmission(SERVER, 6100, 100))
    segments.end(KEY, first, span(0, 5000))
    segments.end(KEY, second, span(100, 6000))
    assert first.tcp is None
    assert second.tcp is not None
    assert second.tcp.retransmitted_bytes == 100


def test_only_the_bytes_of_the_exchange_count() -> None:
    segments, one = Segments(), exchange()
    segments.take(retransmission(CLIENT, 50, 100))
    segments.end(KEY, one, span(0, 5000))
    assert one.tcp is not None
    assert one.tcp.client is not None
    assert one.tcp.client.retransmitted_bytes == 50


def test_numbers_that_wrap() -> None:
    segments, one = Segments(), exchange()
    start = 0xFFFFFFF0
    segments.take(retransmission(SERVER, 0xFFFFFFF8, 16))
    segments.end(KEY, one, ExchangeSpan((None, SequenceRange(start, start + 100 & 0xFFFFFFFF)), 0, 100))
    assert one.tcp is not None
    assert one.tcp.retransmitted_bytes == 16


def test_without_numbers_times_decide() -> None:
    segments, one = Segments(), exchange()
    segments.take(retransmission(SERVER, 1, 10, time_ns=5))
    segments.take(retransmission(SERVER, 1, 10, time_ns=500))
    segments.end(KEY, one, ExchangeSpan(None, 0, 100))
    assert one.tcp is not None
    assert one.tcp.retransmitted == 1


def test_segments_without_exchanges_are_bounded() -> None:
    segments = Segments()
    for number in range(WAITING_MAX + 10):
        segments.take(retransmission(SERVER, number, 1))
    assert len(segments._waiting[KEY]) == WAITING_MAX
    for number in range(ALL_WAITING_MAX + 10):
        key = (CLIENT, ("10.0.0.3", number))
        segments.take(retransmission(SERVER, number, 1)._replace(key=key))
    assert sum(map(len, segments._waiting.values())) == segments._waiting_count <= ALL_WAITING_MAX


def test_upstream_exchanges_must_lie_within_the_thinking() -> None:
    upstreams = Upstreams()
    upstreams.asked(7, Period(100, 200, "a"))
    upstreams.asked(7, Period(210, 280, "b"))
    upstreams.asked(7, Period(290, 900, "c"))
    upstreams.asked(8, Period(100, 300, "d"))
    found = upstreams.during(7, 90, 300)
    assert found is not None
    assert (found.server, found.is_ambiguous) == ("a", False)
    assert found.seconds == pytest.approx(170e-9)
    assert upstreams.during(9, 0, 1000) is None
    upstreams.served(7, Period(0, 150, "me"))
    again = upstreams.during(7, 90, 300)
    assert again is not None
    assert again.is_ambiguous
