"""What an exchange says of the call that it carries."""

from __future__ import annotations

import pytest

from sockfilter.model import Headers
from tests.support.exchanges import exchange
from tests.support.grpc import WEB, Part, call, frame, request, response, trailers

DATA = Part(frame(b"a"))


def answered(*parts, status=(), after=(), **more):
    made = response(*parts, fields=status, **more)
    if after:
        made.trailers = Headers(list(after))
    return call(request(DATA), made).grpc


def test_names():
    found = call(request(DATA), None).grpc
    assert (found.service, found.method, found.name) == ("shop.v1.Cart", "Get", "shop.v1.Cart/Get")
    assert not found.web


@pytest.mark.parametrize("target", ["*", "/", "/a", "/a/", "//b", "/a/b/c", "/a/b?x", ""])
def test_a_target_that_names_no_method(target):
    found = call(request(DATA, target=target), None).grpc
    assert (found.service, found.method, found.name) == (None, None, None)


@pytest.mark.parametrize(
    ("found", "status", "name", "message"),
    [
        (answered(DATA, after=[("grpc-status", "0")]), 0, "OK", ""),
        (answered(DATA, after=[("grpc-status", "5"), ("grpc-message", "a%20b%C3%BC")]), 5, "NOT_FOUND", "a bü"),
        (answered(status=[("grpc-status", "16"), ("grpc-message", "no")]), 16, "UNAUTHENTICATED", "no"),
        (answered(DATA, after=[("grpc-status", "17")]), 17, None, ""),
        (answered(DATA, after=[("Grpc-Status", " 3 ")]), 3, "INVALID_ARGUMENT", ""),
        # a status beside a body is not that of the call
        (answered(DATA, status=[("grpc-status", "5")]), None, None, None),
        (answered(DATA, status=[("grpc-status", "5")], after=[("x", "y")]), None, None, None),
        (answered(DATA), None, None, None),
        (answered(after=[("grpc-status", "five"), ("grpc-message", "a")]), None, None, None),
        (answered(after=[("grpc-status", "-1")]), None, None, None),
        (answered(after=[("grpc-status", "")]), None, None, None),
        (
            answered(Part(frame(b"a") + trailers("grpc-status:7", "grpc-message: b")), kind=WEB),
            7,
            "PERMISSION_DENIED",
            "b",
        ),
        (answered(Part(trailers("grpc-status:0")), kind=WEB, status=[("grpc-status", "5")]), 0, "OK", ""),
        (call(request(DATA), None).grpc, None, None, None),
    ],
)
def test_the_status(found, status, name, message):
    assert (found.status, found.status_name, found.message) == (status, name, message)


def test_counts_of_halves_without_messages():
    found = call(request(), response(fields=[("grpc-status", "5")])).grpc
    assert (found.request.count, found.response.count) == (0, 0)
    assert call(request(DATA), None).grpc.response.count is None
    broken = response(whole=False)
    broken.grpc = None
    assert call(request(DATA), broken).grpc.response.count is None


def test_metadata():
    fields = [
        *(("te", "trailers"), ("user-agent", "x"), ("grpc-timeout", "1S"), ("x-id", "7"), ("X-Id", "8")),
        *(("a-bin", "AAEC"), ("b-bin", "AAE, /w=="), ("c-bin", "no base64!"), ("d-bin", "\0\1,\udcff"), ("e-bin", "")),
    ]
    found = call(request(DATA, fields=fields), response(DATA, fields=[("x-a", "1")])).grpc
    assert found.metadata == (
        *(("x-id", "7"), ("X-Id", "8"), ("a-bin", b"\0\1\2"), ("b-bin", b"\0\1"), ("b-bin", b"\xff")),
        *(("c-bin", "no base64!"), ("d-bin", b"\1,\xff"), ("e-bin", b"")),
    )
    assert (found.initial_metadata, found.trailing_metadata) == ((("x-a", "1"),), ())
    only = answered(status=[("grpc-status", "5"), ("x-why", "b")])
    assert (only.initial_metadata, only.trailing_metadata) == ((), (("x-why", "b"),))
    after = answered(DATA, after=[("grpc-status", "0"), ("x-t", "1")])
    assert after.trailing_metadata == (("x-t", "1"),)


def test_other_exchanges_have_no_call():
    assert exchange().grpc is None
    assert call(request(DATA, kind="application/json"), response(DATA, kind="text/html")).grpc is None


def test_a_call_is_known_by_either_half():
    assert call(None, response(DATA)).grpc.name is None
    assert call(request(kind="application/json"), response(DATA)).grpc is not None
    web = exchange(
        b"POST /a.B/C HTTP/1.1\r\nContent-Type: application/grpc-web\r\nContent-Length: 0\r\n\r\n", None
    ).grpc
    assert (web.name, web.web) == ("a.B/C", True)


def test_how_it_is_shown():
    assert repr(answered(DATA, after=[("grpc-status", "5")])) == "<GrpcCall shop.v1.Cart/Get 5 NOT_FOUND>"
    assert repr(call(None, response(DATA)).grpc) == "<GrpcCall (unknown) no status>"
    assert repr(call(request(DATA, target="/a\x1b/b"), None).grpc) == r"<GrpcCall a\x1b/b no status>"
    found = call(request(DATA), None).grpc
    assert repr(found.request) == "<GrpcMessages 1>"
    assert repr(found.response) == "<GrpcMessages ?>"
    assert repr(found.request.messages[0]) == "<GrpcMessage 1 of 1 bytes>"
