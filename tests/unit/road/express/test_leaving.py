"""What makes a connection leave the lane, other than its own segments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.outputs.lines import TextOutput
from sockfilter.road.express.lane import SHORT_STAY
from sockfilter.road.pipeline import Pipeline
from sockfilter.streams.table import IDLE_NS, SWEEP_NS
from tests.support.wire import EVERYTHING, JSON, NOTHING, TEXT, Orders, Paper, Road, Wire, lines_of, packed

if TYPE_CHECKING:
    from sockfilter.ledger import MessageCounts
    from sockfilter.model import Exchange
    from tests.support.wire import Form, Talker

GET = b"GET / HTTP/1.1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"


class Reader:
    """A pipeline that takes what a wire has had since the last time."""

    def __init__(self, policy=EVERYTHING) -> None:
        self.wire = Wire()
        self.exchanges: list[Exchange] = []
        orders = Orders()
        self.pipeline = Pipeline(orders, orders, policy, lambda first, second: True, self.exchanges.append)

    def read(self) -> None:
        for record in self.wire.records:
            self.pipeline.consume(memoryview(record.pack()), [0])
        self.wire.records.clear()

    @property
    def messages(self) -> MessageCounts:
        return self.pipeline.ledger([0] * len(PACKET_COUNTERS), 0).messages


@pytest.fixture
def reader() -> Reader:
    return Reader()


def exchange(connection: Talker, response: bytes = OK) -> None:
    connection.client(GET)
    connection.server(response)


def test_ledger_counts_what_has_begun(reader: Reader) -> None:
    connection = reader.wire.connection()
    exchange(connection)
    connection.client(GET)
    reader.read()
    assert (reader.messages.requests, reader.messages.open, reader.messages.exchanges) == (2, 1, 1)
    connection.server(OK)
    reader.read()
    assert (reader.messages.paired, reader.messages.open) == (4, 0)


@pytest.mark.parametrize("policy", [EVERYTHING, NOTHING], ids=["bodies", "no bodies"])
def test_half_a_response_is_told_at_the_end(policy: object) -> None:
    reader = Reader(policy)
    connection = reader.wire.connection()
    exchange(connection)
    connection.client(GET)
    connection.server(OK[:-2])
    reader.read()
    reader.pipeline.close(reader.wire.now_ns)
    last = reader.exchanges[-1]
    assert last.response.body.wire_len == 3
    assert [str(problem) for problem in last.problems] == ["capture-ended"]


def test_busy_connection_is_not_idle(reader: Reader) -> None:
    connection = reader.wire.connection()
    exchange(connection)
    reader.read()
    for _ in range(3):
        reader.wire.tick(IDLE_NS - SWEEP_NS)
        exchange(connection)
        reader.read()
        reader.pipeline.tick(reader.wire.tick(SWEEP_NS))
    connection.client(GET)
    reader.read()
    reader.pipeline.close(reader.wire.now_ns)
    assert [each.connection.number for each in reader.exchanges] == [1] * 5


def test_idle_connection_ends(reader: Reader) -> None:
    connection = reader.wire.connection()
    exchange(connection)
    connection.client(GET)
    reader.read()
    reader.pipeline.tick(reader.wire.tick(IDLE_NS + SWEEP_NS))
    assert [str(problem) for problem in reader.exchanges[-1].problems] == ["no-response", "idle"]


def test_connection_that_never_fits_is_read_all_the_same(reader: Reader) -> None:
    connection = reader.wire.connection()
    for _ in range(300):
        exchange(connection, CHUNKED)
    for _ in range(300):
        exchange(connection)
    reader.read()
    assert [each.conn_seq for each in reader.exchanges] == list(range(1, 601))
    assert not any(each.problems for each in reader.exchanges)


def test_connection_that_does_not_fit_is_left_alone() -> None:
    """What it costs to enter and to leave is paid twice; one that goes on long enough is tried again."""
    wire, orders = Wire(), Orders()
    lines = TextOutput(Paper())
    pipeline = Pipeline(orders, orders, NOTHING, lambda first, second: True, lambda exchange: None, lines)
    connection = wire.connection()

    def written(*responses: bytes) -> int:
        before = lines.lines_taken
        wire.records.clear()
        for response in responses:
            exchange(connection, response)
        for view, offsets in packed(wire.records, 1):
            pipeline.consume(view, offsets)
        return lines.lines_taken - before

    assert written(*[OK] * SHORT_STAY, CHUNKED, *[OK] * 9) == SHORT_STAY + 9
    assert written(CHUNKED, OK, CHUNKED, *[OK] * 9) == 1 + 9
    assert written(CHUNKED, OK, CHUNKED, OK, CHUNKED, *[OK] * 9) == 2


def test_slots_are_used_again(reader: Reader) -> None:
    for port in range(40000, 40300):
        connection = reader.wire.connection(f"10.0.0.1:{port}")
        for _ in range(3):
            exchange(connection)
        connection.close()
        reader.read()
    assert len(reader.exchanges) == 900


@pytest.mark.parametrize("form", [TEXT, JSON], ids=["text", "JSON"])
def test_what_comes_again_under_another_number_is_told_once(form: Form) -> None:
    """The kernel's table forgot the connection: its request is repeated, and answered, under a new number."""
    wire = Wire()
    connection = wire.connection()
    connection.client(GET)
    connection.server(OK)
    request, response = wire.records
    records = [request, *(replace(record, stream=90 | record.stream & 1) for record in (request, response))]
    lines, _ = lines_of(records, Road(Orders(), form.policy, True, has_lane=True, batch=3), form)
    assert len(lines) == 1
    wire.read_in_every_way(records)
