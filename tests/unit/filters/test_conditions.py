"""Every condition, by name, with every kind of value; and what it says is different where it does not hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sockfilter import Exchange, Problem, Process, Where
from sockfilter.errors import InvalidArgument
from sockfilter.filters.conditions import CONDITIONS
from sockfilter.model import Body, StreamReset
from sockfilter.model.tcp import Drop, ExchangeTcp, TcpEnd
from tests.support.exchanges import exchange
from tests.support.grpc import Part, call, frame, request, response

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST = (
    b"POST http://Api.Example:8080/caf%C3%A9/1?id=3&tag=a&tag=b%20c&none= HTTP/1.1\r\nHost: x\r\n"
    b"X-Id: 42\r\nAccept: a\r\naccept: b\r\nContent-Type: application/json\r\nX-Raw: \xff\r\n\r\n"
)
RESPONSE = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=latin-1\r\nX-Id: 7\r\nX-Empty:\r\n\r\n"


def asked_and_answered() -> Exchange:
    """One with something in every place; it took 3 microseconds."""
    made = exchange(REQUEST, RESPONSE, Body(9, 9, b"caf\xe9, open"))
    made.request.body = Body(18, 18, b'{"a": [1, {"b": 2}]}')
    made.add_problems(Problem.GAP, Problem.EARLY_RESPONSE)
    made.processes = Process(1234, 1234, "curl"), Process(567, 567, "nginx")
    made.stream, made.reset = 5, StreamReset(8, "CANCEL", 0)
    return made


def measured() -> Exchange:
    """One of which the kernel's TCP knows something."""
    made = asked_and_answered()
    drop = Drop(100, "server", "TC_INGRESS", "tc_run", "lo", 0.2)
    made.tcp = ExchangeTcp(None, TcpEnd(retransmitted=1, retransmitted_bytes=100), (drop,), 1e-6, 2e-6, 3e-6)
    return made


def no_answer() -> Exchange:
    made = exchange(b"GET /alone HTTP/1.1\r\n\r\n", None)
    made.add_problems(Problem.NO_RESPONSE)
    return made


