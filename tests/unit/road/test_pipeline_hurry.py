"""An end that is asked for does not wait for all that is open: what it leaves is counted."""

from __future__ import annotations

from itertools import count

from sockfilter.ledger import PACKET_COUNTERS, Ledger
from sockfilter.model import Exchange, Problem
from sockfilter.road.pipeline import Pipeline
from tests.support.wire import EVERYTHING, Orders, Wire, packed

CONNECTIONS = 10


def ended(told: int) -> tuple[list[Exchange], Ledger]:
    """What is told of ten connections that are open, where time is over after so many."""
    wire = Wire()
    for i in range(CONNECTIONS):
        wire.connection(f"10.0.0.1:{40_000 + i}").client(b"GET / HTTP/1.1\r\nX: ")
    exchanges: list[Exchange] = []
    orders, asked = Orders(), count()
    pipeline = Pipeline(orders, orders, EVERYTHING, lambda first, second: True, exchanges.append)
    for view, offsets in packed(wire.records, 4):
        pipeline.consume(view, offsets)
    pipeline.close(wire.now_ns, lambda: next(asked) > told)
    sent = [0] * len(PACKET_COUNTERS)
    sent[0] = sent[8] = len(wire.records)
    return exchanges, pipeline.ledger(sent, len(wire.records))


def test_what_an_end_has_no_time_for_is_counted() -> None:
    exchanges, ledger = ended(told=4)
    assert [exchange.problems[-1] for exchange in exchanges] == [Problem.CAPTURE_ENDED] * 4
    assert ledger.segments.left_open == CONNECTIONS - 4
    assert any("not told of" in name for name in ledger.losses())
    assert ledger.is_balanced


def test_an_end_that_has_time_tells_of_all() -> None:
    exchanges, ledger = ended(told=100)
    assert len(exchanges) == CONNECTIONS
    assert not ledger.losses()
