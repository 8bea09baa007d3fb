"""The lane says what the road says: Wire.read() compares the two on everything that comes here."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.wire import ACK, FIN, PSH, RST, SYN, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.wire import Talker

GET = b"GET / HTTP/1.1\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"

METHODS = [b"GET", b"POST", b"HEAD", b"CONNECT", b"PRI", b"OPTIONS", b"VERSION-CONTROL", b"FROB", b"get", b"G", b"GE-T"]
TARGETS = [b"/", b"/a b", b"", b"*", b"/\xc3\xa9\xff", b"/\x01", b"/\x0b", b"/\x7f", b"http://h/"]
VERSIONS = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.", b"", b"HTTP/1.1 "]
STATUSES = [b"200", b"404", b"204", b"304", b"100", b"101", b"103", b"600", b"99", b"2000", b"20x", b"200\t"]
REASONS = [b" OK", b"", b" ", b" Not Found \xff", b"OK"]
FIELDS = [
    b"Host: a",
    b"Content-Length: 0",
    b"content-length: 5",
    b"CONTENT-LENGTH:\t5 ",
    b"Content-Length: 5, 5",
    b"Content-Length: +5",
    b"Content-Length: 1234567890123456",
    b"Content-Length : 5",
    b"Content-Length",
    b"Content-Lengthy: 7",
    b"Content-Encoding: gzip",
    b"Content-Encoding: identity",
    b"Content-Encoding:",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding : chunked",
    b"Content-Type: text/plain",
    b"Cookie: \x00\r\x1b",
    b" folded",
    b"\tfolded",
    b"X-Long: " + b"x" * 2100,
    b"no colon",
    b": no name",
    b"",
]
ENDS = [b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\r\n"]
BODIES = [
    b"",
    b"",
    b"hello",
    b"hello",
    b"hell",
    b"hello!",
    gzip.compress(b"hello"),
    b"5\r\nhello\r\n0\r\n\r\n",
    b"\r\n",
]

lines = st.tuples(st.sampled_from(FIELDS), st.sampled_from(ENDS)).map(b"".join)
heads_end = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b""])


def starts(*parts: list[bytes]) -> st.SearchStrategy[bytes]:
    """The usual value comes first in each list, and most often."""
    return st.tuples(*(st.one_of(st.just(part[0]), st.sampled_from(part)) for part in parts)).map(b" ".join)


def messages(start: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    ends = st.one_of(st.just(b"\r\n"), st.sampled_from(ENDS))
    fields = st.lists(lines, max_size=3).map(b"".join)
    return st.tuples(start, ends, fields, heads_end, st.sampled_from(BODIES)).map(b"".join)


requests = messages(starts(METHODS, TARGETS, VERSIONS))
responses = messages(st.tuples(starts(VERSIONS, STATUSES), st.sampled_from(REASONS)).map(b"".join))
# where a message is cut into segments
cuts = st.lists(st.integers(1, 80), max_size=2, unique=True).map(sorted)


def say(send: Callable[..., object], data: bytes, cut: list[int]) -> None:
    for start, stop in zip([0, *cut], [*cut, len(data)], strict=True):
        if data[start:stop]:
            send(data[start:stop])


def usual(connection: Talker, number: int = 1) -> None:
    """Exchanges after which the connection is in the lane."""
    for _ in range(number):
        connection.client(GET)
        connection.server(NO_CONTENT)


# exchanges before: none, so that the connection enters with its first request, or one
before = st.integers(0, 1)


@given(before, st.lists(st.tuples(requests, cuts, responses, cuts), min_size=1, max_size=4))
def test_any_messages(exchanges: int, turns: list[tuple[bytes, list[int], bytes, list[int]]]) -> None:
    wire = Wire()
    connection = wire.connection()
    usual(connection, exchanges)
    for request, request_cuts, response, response_cuts in turns:
        say(connection.client, request, request_cuts)
        say(connection.server, response, response_cuts)
    connection.close()
    wire.read_in_every_way()
    assert wire.ledger is not None
    assert wire.ledger.is_balanced


PLAIN = [
    (GET, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", NO_CONTENT),
    (
        b"PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200000,
    ),
    (GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    (b"HEAD / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    (GET, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
]


@given(before, st.lists(st.tuples(st.sampled_from(PLAIN), cuts, cuts), min_size=1, max_size=5), st.data())
def test_any_accident(
    exchanges: int, turns: list[tuple[tuple[bytes, bytes], list[int], list[int]]], data: st.DataObject
) -> None:
    wire = Wire()
    connection = wire.connection()
    usual(connection, exchanges)
    for (request, response), request_cuts, response_cuts in turns:
        say(connection.client, request, request_cuts)
        say(connection.server, response, response_cuts)
    data.draw(st.sampled_from(ENDINGS))(connection)
    records = wire.records
    for accident in data.draw(st.lists(st.sampled_from(ACCIDENTS), max_size=3)):
        accident(records, data.draw(st.integers(0, len(records) - 1)))
    wire.read_in_every_way(records)
    assert wire.ledger is not None
    assert wire.ledger.is_balanced


ENDINGS: list[Callable[[Talker], object]] = [
    lambda connection: None,
    lambda connection: connection.close(),
    lambda connection: (connection.fin(1), connection.fin(0)),
    lambda connection: connection.fin(1),
    lambda connection: (connection.fin(1), connection.client(GET)),
    lambda connection: (connection.close(), connection.fin(0), connection.reset(1)),
    lambda connection: (connection.close(), connection.client(GET)),
    lambda connection: (connection.fin(1), connection.reset(0)),
    lambda connection: connection.reset(0),
]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(ENDINGS), st.sampled_from([0, 2, 1000])), max_size=4))
def test_one_life_after_the_other(lives: list[tuple[int, Callable[[Talker], object], int]]) -> None:
    """The same ports again; the numbers of streams, or of sequences, may be those of the life before."""
    wire = Wire()
    for exchanges, end, more in lives:
        connection = wire.connection(isn=(1000 + more, 5000))
        usual(connection, exchanges)
        end(connection)
    wire.read_in_every_way()
    assert wire.ledger is not None
    assert wire.ledger.is_balanced


@given(st.permutations([0, 0, 0, 1, 1, 1, 2, 2, 2]))
def test_connections_take_turns(turns: list[int]) -> None:
    wire = Wire()
    connections = [wire.connection(f"10.0.0.1:{40000 + i}") for i in range(3)]
    steps = [iter((c.client, c.server, c.fin)) for c in connections]
    for turn in turns:
        step = next(steps[turn])
        if step == connections[turn].client:
            step(GET)
        elif step == connections[turn].server:
            step(NO_CONTENT)
        else:
            connections[turn].close()
    assert len(wire.read_in_every_way()) == 3


def lose(records: list, at: int) -> None:
    if len(records) > 1:
        del records[at]


def repeat(records: list, at: int) -> None:
    records.insert(at, records[at])


def swap(records: list, at: int) -> None:
    records[at - 1], records[at] = records[at], records[at - 1]


def renumber(records: list, at: int) -> None:
    """The kernel's table has forgotten the connection, and found it again."""
    records[at:] = [replace(record, stream=90 | record.stream & 1) for record in records[at:]]