def no_question() -> Exchange:
    made = exchange(None, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", Body(4, 4, b"null"))
    made.add_problems(Problem.NO_REQUEST)
    return made


def called() -> Exchange:
    return call(request(Part(frame(b"a"))), response(fields=[("grpc-status", "5")]))


@dataclass(frozen=True)
class Case:
    """Values with which a condition holds for what is made, and values with which it does not."""

    holds: list[Any]
    fails: list[Any]
    # for the others
    holds_without_answer: list[Any] = field(default_factory=list)
    holds_without_question: list[Any] = field(default_factory=list)
    made: Callable[[], Exchange] = asked_and_answered


def is_long(value: Any) -> bool:
    return len(value) > 4


CASES = {
    "method": Case(
        ["POST", re.compile("^P"), re.compile(b"OST$"), str.isupper, {"GET", "POST"}, {re.compile("P.S"), "GET"}],
        ["GET", "POS", re.compile("^OST"), is_long, {"GET", "PUT"}],
        ["GET"],
    ),
    "path": Case(
        ["/café/1", re.compile("é/\\d$"), re.compile("é".encode()), is_long, {"/", "/café/1"}],
        ["/caf%C3%A9/1", "/café", re.compile("id=3"), lambda path: path.endswith("2"), frozenset({"/"})],
        ["/alone"],
    ),
    "target": Case(
        ["http://Api.Example:8080/caf%C3%A9/1?id=3&tag=a&tag=b%20c&none=", re.compile(r"\?id=\d"), is_long],
        ["/caf%C3%A9/1?id=3&tag=a&tag=b%20c&none=", re.compile("é")],
        ["/alone"],
    ),
    "query": Case(
        [
            *({"id": "3"}, {"id": 3}, {"tag": "a"}, {"tag": "b c"}, {"tag": ["a", "b c"]}, {"id": [3]}, {"id": ("3",)}),
            *({"id": "3", "none": ""}, {"nowhere": None}, {"id": re.compile(r"^\d$")}, {"id": str.isdigit}),
            *({"id": {"3", "4"}}, {}, "id", "none"),
        ],
        [
            *(
                {"id": "4"},
                {"id": 4},
                {"tag": "b%20c"},
                {"tag": ["b c", "a"]},
                {"tag": ["a"]},
                {"id": None},
                {"id": []},
            ),
            *({"id": "3", "none": "x"}, {"ID": "3"}, {"none": re.compile("x")}, {"id": {"4"}}, "nowhere"),
        ],
        [{}, {"id": None}],
    ),
    "host": Case(
        [
            "api.example",
            "Api.Example:8080",
            "API.EXAMPLE",
            re.compile(r"\.example$"),
            re.compile(":8080$"),
            {"API.example"},
        ],
        ["x", "api.example:80", re.compile("^x"), {"x", "y"}],
    ),
    "header": Case(
        [
            *(
                {"X-Id": "42"},
                {"x-id": 7},
                {"accept": "b"},
                {"Accept": ["a", "b"]},
                {"x-id": 42, "accept": "a"},
                "x-empty",
            ),
            *({"x-id": re.compile("^4")}, {"x-raw": re.compile(b"^\xff$")}, {"nowhere": None}, {"x-empty": ""}, {}),
            {"content-type": {"text/html", "application/json"}},
        ],
        [
            *({"x-id": "4"}, {"accept": ["b", "a"]}, {"x-empty": "x"}, {"x-empty": None}, {"x-raw": None}, "nowhere"),
            # each from another half
            {"x-id": "7", "accept": "a"},
        ],
        [{"x-id": None}, {}],
        ["content-type", {"x-id": None}],
    ),
    "request_header": Case(
        [{"x-id": 42}, "accept", {"x-empty": None}, {"content-type": str.islower}],
        [{"x-id": 7}, "x-empty", {"x-empty": ""}],
        [{"x-id": None}, {}],
    ),
    "response_header": Case(
        [{"x-id": 7}, "x-empty", {"accept": None}, {"content-type": re.compile("latin")}],
        [{"x-id": 42}, "accept"],
        [],
        [{"content-type": "application/json"}],
    ),
    "body": Case(
        [
            *(b"caf\xe9, open", "café, open", re.compile("café"), re.compile(b"\xe9"), b'{"a": [1, {"b": 2}]}'),
            *({b"x", "café, open"}, {re.compile("^caf.,")}, lambda content: content.endswith(b"open")),
        ],
        [
            b"caf",
            "caf\udce9, open",
            re.compile("\ufffd"),
            re.compile("é".encode()),
            {"x", b"y"},
            lambda content: not content,
        ],
        [b"", "", lambda content: content == b""],
        ["null", b"null"],
    ),
    "request_body": Case(
        [b'{"a": [1, {"b": 2}]}', '{"a": [1, {"b": 2}]}', re.compile("a.*b"), is_long],
        [b"caf\xe9, open", re.compile("open"), ""],
        [b""],
    ),
    "response_body": Case(["café, open", b"caf\xe9, open"], [re.compile('"a"'), b""], [], [b"null", {"null"}]),
    "json": Case(
        [{"a": [1, {"b": 2}]}, lambda found: found["a"][0] == 1, re.compile("'b'")],
        [{"a": [1]}, [1], None, {"a": [1, {"b": 2}], "c": 3}, lambda found: not found],
        [],
        [None],
    ),
    "request_json": Case([{"a": [1, {"b": 2}]}, {"a": [1.0, {"b": 2}]}], [{}, "a"]),
    "response_json": Case([], [{"a": [1, {"b": 2}]}, None, lambda found: True], [], [None]),
    "status": Case(
        [
            404,
            range(400, 500),
            range(404, 600, 100),
            {404, 410},
            {range(400, 500), 200},
            {None, 404},
            lambda s: s > 400,
        ],
        [200, None, range(404), range(405, 500), range(400, 500, 100), {200, None}, re.compile("^2")],
        [None, {None, 200}],
        [200],
    ),
    "grpc": Case(
        ["shop.v1.Cart", "shop.v1.Cart/Get", re.compile("Cart/"), {"shop.v1.Cart/Put", "shop.v1.Cart/Get"}, is_long],
        ["shop.v1.Cart/Put", "shop.v1", re.compile("Put"), {"Get"}, lambda name: not name],
        made=called,
    ),
    "grpc_status": Case(
        [5, "NOT_FOUND", range(1, 17), {0, 5}, {"OK", "NOT_FOUND"}, re.compile("FOUND"), lambda status: status == 5],
        [0, "OK", None, range(5), {None, 0}, re.compile("^OK")],
        made=called,
    ),
    "port": Case(
        [80, 40000, range(79, 81), {1, 80}, re.compile("^8"), lambda port: port > 30000],
        [8080, range(80), {1, 2}, re.compile("9")],
        [80],
        [80],
    ),
    "process": Case(
        ["curl", "nginx", re.compile("^ng"), {"curl", "wget"}, lambda name: name == "nginx"],
        ["wget", re.compile("apache"), {"wget"}],
    ),
    "pid": Case([1234, range(500, 600), {567, 1}], [1, range(10)]),
    "version": Case(["1.1", re.compile("^1")], ["2", ""], ["1.1"]),
    "stream": Case([5, {5, 7}, range(4, 6)], [1, None, range(1, 5)], [None], [None]),
    "reset": Case(["CANCEL", {"CANCEL", "NO_ERROR"}], ["NO_ERROR", None], [None], [None]),
    "duration": Case(
        [3e-6, range(1), lambda seconds: seconds < 1, {3e-6, 1}],
        [0, 3, range(1, 2), lambda seconds: seconds > 1],
    ),
    "problems": Case(
        [
            *(
                "gap",
                Problem.GAP,
                "early-response",
                {"gap", "idle"},
                ["gap", "early-response"],
                ("early-response", "gap"),
            ),
            *(re.compile("^early"), lambda name: name == "gap"),
        ],
        ["idle", ["gap"], [], {"idle", "reset"}, re.compile("^late"), ["gap", "early-response", "idle"]],
        ["no-response", ["no-response"]],
        ["no-request"],
    ),
    "complete": Case([True, lambda complete: complete], [False], [False], [False]),
    "request": Case([True], [False], [True], [False]),
    "response": Case([True], [False], [False], [True]),
    "protocol": Case(["http", "http1", {"http1", "grpc"}, re.compile("^http")], ["http2", "grpc"], ["http1"], ["http"]),
    "connect": Case([], [0, 1.5, range(10)]),
    "send": Case([1e-6, range(1)], [0, 1]),
    "wait": Case([1e-6, lambda seconds: seconds < 1], [0, range(1, 2)]),
    "receive": Case([1e-6], [2e-6]),
    "queued": Case([1e-6, range(1), {1e-6, 1}], [0, 1], made=measured),
    "think": Case([2e-6, lambda seconds: seconds < 1], [0, range(1, 2)], made=measured),
    "accept": Case([3e-6], [2e-6], made=measured),
    "max_queued": Case([1e-6, 1], [0, 5e-7], made=measured),
    "size": Case([27, range(20, 30), {1, 27}], [26]),
    "request_size": Case([18, range(20)], [27], [0]),
    "response_size": Case([9, lambda size: size > 8], [18], [], [4]),
    "ip": Case(["10.0.0.1", "10.0.0.2", re.compile("^10"), {"10.0.0.2", "::1"}], ["10.0.0.3"]),
    "client_ip": Case(["10.0.0.2"], ["10.0.0.1"]),
    "server_ip": Case(["10.0.0.1"], ["10.0.0.2"]),
    "client_port": Case([40000, range(30000, 50000)], [80]),
    "server_port": Case([80, {80, 81}], [40000]),
    "family": Case([4], [6]),
    "client_process": Case(["curl", re.compile("^cu")], ["nginx"]),
    "server_process": Case(["nginx"], ["curl"]),
    "client_pid": Case([1234], [567]),
    "server_pid": Case([567], [1234]),
    "container": Case([], ["c0ffee"]),
    "pod": Case([], ["p1", {"p1", "p2"}]),
    "interface": Case(["lo", re.compile("^l")], ["eth0"]),
    "connection": Case([3], [4]),
    "pushed": Case([False], [True]),
    "retransmissions": Case([0, range(1)], [1]),
    "retransmitted": Case([100, range(50, 200)], [0, 1], made=measured),
    "drops": Case([1, {1, 2}], [0, range(1)], made=measured),
    "culprit": Case([None, {None, "server"}], ["server", {"network", "server"}], made=measured),
}


def test_every_condition_has_its_case():
    assert list(CASES) == list(CONDITIONS)
    arguments = str(Where.__doc__).partition("Raises:")[0]
    documented = re.findall(r"^        ([\w, ]+): ", arguments, re.MULTILINE)
    assert [name for names in documented for name in names.split(", ")] == list(CONDITIONS)


def cases(attribute: str) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}-{number}")
        for name, case in CASES.items()
        for number, value in enumerate(getattr(case, attribute))
    ]


