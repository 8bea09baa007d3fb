"""First bytes that are not a whole head wait, and nothing that is told afterwards differs for it."""

from __future__ import annotations

import pytest

from sockfilter.ledger import PACKET_COUNTERS, Ledger
from sockfilter.model import Exchange, Problem
from sockfilter.road.pipeline import Pipeline
from tests.support.wire import ACK, EVERYTHING, PSH, RST, SYN, Orders, Wire, packed

HEAD = b"GET /half HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
MEMORY = 1 << 20


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("sizes", [(3,), (5,), (20,), (30,), (4, 4, 4, 4), (1,) * 30, (28, 2)])
def test_a_head_in_pieces_is_one(sizes: tuple[int, ...], whole: bool) -> None:
    wire = Wire()
    talker = wire.connection(whole=whole)
    at = 0
    for size in sizes:
        talker.client(HEAD[at : at + size])
        at += size
    talker.client(HEAD[at:])
    talker.server(OK)
    (exchange,) = wire.read()
    assert exchange.complete
    assert exchange.request is not None
    assert exchange.request.raw == HEAD
    assert exchange.request.start_ns == wire.records[0].time_ns
    assert exchange.request.end_ns == wire.records[-2].time_ns


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("what", ["answer", "reset", "fin", "again", "hole", "next life", "long", "cut", "idle"])
def test_what_comes_behind_half_a_head_is_told_as_ever(what: str, whole: bool) -> None:
    """read() compares with a road on which no bytes wait."""
    wire = Wire()
    talker = wire.connection(whole=whole)
    half = talker.client(HEAD[:25])
    if what == "answer":
        talker.server(OK)
    elif what == "reset":
        talker.reset(1)
    elif what == "fin":
        talker.fin(0)
        talker.fin(1)
    elif what == "again":
        talker.client(HEAD[:25], seq=half.seq)
    elif what == "hole":
        talker.next[0] += 5
        talker.client(HEAD[25:])
    elif what == "next life":
        talker.send(0, b"", SYN, seq=half.seq + 500_000)
        talker.client(HEAD)
    elif what == "long":
        talker.client(b"x" * 5000)
    elif what == "cut":
        talker.client(b"x" * 500, kept=100)
    elif what == "idle":
        wire.tick(700 * 10**9)
        wire.connection("10.0.0.9:1").client(HEAD)
    for exchange in wire.read():
        assert exchange.request is not None
        assert exchange.request.target == "/half"


def test_other_ends_of_the_same_flow_find_what_waits() -> None:
    """A new number of the source for a connection whose first bytes wait."""
    wire = Wire()
    talker = wire.connection()
    talker.client(HEAD[:20])
    talker.stream += 200
    talker.client(HEAD[20:])
    talker.server(OK)
    (exchange,) = wire.read()
    assert exchange.complete


@pytest.mark.parametrize("flags", [RST | ACK, PSH | ACK | SYN])
def test_what_is_no_first_segment_does_not_wait(flags: int) -> None:
    wire = Wire()
    talker = wire.connection(whole=False)
    talker.send(0, HEAD[:20], flags)
    wire.read()


def test_what_does_not_look_like_a_request_is_told_as_ever() -> None:
    for data in (b"GETX", b"PRI * HTTP/2.0\r\n", b"\x01\x02 rubbish", b"GET \x00\x01\r\n", b"QUIT now\r\n"):
        wire = Wire()
        wire.connection(whole=False).client(data)
        wire.read()


def flooded(memory: int, connections: int) -> tuple[list[Exchange], Ledger]:
    wire = Wire()
    usual = wire.connection("10.0.0.1:40000")
    usual.client(HEAD)
    for i in range(connections):
        wire.connection(f"10.0.{i >> 8}.{i & 255}:30000").client(HEAD[:25])
    usual.server(OK)
    exchanges: list[Exchange] = []
    orders = Orders()
    pipeline = Pipeline(orders, orders, EVERYTHING, lambda first, second: True, exchanges.append, memory=memory)
    for view, offsets in packed(wire.records, 4):
        pipeline.consume(view, offsets)
    pipeline.close(wire.now_ns)
    sent = [0] * len(PACKET_COUNTERS)
    sent[0] = sent[8] = len(wire.records)
    return exchanges, pipeline.ledger(sent, len(wire.records))


def test_half_heads_that_find_no_room_are_counted_and_not_told() -> None:
    exchanges, ledger = flooded(MEMORY, 1000)
    told = [exchange for exchange in exchanges if exchange.client.ip != "10.0.0.1"]
    assert [x.complete for x in exchanges if x.client.ip == "10.0.0.1"] == [True]
    assert ledger.segments.evicted + len(told) == 1000
    assert 0 < len(told) < 1000
    assert {problem for x in told for problem in x.problems} == {Problem.CAPTURE_ENDED, Problem.NO_RESPONSE}
    assert any("want of memory" in name for name in ledger.losses())
    assert ledger.is_balanced


def test_four_hundred_of_them_fit_into_a_mebibyte() -> None:
    assert flooded(MEMORY, 400)[1].segments.evicted == 0
