"""Lines of HTTP/2 that are written in C are those of the outputs; Wire.read_in_every_way() compares the two."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter import set_masking
from tests.support.http2 import PREFACE, Fields, Peer, answers, asks, conversation, data, settings
from tests.support.wire import JSON, NOTHING, TEXT, Orders, Road, Wire, _on_paper, lines_of
from tests.unit.road.express.test_lines import DURATIONS, PARTS, SIZES

if TYPE_CHECKING:
    from tests.support.wire import Form, Talker

HEADERS = [
    *((b"accept", b"*/*"), (b"user-agent", b"Mozilla/5.0 (X11; Linux)"), (b"etag", b'W/"a\\b"'), (b"x-empty", b"")),
    *(
        (b"cookie", b"a=1"),
        (b"authorization", b"Bearer abc"),
        (b"x-api-key", b"k" * 20),
        (b"referer", b"http://h/?token=1"),
    ),
    *((b"x-raw", b"\xff\x00"), (b"x-text", "é".encode()), (b"grpc-message", b"token=1"), (b"bad name", b"1")),
    *((b"x-json", b'{"password":"x"}'), (b"x-jwt", b"eyJhbGciOi.eyJz.x"), (b"X-Case", b"Y"), (b"x-tab", b"a\tb")),
]


class Ends:
    """A connection of HTTP/2 on a wire."""

    def __init__(self, wire: Wire) -> None:
        self.connection: Talker = wire.connection()
        self.client, self.server = Peer(), Peer()
        self.connection.client(PREFACE + settings())
        self.connection.server(settings())
        self.stream = -1

    def exchange(
        self,
        asked: Fields,
        answered: Fields,
        size: int = 5,
        took_ns: int = 1000,
        sent_ns: int = 0,
        received_ns: int = 0,
    ) -> None:
        self.stream += 2
        wire = self.connection.wire
        self.connection.client(self.client.headers(self.stream, asked, last=not sent_ns))
        if sent_ns:
            wire.tick(sent_ns)
            self.connection.client(data(self.stream, b"sent"))
        wire.tick(took_ns)
        content = data(self.stream, b"x" * size) if size else b""
        head = self.server.headers(self.stream, answered, last=not size)
        if received_ns and size:
            self.connection.server(head)
            wire.tick(received_ns)
            self.connection.server(content)
        else:
            self.connection.server(head + content)


def written(wire: Wire, form: Form, show_secrets: bool = False) -> int:
    """How many lines are written in C."""
    road = Road(Orders(), form.policy, True, has_lane=True, batch=3)
    return _on_paper(wire.records, road, form, show_secrets)[1].lines_taken


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=5).map("".join), min_size=1, max_size=4))
def test_any_target(targets: list[str]):
    wire = Wire()
    ends = Ends(wire)
    for target in ["/", *targets]:
        ends.exchange(asks(target.encode()), answers())
    wire.read_in_every_way()


@given(st.lists(st.sampled_from(HEADERS), max_size=6), st.lists(st.sampled_from(HEADERS), max_size=6), st.booleans())
def test_any_fields(asked: Fields, answered: Fields, show_secrets: bool):
    wire = Wire()
    ends = Ends(wire)
    for _ in range(3):
        ends.exchange(asks(b"/a", b"GET", *asked), answers(b"200", *answered))
    wire.read_in_every_way()
    roads = [Road(Orders(), NOTHING, True, has_lane) for has_lane in (True, False)]
    found, right = (lines_of(wire.records, road, JSON, show_secrets) for road in roads)
    assert found == right


@given(DURATIONS, DURATIONS, DURATIONS)
def test_any_times(sent_ns: int, took_ns: int, received_ns: int):
    wire = Wire()
    ends = Ends(wire)
    for _ in range(3):
        ends.exchange(asks(), answers(), 5, took_ns, sent_ns, received_ns)
    wire.read_in_every_way()


SHORT = [0, 1, 9, 10, 100, 999, 1000, 1234, 10_000, 99_999, 100_000, 100_001, 999_999_999, 10**9, 10**9 + 1, 12 * 10**9]


@pytest.mark.parametrize("took_ns", [*SHORT, 10**14 + 1, 9_007_199_254_740_993])
def test_durations_as_python_writes_them(took_ns: int):
    wire = Wire()
    ends = Ends(wire)
    for _ in range(3):
        ends.exchange(asks(), answers(), 5, took_ns)
    wire.read_in_every_way()


@pytest.mark.parametrize("size", SIZES)
def test_sizes_where_they_round(size: int):
    wire = Wire()
    ends = Ends(wire)
    for _ in range(3):
        ends.exchange(asks(), answers(), min(size, 16384))
    wire.read_in_every_way()
    assert written(wire, TEXT) == 3
    assert written(wire, JSON) == 2  # Python writes how long the connection took


@given(st.integers(0, 1 << 32))
def test_whatever_ends_say(seed: int):
    wire = Wire()
    connections = [wire.connection(), wire.connection()]
    ordered = [conversation(Random(seed + number), 5)[0] for number in range(2)]
    random = Random(seed)
    while any(ordered):
        place = random.randrange(2)
        if ordered[place]:
            end, words = ordered[place].pop(0)
            (connections[place].server if end else connections[place].client)(words)
            wire.tick(random.randrange(2000))
    wire.read_in_every_way()


@pytest.mark.parametrize("names", [{"mask": ["id"]}, {"unmask": ["token"]}])
def test_names_of_the_user(names: dict[str, list[str]]):
    wire = Wire()
    ends = Ends(wire)
    for target in (b"/", b"/?id=3", b"/?token=x", b"/?id=4"):
        ends.exchange(asks(target, b"GET", (b"id", b"5")), answers())
    set_masking(**names)
    try:
        wire.read_in_every_way()
        assert not written(wire, JSON)
    finally:
        set_masking()
