"""Metrics of exchanges: what a scrape finds is what passed, whichever way it was counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.errors import InvalidArgument
from sockfilter.ledger import PACKET_COUNTERS
from sockfilter.metrics.capture_metrics import CaptureMetrics
from sockfilter.metrics.member import MetricsMember
from sockfilter.metrics.registry import LABEL_MAX
from sockfilter.model import NO_BODY, Connection, Endpoint, Exchange
from sockfilter.model.policy import BodyPolicy
from sockfilter.outputs.fan import Fan, Member, Wants
from sockfilter.outputs.lines import TextOutput
from sockfilter.road.pipeline import Pipeline
from tests.support.exchanges import exchange
from tests.support.stream_messages import websocket
from tests.support.wire import Orders, Paper, Record, Wire, packed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model.lines import Lines

HEADS_ONLY = BodyPolicy(0, decodes=False)
SERVED = "http_server_request_duration_seconds"


class OnPaper(Member):
    """Lines, as standard output has them."""

    def __init__(self) -> None:
        self.paper = Paper()
        self.output = TextOutput(self.paper)

    @property
    def lines(self) -> Lines | None:
        return self.output.lines

    def write(self, exchange: Exchange) -> None:
        self.output.write(exchange)


def series(metrics: CaptureMetrics, name: str) -> Iterator[tuple[dict[str, str], Any]]:
    for family in metrics.snapshot():
        if family["name"] == name:
            for labels, value, counts in family["series"]:
                yield dict(labels), list(counts) or value


def read(records: list[Record], way: str, batch: int, metrics: CaptureMetrics) -> tuple[bytes, int]:
    """Counts records in a way: with the lane's counts, with lines beside them, or exchange by exchange."""
    member, beside = MetricsMember(metrics, can_tally=way != "exchanges"), OnPaper()
    fan = Fan(Wants.EXCHANGES, lambda: [member, beside] if way == "lines" else [member])
    pipeline = Pipeline(
        Orders(), Orders(), HEADS_ONLY, lambda a, b: True, fan.write, fan.lines, has_lane=way != "road",
        tallies=fan.tallies,
    )  # fmt: skip
    for view, offsets in packed(records, batch):
        pipeline.consume(view, offsets)
    pipeline.close(max(record.time_ns for record in records))
    member.drain()
    beside.output.flush()
    return beside.paper.data, pipeline.ledger([0] * len(PACKET_COUNTERS), 0).messages.exchanges


TARGETS = ["/", "/items/1", "/items/2", "/a b", "/x?token=1", "/" + "long" * 90, "/grpc", "*"]
TALK = st.lists(
    st.tuples(
        st.integers(0, 3),  # the connection
        st.sampled_from(["GET", "POST", "PUT", "BREW"]),
        st.sampled_from(TARGETS),
        st.sampled_from([200, 204, 404, 500, 599]),
        st.integers(0, 20_000_000),
        st.booleans(),  # chunked
    ),
    min_size=1,
    max_size=12,
)


@given(TALK, st.sampled_from([1, 3, 64]))
def test_the_lane_counts_as_the_road_does(talk: list[tuple[int, str, str, int, int, bool]], batch: int) -> None:
    wire = Wire()
    connections = [wire.connection(f"10.0.0.1:{40000 + n}", f"127.0.0.1:{8000 + n % 2}") for n in range(4)]
    for number, method, target, status, took_ns, is_chunked in talk:
        connections[number].client(f"{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc".encode())
        wire.tick(took_ns)
        how = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 4"
        body = b"" if status == 204 else b"4\r\nbody\r\n0\r\n\r\n" if is_chunked else b"body"
        connections[number].server(f"HTTP/1.1 {status} So\r\n{how}\r\n\r\n".encode() + body)
    found = {}
    for way in ("road", "exchanges", "tally", "lines"):
        metrics = CaptureMetrics(addresses=["10.0.0.1"])
        written, exchanges = read(wire.records, way, batch, metrics)
        assert len(written.splitlines()) == (exchanges if way == "lines" else 0)
        found[way] = (exchanges, told(metrics))
    assert found["road"][0] >= len(talk)
    assert found["tally"] == found["lines"] == found["exchanges"] == found["road"]


def told(metrics: CaptureMetrics) -> list[Any]:
    """All counts; sums of seconds are rounded, because the order of adding differs."""
    return [
        [family["name"], [[labels, round(value, 6), list(counts)] for labels, value, counts in family["series"]]]
        for family in json.loads(json.dumps(metrics.snapshot()))
        if not family["name"].startswith("sockfilter_series")
    ]


