"""The filter language: what each form of it means, for an exchange with something in every place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sockfilter import Exchange, Problem, Process, Where
from sockfilter.filters.names import FIELDS, dotted
from sockfilter.model import Body, Connection, Endpoint, StreamMessage, StreamReset
from tests.support.exchanges import exchange
from tests.support.grpc import Part, call, frame, request, response

REQUEST = (
    b"POST http://Api.Example:8080/caf%C3%A9/1?id=3&tag=a&tag=b%20c&none= HTTP/1.1\r\nHost: x\r\n"
    b"X-Id: 42\r\nAccept: a\r\naccept: b\r\nContent-Type: application/json\r\nOdd.Name: o\r\n\r\n"
)
RESPONSE = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=latin-1\r\nX-Id: 7\r\nX-Empty:\r\n\r\n"
JSON = b'{"a": [1, {"b": 2, "c d": null}], "ok": true, "name": "Ann", "f": 1.5, "0": "zero", "e": []}'


def made() -> Exchange:
    """One that took 3 microseconds."""
    one = exchange(REQUEST, RESPONSE, Body(9, 9, b"caf\xe9, open"))
    assert one.request is not None
    one.request.body = Body(len(JSON), len(JSON), JSON)
    one.add_problems(Problem.GAP, Problem.EARLY_RESPONSE)
    one.processes = Process(1234, 1234, "curl", container="c0ffee"), Process(567, 567, "nginx", pod="p1")
    one.stream, one.reset = 5, StreamReset(8, "CANCEL", 0)
    return one


HOLDS = r"""
method == POST
method == "POST"
method != GET
method in {GET, POST}
method in (GET, POST)
method in ["GET" "POST",]
method not in {GET, PUT}
path == "/café/1"
path ~ "^/caf"
path ~ r"\d$"
path ~ "\d$"
path !~ "^/b"
path matches '/1$'
path contains "f"
path startswith /caf
path endswith 1
path.startsWith("/caf")
path.matches("1$")
path.contains("caf")
target contains "id=3"
query.id == 3
query.tag == "b c"
query.tag != b
query.none
query.none == ""
not query.other
host == api.example
host == API.EXAMPLE:8080
request.host ~ "^api"
request.header.X-ID == 42
header.x-id == 7
header["X-Id"] == 7
request.headers["x-id"] == 42
header."odd.name" == o
header.odd.name == o
response.header.x-empty
response.header.x-empty == ""
not request.header.x-empty
request.header.accept in {b, c}
request.header.accept != c
body contains open
response.body == "café, open"
request.json.ok == true
json.ok
json.ok != false
json.a[0] == 1
json.a[1].b >= 2
json.a[1].b in 1..2
json.a.1.b == 2
json.a[*].b == 2
json.*[1].b == 2
json.$.name == Ann
json.name contains nn
json.name == "Ann"
json."name" ~ "^A"
json.a[1]."c d" == null
json.a[1]["c d"] == null
json.f > 1
json.f < 1.6
json."0" == zero
json.e
not json.e[0]
json.name > "Ab"
status == 404
status >= 404
status > 403
status < 405
status <= 404
status == 4xx
status in 4xx
status in 400..499
status in {200, 400..499}
status in {200 400 .. 499}
status not in 5xx
status != 5xx
status != 200
404 == status
403 < status
status eq 404 and status ge 1 and status ne 5
response.status == 404
http.response.code == 404
not grpc
not grpc_status
port == 80
port == 40000
tcp.port in {1, 80}
process == curl
process in {nginx}
pid == 567
client.process == curl
server.pid == 567
client.pid != 567
container == c0ffee
pod == p1
version == 1.1
stream == 5
reset == CANCEL
reset
duration == 3us
duration < 1ms
duration <= 0.001
duration > 1us
duration in 1us..1s
duration < 1m30s
problems == gap
problems in {idle, gap}
problems != idle
problems
not complete or complete
complete == true
!(complete == false)
request && response
request.method == POST
protocol == http1
protocol in {http}
protocol not in {grpc}
size == 101
size > 100B
size < 1KiB
request.size in 90..93
response.size == 9
ip == 10.0.0.2
ip.addr in 10.0.0.0/24
client.ip == 10.0.0.2
server.ip in {10.0.0.1, ::1}
server.ip != 10.0.0.2
client.port == 40000
server.port < 100
family == 4
interface == lo
connection == 3
pushed == false
not pushed
retransmissions == 0
wait == 1us and send == 1us and receive == 1us
not connect
status == 200 or status == 404
status == 200 || status == 404 && method == POST
(status == 200 or status == 404) and method == POST
not (status == 200 or method == GET)
not not complete
has(request.header.accept)
status == 404 AND NOT method == GET OR status IN {200}
sender or method
"""
FAILS = r"""
method == GET
method == PATCH
path == "/caf%C3%A9/1"
path ~ "^caf"
query.id == 4
query.other == ""
query.other != 3
query.other not in {1}
query.tag != "b c"
host == x
header.x-id == 9
request.header.x-id == 7
header.missing != 1
header.missing !~ "a"
header.accept not in {a, d}
json.ok == 1
json.ok == "true"
json.name == null
json.name > 3
json.f == "1.5"
json.missing
json.missing != 3
json.a[2]
json.name.x
json.a[0] ~ "1"
response.json.a
status == 5xx
status != 404
status in 500..599
status not in {404}
duration > 1s
stream != 5
connect < 10s
not problems
problems == idle
protocol == http2
grpc == "x"
grpc_status == OK
ip != 10.0.0.1
ip in 192.168.0.0/16
client.ip == 10.0.0.1
family == 6
client.process == nginx
type == text
sender == client
method == GET or status == 200
method == POST and status == 200
"""


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


@pytest.mark.parametrize("text", lines(HOLDS))
def test_it_holds(text: str):
    assert Where(text).matches(made())
    assert not Where(f"not ({text})").matches(made())


@pytest.mark.parametrize("text", lines(FAILS))
def test_it_does_not_hold(text: str):
    assert not Where(text).matches(made())
    assert Where(f"!({text})").matches(made())


@pytest.mark.parametrize("text", [*lines(HOLDS), *lines(FAILS)])
def test_its_text_means_the_same(text: str):
    where = Where.parse(text)
    again = Where.parse(str(where))
    assert again.nodes == where.nodes
    assert str(again) == str(where)
    assert again.matches(made()) == where.matches(made())


@pytest.mark.parametrize("half", ["request", "response"])
@pytest.mark.parametrize("name", FIELDS)
def test_what_is_missing_raises_nothing_and_meets_no_comparison(name: str, half: str):
    one = exchange(None if half == "request" else REQUEST, None if half == "response" else RESPONSE, Body(0, 0, b""))
    field = FIELDS[name]
    key = ".x" if field.keys else ""
    Where(f"{dotted(name)}{key}").matches(one)
    if field.of_half == half:
        assert not Where(f"{dotted(name)}{key}").matches(one)
        assert Where(f"not {dotted(name)}{key}").matches(one)


def test_calls_of_grpc():
    one = call(request(Part(frame(b"a"))), response(fields=[("grpc-status", "5")]))
    where = Where("protocol == grpc and grpc_status == NOT_FOUND and grpc_status == 5 and grpc")
    assert where.matches(one)
    assert not Where("grpc_status == OK").matches(one)
    assert not Where("grpc_status != 5").matches(one)


def test_parts_of_a_filter_are_conditions_of_their_own():
    where = Where("method == POST and status == 200", path="/other")
    assert [(one.name, str(one.wanted)) for one in where.differences(made())] == [
        ("", "status == 200"),
        ("path", "/other"),
    ]


def test_conditions_and_filters_mix():
    assert Where(Where("method == POST"), "status == 404", port=80).matches(made())
    assert not Where("status == 404", port=81).matches(made())


def message(kind: str = "text", content: bytes = b'{"n": 3}', opened: Exchange | None = None) -> StreamMessage:
    connection = Connection(3, "lo", (Endpoint("10.0.0.2", 40000), Endpoint("10.0.0.1", 80)), 0)
    return StreamMessage(connection, "websocket", 1, kind, 5, Body(len(content), len(content), content), opened)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("protocol == websocket", True),
        ("sender == server and type == text", True),
        ("text contains n", True),
        ("json.n == 3", True),
        ("server.port == 80 and client.ip == 10.0.0.2", True),
        ("path startswith /caf", True),  # of the exchange that opened the stream
        ("method == POST and size < 10", True),
        ("sender == client", False),
        ("json.n == 4", False),
        ("status == 500", False),
        ("problems", False),
    ],
)
def test_messages(text: str, holds: bool):
    assert Where(text).matches_message(message(opened=made())) is holds


def test_messages_without_an_exchange_have_none_of_its_fields():
    assert not Where("path startswith /caf").matches_message(message())
    assert not Where("status != 500").matches_message(message())
    assert Where("not status").matches_message(message())


def test_every_field_is_documented():
    page = (Path(__file__).parents[3] / "docs/filters.md").read_text()
    for name in FIELDS:
        assert f"`{dotted(name)}" in page, name