def change(**changes: object) -> Callable[[list, int], None]:
    def apply(records: list, at: int) -> None:
        records[at] = replace(records[at], **changes)

    return apply


ACCIDENTS = [
    *(lose, repeat, swap),
    *(change(flags=flags) for flags in (FIN | ACK, RST, RST | ACK, SYN, SYN | ACK, PSH | ACK)),
    *(change(kept=kept) for kept in (0, 3)),
    *(change(ack=ack) for ack in (0, 1000, 0xFFFFFFFF)),
    change(seq=0),
    change(data=b""),
    renumber,
]


@pytest.mark.parametrize("isn", [(0xFFFFFFFF, 0xFFFFFFF0), (0xFFFFFFC0, 5), (5, 0xFFFFFFC0)])
def test_sequence_numbers_wrap(isn: tuple[int, int]) -> None:
    wire = Wire()
    usual(wire.connection(isn=isn), 10)
    assert [exchange.conn_seq for exchange in wire.read_in_every_way()] == list(range(1, 11))


def test_many_connections_at_once() -> None:
    wire = Wire()
    connections = [wire.connection(f"10.0.0.1:{40000 + i}") for i in range(50)]
    for _ in range(4):
        for connection in connections:
            connection.client(GET)
        for connection in connections:
            connection.server(NO_CONTENT)
    assert len(wire.read_in_every_way()) == 200


def test_both_ends_have_one_port() -> None:
    wire = Wire()
    usual(wire.connection("10.0.0.2:80", "10.0.0.1:80"), 3)
    assert {exchange.connection.route for exchange in wire.read_in_every_way()} == {"10.0.0.2:80 > 10.0.0.1:80"}


def test_each_byte_of_an_exchange_alone() -> None:
    wire = Wire()
    connection = wire.connection()
    usual(connection)
    for request, response in PLAIN[:2]:
        for i in range(len(request)):
            connection.client(request[i : i + 1])
        for i in range(len(response)):
            connection.server(response[i : i + 1])
    assert len(wire.read_in_every_way()) == 3


def places(message: bytes) -> list[int]:
    """Where to cut: at each byte near the ends of head and body, and here and there in between."""
    head = message.index(b"\r\n\r\n") + 4
    near = {edge + by for edge in (0, head, len(message)) for by in range(-4, 5)}
    return [at for at in range(len(message)) if at in near or at % 7 == 0]


@pytest.mark.parametrize(("request_", "response"), PLAIN[:2], ids=["GET", "POST"])
def test_cut_anywhere(request_: bytes, response: bytes) -> None:
    for asked in places(request_):
        for answered in places(response):
            wire = Wire()
            connection = wire.connection()
            usual(connection)
            say(connection.client, request_, [asked])
            say(connection.server, response, [answered])
            assert len(wire.read()) == 2
