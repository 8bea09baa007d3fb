"""Lines that the lane writes are those of the text output; Wire.read_in_every_way() compares the two."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter import set_masking
from sockfilter.masking import names
from tests.support.wire import JSON, NOTHING, TEXT, Orders, Road, Wire, lines_of, taken_lines

if TYPE_CHECKING:
    from tests.support.wire import Talker

PACKAGE = Path(names.__file__).parents[1]
MICROSECOND, MILLISECOND, SECOND = 1_000, 1_000_000, 1_000_000_000
# what a target may have that is masked, escaped, or neither
PARTS = [
    *("/", "/a", "?", "&", "=", "id=3", "token=abc", "TOKEN=", "api-key=1", "apikey=1", "monkey=1", "xauth=2"),
    *("auth=2", "sword=1", "password=1", "pwd=", "signature=1", "X-Amz-Credential=1", "secret", "a@b"),
    *(
        "code=123456",
        "/token/abc12345",
        "eyJhbGciOi.eyJz.x",
        "ghp_1234567890ab",
        "to%6ben=1",
        "a%40b",
        "//u:p@h",
        "//t@h",
    ),
    *("author=1", "/ping/", "%3Ftoken%3D1", "user[password]=1", ":", "bot1:x"),
    *("http://u:p@h/", "http://h/", "%20", "\\", "é", "\x7f", "*", ";sig=1", "#key=2", "~", "long" * 20),
]


def exchange(connection: Talker, target: str = "/", size: int = 5, took_ns: int = 2 * MILLISECOND) -> None:
    connection.client(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    connection.wire.tick(took_ns - MILLISECOND)
    connection.server(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size)


@given(st.lists(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join), min_size=1, max_size=4))
def test_any_target(targets: list[str]) -> None:
    wire = Wire()
    connection = wire.connection()
    for target in targets:
        exchange(connection, target)
    wire.read_in_every_way()


@given(st.integers(0, 131_000))
def test_any_size(size: int) -> None:
    wire = Wire()
    exchange(wire.connection(), size=size)
    wire.read_in_every_way()
    assert taken_lines(wire.records) == 1


SIZES = [0, 9, 999, 1000, 1049, 1050, 1449, 1450, 1550, 99_949, 99_950, 99_999, 100_499, 100_500, 131_000]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_where_they_round(size: int) -> None:
    wire = Wire()
    exchange(wire.connection(), size=size)
    wire.read_in_every_way()
    assert taken_lines(wire.records) == 1


DURATIONS = st.one_of(
    st.integers(1, 2 * MILLISECOND), st.integers(1, 100 * SECOND), st.integers(1, 2000).map(lambda n: n * 500)
)


@given(DURATIONS)
def test_any_duration(took_ns: int) -> None:
    wire = Wire()
    connection = wire.connection()
    for _ in range(3):
        exchange(connection, took_ns=took_ns)
    wire.read_in_every_way()
    assert taken_lines(wire.records) == 3


@given(st.lists(st.sampled_from(["/", "/a?token=b", "/\xe9"]), min_size=2, max_size=9), st.integers(1, 9), st.data())
def test_json_of_connections_that_take_turns(targets: list[str], batch: int, data: st.DataObject) -> None:
    """Some are told on the road, so that ids come from both."""
    wire = Wire()
    connections = [wire.connection(f"10.0.0.1:{40000 + i}") for i in range(3)]
    for target in targets:
        connection = data.draw(st.sampled_from(connections))
        if data.draw(st.booleans()):
            exchange(connection, target)
        else:
            connection.client(b"GET / HTTP/1.1\r\n\r\n")
            connection.server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    roads = (Road(Orders(), JSON.policy, True, has_lane, batch) for has_lane in (True, False))
    written, rendered = (lines_of(wire.records, road, JSON) for road in roads)
    assert written == rendered


@pytest.mark.parametrize(
    ("client", "server"),
    [
        ("[fe80::1]:40000", "[::1]:80"),
        ("[2001:db8:1111:2222:3333:4444:5555:6666]:50000", "[2001:db8:1111:2222:3333:4444:5555:7777]:8080"),
        ("[::ffff:0:1]:40000", "[::]:80"),
        ("255.255.255.255:65535", "0.0.0.0:1"),
        ("10.0.0.1:80", "10.0.0.2:40000"),
    ],
)
def test_any_route(client: str, server: str) -> None:
    wire = Wire()
    connection = wire.connection(client, server)
    for _ in range(3):
        exchange(connection)
    wire.read_in_every_way()
    # a wider column comes with the line that needs it, and that is not written here
    assert taken_lines(wire.records) >= 2 - (len(client) > 30)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns"])
def test_any_time_zone(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        wire = Wire()
        connection = wire.connection()
        for _ in range(3):
            wire.tick(1_700_000_000 * SECOND)
            exchange(connection)
        wire.read_in_every_way()
        assert taken_lines(wire.records) == 3
    finally:
        monkeypatch.undo()
        time.tzset()


def test_secrets_are_shown_where_they_are_asked_for() -> None:
    wire = Wire()
    exchange(wire.connection(), "/?token=abc")
    road = Road(Orders(), NOTHING, True, has_lane=True)
    (line,), _ = lines_of(wire.records, road, TEXT, show_secrets=True)
    assert b"/?token=abc" in line
    assert taken_lines(wire.records, show_secrets=True) == 1
    assert taken_lines(wire.records) == 0


ASCII = st.binary(max_size=40).map(lambda data: bytes(byte & 0x7F for byte in data))
BODIES = st.one_of(ASCII, st.binary(max_size=20), st.text(max_size=10).map(str.encode))


@given(BODIES, BODIES, st.lists(st.integers(1, 30), max_size=3).map(sorted))
def test_any_bodies(asked: bytes, answered: bytes, cuts: list[int]) -> None:
    wire = Wire()
    connection = wire.connection()
    for _ in range(3):
        for send, start, body in (
            (connection.client, b"POST / HTTP/1.1", asked),
            (connection.server, b"HTTP/1.1 200 OK", answered),
        ):
            head = start + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
            send(head + body[: cuts[0] if cuts else None])
            for begin, end in itertools.pairwise([*cuts, len(body)]):
                if body[begin:end]:
                    send(body[begin:end])
    wire.read_in_every_way()


@pytest.mark.parametrize("size", [1, 2048, 2049, 16384, 131071, 131072])
def test_large_bodies(size: int) -> None:
    wire = Wire()
    connection = wire.connection()
    for _ in range(3):
        connection.client(b"GET / HTTP/1.1\r\n\r\n")
        connection.server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for start in range(0, size, 60000):
            connection.server(b"\n" * min(60000, size - start))
    wire.read_in_every_way()
    assert taken_lines(wire.records) == 3 * (size < 131072)


def test_bodies_under_way_have_a_limit() -> None:
    """Beyond it, connections take the road, and lose nothing."""
    wire = Wire()
    size, count = 130_000, 140
    connections = [wire.connection(f"10.0.0.1:{40000 + i}") for i in range(count)]
    for connection in connections:
        connection.client(b"GET / HTTP/1.1\r\n\r\n")
        connection.server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nx" % size)
    for connection in connections:
        connection.server(b"y" * (size - 1))
    exchanges = wire.read_in_every_way()
    assert [len(each.response.body) for each in exchanges] == [size] * count


def test_the_words_are_those_of_python() -> None:
    """A word that only one of the two knew would be masked by one of them alone."""
    table = re.findall(r'TRACE\("([^"]+)"\)', (PACKAGE / "road/express/secret.c").read_text())
    assert sorted(table) == sorted({*names.STEMS, *names.BEGINNINGS})


def test_names_of_ones_own_are_masked_on_both_roads() -> None:
    set_masking(mask=["x-tenant", "plain*"], unmask=["token"])
    try:
        wire = Wire()
        connection = wire.connection()
        for _ in range(3):
            head = b"POST /?plainly=s&token=t HTTP/1.1\r\nX-Tenant: s\r\nContent-Length: 16\r\n\r\n"
            connection.client(head + b'{"x_tenant":"s"}')
            connection.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        wire.read_in_every_way()
        (line,), _ = lines_of(wire.records[:2], Road(Orders(), NOTHING, True, has_lane=True), TEXT)
        assert b"/?plainly=***&token=t" in line
    finally:
        set_masking()
