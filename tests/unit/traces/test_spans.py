"""What a span says of an exchange."""

from __future__ import annotations

from typing import Any

import pytest

from sockfilter.model import Connection, Endpoint, Exchange, Headers, Problem, Process
from sockfilter.model.exchange import StreamReset
from sockfilter.statistics.routes import router
from sockfilter.traces.ends import BOTH, CLIENT_ONLY, SERVER_ONLY, SpanKind, kinds_of
from sockfilter.traces.resources import Resources
from sockfilter.traces.spans import SpanMaker, trace_of
from tests.support.collector import attributes
from tests.support.exchanges import exchange
from tests.support.skips import need_package

need_package("opentelemetry.proto.trace.v1.trace_pb2")
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
OFFSET_NS = 1_700_000_000_000_000_001
ASKED = (
    b"GET /users/17/cart?token=hush&x=1 HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: curl/8\r\n"
    + f"traceparent: 00-{TRACE}-{SPAN}-01\r\n\r\n".encode()
)
SERVER = Process(7, 7, "shop", "/bin/shop", ("shop", "--password=hush"), 1000, "c" * 64, "pod-1")


def made(one: Exchange, *kinds: SpanKind, **options: Any) -> list[tuple[dict[str, Any], Any]]:
    """The spans of an exchange, each with the attributes of its resource."""
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    one.clock_offset_ns = OFFSET_NS
    maker = SpanMaker(Resources({"host.name": "here"}, **options), router(()), **options)
    spans = maker.made(one, kinds, *trace_of(one))
    return [(attributes(Resource.FromString(resource)), Span.FromString(span)) for resource, span in spans]


def test_both_ends() -> None:
    one = exchange(ASKED, informational=(b"HTTP/1.1 103 Early Hints\r\n\r\n",))
    one.processes = (None, SERVER)
    (client_resource, client), (server_resource, server) = made(one, *BOTH)
    assert client.trace_id == server.trace_id == bytes.fromhex(TRACE)
    assert (client.parent_span_id.hex(), server.parent_span_id) == (SPAN, client.span_id)
    assert (client.kind, server.kind) == (3, 2)
    assert client.flags & 0x300 == 0x300  # its parent is remote
    assert server.flags & 0x300 == 0x100
    for span in (client, server):
        assert (span.start_time_unix_nano, span.end_time_unix_nano) == (OFFSET_NS + 2000, OFFSET_NS + 5000)
        assert span.name == "GET /users/{id}/cart"
        assert [(event.name, event.time_unix_nano - OFFSET_NS) for event in span.events] == [
            ("request sent", 3000),
            ("informational response", 3000),
            ("response begun", 4000),
        ]
        assert span.status.code == 0
    assert client_resource == {"service.name": "unknown_service", "host.name": "here"}
    assert server_resource == {
        "service.name": "shop",
        "host.name": "here",
        "process.pid": 7,
        "process.executable.name": "shop",
        "process.executable.path": "/bin/shop",
        "process.command_args": ["shop", "--password=***"],
        "process.user.id": 1000,
        "container.id": "c" * 64,
        "k8s.pod.uid": "pod-1",
    }
    at = attributes(server)
    assert at["url.path"] == "/users/17/cart"
    assert at["url.query"] == "token=***&x=1"
    assert at["http.route"] == "/users/{id}/cart"
    assert at["client.address"] == at["network.peer.address"] == "10.0.0.2"
    assert (at["server.address"], at["server.port"]) == ("shop.example", 8080)
    assert (at["http.request.method"], at["http.response.status_code"]) == ("GET", 200)
    assert (at["http.request.body.size"], at["http.response.body.size"]) == (0, 5)
    assert (at["network.protocol.version"], at["user_agent.original"]) == ("1.1", "curl/8")
    at = attributes(client)
    assert at["url.full"] == "http://shop.example:8080/users/17/cart?token=***&x=1"
    assert (at["network.peer.address"], at["network.peer.port"]) == ("10.0.0.1", 80)
    assert attributes(made(one, SpanKind.SERVER, show_secrets=True)[0][1])["url.query"] == "token=hush&x=1"


