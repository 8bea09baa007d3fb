"""What servers do beyond a length and a body: each exchange is still what crossed the wire."""

from __future__ import annotations

import gzip

import pytest

import sockfilter
from sockfilter.forms.json_dict import to_dict
from tests.e2e.agreement import assert_agree
from tests.e2e.conversations import GET, OK, captured, problems
from tests.support.clients import Ask, curl
from tests.support.odd import answering

pytestmark = pytest.mark.usefixtures("root")

# more than curl sends without having asked first
LARGE = bytes(range(256)) * 4097


def test_trailers_after_a_chunked_body():
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\nx-sum: 2\r\n\r\n"
    (exchange,) = captured(answering(answer), GET)
    assert exchange.response.body == b"hello"
    assert list(exchange.response.trailers) == [("X-Sum", "1"), ("x-sum", "2")]
    assert exchange.complete


@pytest.mark.parametrize("server", ["python", "nginx", "node"])
def test_curl_asks_before_it_sends_a_large_body(loopback, server):
    site = loopback.get(server)
    with sockfilter.capture("lo", ports=site.port, body=None, ring=64 << 20) as capture:
        replies = curl(site, [Ask("POST", "/echo", LARGE)])
    assert replies[0].statuses[0] == 100
    assert_agree([to_dict(exchange) for exchange in capture.exchanges], replies)


def test_an_expectation_that_is_turned_down():
    answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    (exchange,) = captured(
        answering(answer), b"POST / HTTP/1.1\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n"
    )
    assert (exchange.request.method, exchange.response.status) == ("POST", 413)
    assert "early-response" in problems(exchange)
    assert not exchange.complete


def test_several_informational_responses():
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    (exchange,) = captured(answering(b"HTTP/1.1 102 Processing\r\n\r\n" + early + OK), GET)
    assert [each.status for each in exchange.informational] == [102, 103]
    assert (exchange.response.status, problems(exchange)) == (200, [])


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        (b"DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
def test_responses_without_a_body_whatever_their_length_says(method, answer):
    exchanges = captured(answering(answer, OK), GET.replace(b"GET", method), GET)
    assert [exchange.response.body.wire_len for exchange in exchanges] == [0, 5]
    assert all(exchange.complete for exchange in exchanges)


def test_a_body_that_ends_with_the_connection():
    (exchange,) = captured(answering(b"HTTP/1.0 200 OK\r\n\r\nhel" + b"lo" * 10000), GET)
    assert exchange.response.body == b"hel" + b"lo" * 10000
    assert exchange.complete


def test_a_body_that_the_server_cuts_short():
    (exchange,) = captured(answering(OK[:-2]), GET)
    assert exchange.response.body == b"hel"
    assert (exchange.complete, problems(exchange)) == (False, ["closed"])


def test_gzip_that_is_none():
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
    (exchange,) = captured(answering(answer), GET)
    assert problems(exchange) == ["bad-coding"]
    assert exchange.response.body.wire_len == 5


def test_gzip_in_chunks():
    zipped = gzip.compress(b"again " * 1000)
    head_of_it = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%b\r\n" % (len(zipped[i : i + 7]), zipped[i : i + 7]) for i in range(0, len(zipped), 7))
    (exchange,) = captured(answering(head_of_it + body + b"0\r\n\r\n"), GET)
    assert exchange.response.body == b"again " * 1000
    assert (exchange.response.body.wire_len, exchange.response.body.length) == (len(zipped), 6000)