@pytest.mark.parametrize(("name", "value"), cases("holds"))
def test_it_holds(name: str, value: Any):
    where = Where(**{name: value})
    assert where.matches(CASES[name].made())
    assert where.differences(CASES[name].made()) == []


@pytest.mark.parametrize(("name", "value"), cases("fails"))
def test_it_does_not_hold(name: str, value: Any):
    where = Where(**{name: value})
    assert not where.matches(CASES[name].made())
    ((different, found, wanted),) = where.differences(CASES[name].made())
    assert (different, wanted) == (name, value)
    assert found is not value


@pytest.mark.parametrize(("name", "value"), cases("holds_without_answer"))
def test_it_holds_where_there_is_no_answer(name: str, value: Any):
    assert Where(**{name: value}).matches(no_answer())


@pytest.mark.parametrize(("name", "value"), cases("holds_without_question"))
def test_it_holds_where_there_is_no_question(name: str, value: Any):
    assert Where(**{name: value}).matches(no_question())


@pytest.mark.parametrize(("name", "value"), cases("holds"))
def test_it_can_be_asked_of_halves(name: str, value: Any):
    """Whatever is asked, a half that is missing raises nothing."""
    for made in (no_answer(), no_question()):
        where = Where(**{name: value})
        assert where.matches(made) == (not where.differences(made))


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("method", "GET", "POST"),
        ("path", "/", "/café/1"),
        ("query", {"id": "4", "nowhere": "x"}, {"id": ["3"], "nowhere": None}),
        ("query", "nowhere", {"id": ["3"], "tag": ["a", "b c"], "none": [""]}),
        ("host", "x", "Api.Example:8080"),
        ("request_header", {"ACCEPT": "c", "nowhere": "x"}, [("Accept", "a"), ("accept", "b")]),
        ("header", {"x-id": "1"}, [("X-Id", "42"), ("X-Id", "7")]),
        (
            "response_header",
            "nowhere",
            [("Content-Type", "text/plain; charset=latin-1"), ("X-Id", "7"), ("X-Empty", "")],
        ),
        ("request_body", b"", b'{"a": [1, {"b": 2}]}'),
        ("body", b"", [b'{"a": [1, {"b": 2}]}', b"caf\xe9, open"]),
        ("json", 1, {"a": [1, {"b": 2}]}),
        ("response_json", 1, "no JSON"),
        ("status", 200, 404),
        ("port", 1, (40000, 80)),
        ("duration", 1, 3e-6),
        ("problems", [], ["gap", "early-response"]),
        ("complete", False, True),
    ],
)
def test_what_is_different(name: str, value: Any, found: Any):
    assert Where(**{name: value}).differences(asked_and_answered()) == [(name, found, value)]