def test_each_trace_without_a_caller_is_new() -> None:
    one, other = (made(exchange(), SpanKind.SERVER)[0][1] for _ in range(2))
    assert (len(one.trace_id), len(one.span_id), one.parent_span_id) == (16, 8, b"")
    assert one.trace_id != other.trace_id
    assert one.flags == 0x101


def test_errors_are_of_the_server_from_500_and_of_the_client_from_400() -> None:
    one = exchange(response=b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n")
    client, server = (span for _, span in made(one, *BOTH))
    assert (client.status.code, server.status.code) == (2, 0)
    assert attributes(client)["error.type"] == "404"
    assert "error.type" not in attributes(server)
    assert made(exchange(response=b"HTTP/1.1 503 x\r\n\r\n"), SpanKind.SERVER)[0][1].status.code == 2


def test_what_is_missing_is_absent() -> None:
    one = exchange(response=None)
    one.add_problems(Problem.CAPTURE_ENDED)
    span = made(one, SpanKind.SERVER)[0][1]
    at = attributes(span)
    assert "http.response.status_code" not in at
    assert (at["error.type"], at["sockfilter.problems"]) == ("capture-ended", ["capture-ended"])
    assert at["sockfilter.complete"] is False
    assert span.end_time_unix_nano == OFFSET_NS + 3000  # the last byte that was seen
    one = exchange(None)
    span = made(one, SpanKind.SERVER)[0][1]
    assert span.name == "HTTP"
    assert "http.request.method" not in attributes(span)
    one = exchange(b"BREW /\xff HTTP/1.1\r\n\r\n")
    one.reset = StreamReset(8, "CANCEL", 0)
    span = made(one, SpanKind.SERVER)[0][1]
    at = attributes(span)
    assert (span.name, at["http.request.method"], at["http.request.method_original"]) == (
        "HTTP /\\xff",
        "_OTHER",
        "BREW",
    )
    assert (at["url.path"], at["server.address"], at["error.type"]) == ("/\u00ff", "10.0.0.1", "CANCEL")


def test_a_call_of_grpc() -> None:
    head = b"POST /shop.v1.Cart/Get HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\n\r\n"
    one = exchange(head, b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\n\r\n")
    assert one.response is not None
    one.response.trailers = Headers([("grpc-status", "5")])
    client, server = (span for _, span in made(one, *BOTH))
    at = attributes(client)
    assert client.name == "shop.v1.Cart/Get"
    assert (at["rpc.system"], at["rpc.service"], at["rpc.method"]) == ("grpc", "shop.v1.Cart", "Get")
    assert (at["rpc.grpc.status_code"], at["error.type"]) == (5, "NOT_FOUND")
    assert (client.status.code, server.status.code) == (2, 0)


@pytest.mark.parametrize(
    ("client", "server", "kinds"),
    [
        ("10.0.0.1", "10.0.0.9", CLIENT_ONLY),
        ("10.0.0.9", "10.0.0.1", SERVER_ONLY),
        ("10.0.0.1", "10.0.0.1", BOTH),
        ("127.0.0.1", "127.0.0.2", BOTH),
        ("10.0.0.8", "10.0.0.9", SERVER_ONLY),  # neither is here
    ],
)
def test_whose_spans_are_made(client: str, server: str, kinds: tuple[SpanKind, ...]) -> None:
    ends = Endpoint(client, 40000), Endpoint(server, 80)
    one = exchange(connection=Connection(1, "lo", ends, 0))
    assert kinds_of(one, frozenset(("10.0.0.1",))) == kinds


def test_a_process_is_here_wherever_its_address_is() -> None:
    one = exchange()
    one.processes = (SERVER, None)
    assert kinds_of(one, frozenset()) == CLIENT_ONLY