def test_more_start_lines_and_routes_than_there_is_room_for_lose_nothing() -> None:
    wire, asked = Wire(), 9000
    connection = wire.connection()
    for number in range(asked):
        connection.client(f"GET /w{'abcdefghij'[number % 10]}x{number}y HTTP/1.1\r\n\r\n".encode())
        connection.server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    metrics = CaptureMetrics()
    read(wire.records, "tally", 512, metrics)
    found = list(series(metrics, SERVED))
    assert sum(sum(counts) for _, counts in found) == asked
    assert {"other": "true"} in [labels for labels, _ in found]
    assert sum(len(family["series"]) for family in metrics.snapshot()) < 1000 + 20
    assert metrics.has_overflowed


def local(client: str, server: str) -> Connection:
    return Connection(1, "lo", (Endpoint(client, 40000), Endpoint(server, 80)), 0)


@pytest.mark.parametrize(
    ("client", "server", "sides"),
    [
        ("10.0.0.1", "10.0.0.2", {"client"}),
        ("10.0.0.9", "10.0.0.1", {"server"}),
        ("127.0.0.1", "127.0.0.1", {"server", "client"}),
        # neither end is here: another machine's traffic, which its server would count
        ("10.0.0.8", "10.0.0.9", {"server"}),
    ],
)
def test_an_exchange_counts_for_each_end_that_is_on_this_machine(client: str, server: str, sides: set[str]) -> None:
    metrics = CaptureMetrics(addresses=["10.0.0.1", "fd00::1"])
    made = exchange(b"GET /a/1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n")
    made.connection = local(client, server)
    metrics.add(made)
    found = {side for side in ("server", "client") if list(series(metrics, f"http_{side}_request_duration_seconds"))}
    assert found == sides
    for side in found:
        ((labels, _),) = series(metrics, f"http_{side}_request_duration_seconds")
        # a client's own fault is no error of the server
        assert labels["error_type"] == ("404" if side == "client" else "")
        assert labels["http_route" if side == "server" else "url_template"] == "/a/{id}"


def test_what_a_peer_makes_up_makes_few_series_of_bounded_size() -> None:
    metrics = CaptureMetrics(more=["host"], limit=30)
    for number in range(200):
        metrics.add(exchange(f"M{number} /{number}{'x' * 2000} HTTP/1.1\r\nHost: h{number}\x1b[0m\r\n\r\n".encode()))
    found = list(series(metrics, SERVED))
    assert len(found) <= 31
    assert sum(sum(counts) for _, counts in found) == 200
    for labels, _ in found:
        assert max(map(len, labels.values())) <= LABEL_MAX
        assert labels.get("http_request_method", "_OTHER") == "_OTHER"


def test_exchanges_without_a_response_and_messages() -> None:
    metrics = CaptureMetrics()
    metrics.add(exchange(response=None))
    metrics.add_message(websocket(b"hello"))
    assert [value for _, value in series(metrics, "sockfilter_message_bytes_total")] == [5]
    ((labels, value),) = series(metrics, "sockfilter_messages_total")
    assert (labels["protocol"], labels["sender"], value) == ("websocket", "server", 1)
    # a duration that is not known is not made up
    assert [sum(counts) for _, counts in series(metrics, SERVED)] == [0]
    assert [sum(counts) for _, counts in series(metrics, "http_server_request_body_size_bytes")] == [1]


def test_a_call_of_grpc_has_its_method_and_its_status() -> None:
    metrics = CaptureMetrics()
    asked = b"POST /shop.v1.Cart/Get HTTP/1.1\r\nContent-Type: application/grpc\r\n\r\n"
    answered = b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nGrpc-Status: 5\r\n\r\n"
    metrics.add(exchange(asked, answered, NO_BODY))
    ((labels, _),) = series(metrics, "rpc_server_call_duration_seconds")
    assert labels == {
        "rpc_system_name": "grpc",
        "rpc_method": "shop.v1.Cart/Get",
        "rpc_response_status_code": "NOT_FOUND",
        "server_port": labels["server_port"],
    }


def test_a_template_of_a_route_is_checked() -> None:
    with pytest.raises(InvalidArgument):
        CaptureMetrics(routes=["no slash"])


@pytest.mark.parametrize("way", ["tally", "lines"])
def test_no_ordinary_exchange_is_made_to_be_counted(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    connection = wire.connection()
    for _ in range(20):
        connection.client(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        connection.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    made: list[Exchange] = []
    monkeypatch.setattr(MetricsMember, "write", lambda self, exchange: made.append(exchange))
    metrics = CaptureMetrics()
    assert read(wire.records, way, 64, metrics)[1] == 20
    # lines whose columns are wider than before are written in Python, and those are few
    assert len(made) <= 2
    assert sum(sum(counts) for _, counts in series(metrics, SERVED)) == 20 - len(made)
