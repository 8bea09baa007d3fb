"""What an exchange has in place of what was asked for: the lines that a failure has."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sockfilter import Exchange, Where
from sockfilter.model import Body
from sockfilter.views.differences import LINES_MAX, VALUE_MAX, lines
from tests.support.exchanges import exchange
from tests.support.grpc import Part, call, frame, request, response

ORDER = {"id": 7, "items": [{"name": "pen", "price": 2}, {"name": "ink", "price": 9}], "state": "paid"}


def answered(content: bytes, *, kept: int | None = None, asked: bytes = b"", target: str = "/a") -> Exchange:
    kept_bytes = content if kept is None else content[:kept]
    made = exchange(
        f"POST {target} HTTP/1.1\r\nX-Trace: 17\r\nX-Twice: a\r\nX-Twice: b\r\n\r\n".encode(),
        body=Body(len(content), len(content), kept_bytes),
    )
    assert made.request is not None
    made.request.body = Body(len(asked), len(asked), asked)
    return made


def said(made: Exchange, **conditions: Any) -> list[str]:
    return [line for one in Where(**conditions).differences(made) for line in lines(one, made)]


def order(**changes: Any) -> dict[str, Any]:
    return json.loads(json.dumps(ORDER)) | changes


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (order(state="open"), ["response_json $.state: expected 'open', found 'paid'"]),
        (order(id=None), ["response_json $.id: expected None, found 7"]),
        (order(sum=11), ["response_json $.sum: expected 11, and it is not there"]),
        ({k: v for k, v in ORDER.items() if k != "id"}, ["response_json $.id: not expected, found 7"]),
        (
            order(items=[{"name": "pen", "price": 3}, {"name": "ink", "price": 8}]),
            [
                "response_json $.items[0].price: expected 3, found 2",
                "response_json $.items[1].price: expected 8, found 9",
            ],
        ),
        (
            order(items=ORDER["items"][:1]),
            ["response_json $.items[1]: not expected, found {'name': 'ink', 'price': 9}"],
        ),
        ([1], [f"response_json $: expected [1], found {ORDER!r}"]),
        (17, [f"response_json: expected 17, found {ORDER!r}"]),
        (lambda order: False, [f"response_json: expected <lambda>, found {ORDER!r}"]),
    ],
)
def test_json_is_compared_path_by_path(wanted: Any, words: list[str]):
    assert said(answered(json.dumps(ORDER).encode()), response_json=wanted) == words


def test_json_of_where_too():
    made = answered(json.dumps(ORDER).encode())
    (one,) = Where(Where(json=order(id=8)), method="POST").differences(made)
    assert lines(one, made) == ["json $.id: expected 8, found 7"]


def test_json_of_either_half_is_compared_with_the_one_that_is_nearer():
    made = answered(json.dumps(ORDER).encode(), asked=b'{"pen": 1}')
    assert said(made, json=order(id=8)) == ["json $.id: expected 8, found 7"]
    assert said(made, json={"pen": 2}) == ["json $.pen: expected 2, found 1"]
    assert said(made, request_json={"pen": 2}) == ["request_json $.pen: expected 2, found 1"]


def test_of_many_paths_the_first():
    made = answered(json.dumps(list(range(100))).encode())
    found = said(made, json=[-1] * 100)
    assert len(found) == LINES_MAX
    assert found[0] == "json $[0]: expected -1, found 0"
    assert found[-1] == f"... and {100 - LINES_MAX + 1} more"


def test_what_is_no_json_says_why():
    assert said(answered(b"<html>"), json={"a": 1})[0].startswith(
        "json: expected {'a': 1}, found no JSON: reading <Response 200 OK> as JSON: Expecting value: "
    )
    assert said(answered(b'{"a": 1}', kept=4), json={"a": 1}) == [
        "json: expected {'a': 1}, found no JSON:"
        " reading <Response 200 OK> as JSON: only 4 of 8 bytes were kept; body=None keeps all"
    ]
    assert said(answered(b""), json={"a": 1}) == ["json: expected {'a': 1}, found no JSON"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"x-trace": "18"}, ["request_header x-trace: expected '18', found '17'"]),
        ({"x-trace": 17, "x-none": "a"}, ["request_header x-none: expected 'a', and it is not there"]),
        ({"x-trace": None}, ["request_header x-trace: not expected, found '17'"]),
        ({"x-twice": "c"}, ["request_header x-twice: expected 'c', found ['a', 'b']"]),
        ({"x-twice": ["a"]}, ["request_header x-twice: expected ['a'], found ['a', 'b']"]),
        ({"x-trace": re.compile("a")}, ["request_header x-trace: expected re.compile('a'), found '17'"]),
        ("x-none", ["request_header x-none: expected it, and it is not there"]),
    ],
)
def test_fields_are_compared_name_by_name(wanted: Any, words: list[str]):
    assert said(answered(b""), request_header=wanted) == words


def test_fields_of_either_half():
    assert said(answered(b""), header={"x-trace": "18"}) == ["header x-trace: expected '18', found '17'"]
    assert said(answered(b""), header={"x-trace": "17", "content-length": "6"}) == [
        "header content-length: expected '6', and it is not there"
    ]
    # of neither half, and it is in one
    assert said(answered(b""), header={"x-trace": None}) == ["header x-trace: not expected, found '17'"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"page": "3"}, ["query page: expected '3', found '1'"]),
        ({"page": "1", "tag": "c"}, ["query tag: expected 'c', found ['a', 'b']"]),
        ({"sort": "x"}, ["query sort: expected 'x', and it is not there"]),
        ({"page": None}, ["query page: not expected, found '1'"]),
        ("sort", ["query sort: expected it, and it is not there"]),
    ],
)
def test_parameters_are_compared_name_by_name(wanted: Any, words: list[str]):
    assert said(answered(b"", target="/a?page=1&tag=a&tag=b"), query=wanted) == words


def test_long_bodies_from_where_they_differ():
    content = b"a" * 1000 + b"b" + b"a" * 1000
    (line,) = said(answered(content), response_body=b"a" * 2001)
    assert line.startswith("response_body, from byte 980 on: expected b'aaaa")
    assert f"found b'{'a' * 20}b" in line
    assert line.endswith("(2001 and 2001 bytes)")
    (line,) = said(answered(content), response_body="a" * 1000)
    assert line.startswith("response_body, from character 980 on: ")
    assert line.endswith("(1000 and 2001 characters)")


def test_short_bodies_whole():
    assert said(answered(b"hello"), response_body=b"hallo") == ["response_body: expected b'hallo', found b'hello'"]
    assert said(answered(b"hello"), response_body="hallo") == ["response_body: expected 'hallo', found 'hello'"]


def test_long_values_are_cut():
    (line,) = said(answered(json.dumps({"a": "x" * 5000}).encode()), json={"a": "y" * 5000})
    assert len(line) < 2 * VALUE_MAX + 100


def test_other_conditions():
    made = answered(b"")
    assert said(made, problems="gap", complete=False, port=1, duration=range(1, 2)) == [
        "problems: expected 'gap', found []",
        "complete: expected False, found True",
        "port: expected 1, found (40000, 80)",
        "duration: expected range(1, 2), found 3e-06",
    ]


def test_a_call_with_another_name_or_status():
    made = call(request(Part(frame(b"a"))), response(fields=[("grpc-status", "5")]))
    assert said(made, grpc="shop.v1.Cart/Put", grpc_status="OK") == [
        "grpc: expected 'shop.v1.Cart/Put', found 'shop.v1.Cart/Get'",
        "grpc_status: expected 'OK', found 'NOT_FOUND'",
    ]
    assert said(call(request(Part(frame(b"a"))), None), grpc_status=0) == ["grpc_status: expected 0, found None"]
    assert said(exchange(), grpc="shop.v1.Cart") == ["grpc: expected 'shop.v1.Cart', found no gRPC call"]
