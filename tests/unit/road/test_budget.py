"""What is open takes no more memory than it may: the largest connections go first, and are counted."""

from __future__ import annotations

import json

import pytest

from sockfilter.captures.file import read
from sockfilter.errors import InvalidArgument
from sockfilter.ledger import PACKET_COUNTERS, Ledger
from sockfilter.model import Exchange, Problem
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.road.pipeline import Pipeline
from tests.support.wire import EVERYTHING, Orders, Paper, Wire, packed

MEMORY = 1 << 20
HEAD = b"GET /%d HTTP/1.1\r\nX: " + b"y" * 10_000
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def told(wire: Wire) -> tuple[list[Exchange], Ledger]:
    exchanges: list[Exchange] = []
    orders = Orders()
    pipeline = Pipeline(orders, orders, EVERYTHING, lambda first, second: True, exchanges.append, memory=MEMORY)
    for view, offsets in packed(wire.records, 4):
        pipeline.consume(view, offsets)
    pipeline.close(wire.now_ns)
    sent = [0] * len(PACKET_COUNTERS)
    sent[0] = sent[8] = len(wire.records)
    return exchanges, pipeline.ledger(sent, len(wire.records))


def heads(wire: Wire) -> None:
    """Heads that do not end."""
    for i in range(200):
        wire.connection(f"10.0.0.3:{30_000 + i}").client(HEAD % i + b"\r\nA: ")


def requests(wire: Wire) -> None:
    """Requests that nobody answers."""
    talker = wire.connection("10.0.0.3:1025")
    for i in range(200):
        talker.client(HEAD % i + b"\r\n\r\n")


def holes(wire: Wire) -> None:
    """Bytes that wait for those before them."""
    talker = wire.connection("10.0.0.3:1025")
    talker.client(b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n")
    talker.next[0] += 1
    for _ in range(200):
        talker.client(b"z" * 10_000)


def bodies(wire: Wire) -> None:
    """Bodies that are kept and do not end."""
    for i in range(200):
        wire.connection(f"10.0.0.3:{30_000 + i}").client(
            b"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n" + b"z" * 10_000
        )


@pytest.mark.parametrize("flood", [heads, requests, holes, bodies])
def test_a_flood_costs_its_own_connections_and_no_other(flood: object) -> None:
    wire = Wire()
    usual = wire.connection("10.0.0.1:40000")
    usual.client(WHOLE)
    assert callable(flood)
    flood(wire)
    usual.server(OK % 2 + b"ok")
    exchanges, ledger = told(wire)
    shown = [exchange for exchange in exchanges if exchange.client.ip == "10.0.0.1"]
    assert [(exchange.complete, exchange.problems) for exchange in shown] == [(True, ())]
    evicted = [exchange for exchange in exchanges if Problem.EVICTED in exchange.problems]
    assert evicted
    assert 0 < ledger.segments.evicted <= len(evicted)
    assert any("want of memory" in name for name in ledger.losses())
    assert ledger.is_balanced


def test_less_than_a_capture_can_do_with_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="memory=5"):
        read("any", memory=5)


def test_control_characters_are_written_in_base64_where_that_is_shorter() -> None:
    for content, form in ((bytes(9000), "base64"), ("é漢\n".encode() * 3000, "text"), (b"plain " * 3000, "text")):
        wire = Wire()
        talker = wire.connection()
        talker.client(WHOLE)
        talker.server(OK % len(content) + content)
        paper = Paper()
        output = JsonOutput(paper, bodies=True)
        output.write(told(wire)[0][0])
        output.flush()
        assert form in json.loads(paper.data)["response"]["body"]