def test_what_is_missing_is_different():
    assert Where(path="/", host="x").differences(no_question()) == [("path", None, "/"), ("host", None, "x")]
    assert Where(status=200, duration=1).differences(no_answer()) == [("status", None, 200), ("duration", None, 1)]
    assert Where(request_body=b"x").differences(no_answer()) == [("request_body", [], b"x")]


def test_a_call_without_a_status_has_none():
    made = call(request(Part(frame(b"a"))), None)
    assert Where(grpc="shop.v1.Cart/Get", grpc_status=None).matches(made)
    assert not Where(grpc_status={"OK", 5}).matches(made)
    assert not Where(grpc_status=None).matches(asked_and_answered())
    assert Where(grpc_status=0).differences(made) == [("grpc_status", None, 0)]
    assert Where(grpc_status=0).differences(called()) == [("grpc_status", "NOT_FOUND", 0)]


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({"grpc": "/shop.v1.Cart/Get"}, "a call has the name of its service, or both names: 'shop.v1.Cart/Get'"),
        ({"grpc": 5}, "it must be a string"),
        ({"grpc_status": "not_found"}, "there is no status 'not_found'; the names are OK, CANCELLED, "),
        ({"grpc_status": True}, "it must be a name, a number, or None for no status"),
    ],
)
def test_what_no_call_can_have(conditions: dict[str, Any], said: str):
    with pytest.raises(InvalidArgument, match=re.escape(said)):
        Where(**conditions)
