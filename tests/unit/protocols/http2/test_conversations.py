"""What both ends of HTTP/2 say becomes exchanges: a test for each kind of frame."""

from __future__ import annotations

import gzip
from random import Random

import hpack
import hyperframe.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model.problem import Problem
from tests.support.http2 import (
    CONTINUATION,
    DATA,
    HEADERS,
    PREFACE,
    Encoder,
    Fields,
    Peer,
    answers,
    asks,
    begun,
    conversation,
    data,
    frame,
    goaway,
    ping,
    priority,
    reset,
    settings,
    told,
    window_update,
)
from tests.support.talk import CLIENT, SERVER, Dialogue

OK = answers(b"200", (b"server", b"s"))


def texts(fields: Fields) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in fields if name[:1] != b":"]


def test_a_request_and_a_response():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(b"/a?id=3", b"GET", (b"accept", b"*/*"))))
    dialogue.say(SERVER, server.headers(1, OK, last=False) + data(1, b"hel", last=False) + data(1, b"lo"))
    (exchange,) = dialogue.exchanges
    request, response = exchange.request, exchange.response
    assert (request.method, request.target, request.authority, request.version) == ("GET", "/a?id=3", "shop.test", "2")
    assert (request.head.scheme, list(request.headers)) == ("http", [("accept", "*/*")])
    assert (response.status, list(response.headers), response.body) == (200, [("server", "s")], b"hello")
    assert (exchange.stream, exchange.conn_seq, exchange.complete, exchange.problems) == (1, 1, True, ())
    assert dialogue.talk.is_idle
    assert not dialogue.close()[1:]


def test_streams_end_in_any_order():
    dialogue, client, server = begun()
    for stream in (1, 3, 5):
        dialogue.say(CLIENT, client.headers(stream, asks(b"/%d" % stream)))
    for stream in (3, 5, 1):
        dialogue.say(SERVER, server.headers(stream, OK))
    assert [(e.stream, e.request.target, e.conn_seq) for e in dialogue.close()] == [
        (3, "/3", 2),
        (5, "/5", 3),
        (1, "/1", 1),
    ]


def test_bodies_of_streams_between_each_other():
    dialogue, client, server = begun()
    for stream in (1, 3):
        dialogue.say(CLIENT, client.headers(stream, asks(b"/", b"POST"), last=False))
    for piece in (b"a", b"b"):
        for stream in (1, 3):
            dialogue.say(CLIENT, data(stream, piece + b"%d" % stream, last=piece == b"b"))
    for stream in (1, 3):
        dialogue.say(SERVER, server.headers(stream, OK))
    assert [exchange.request.body for exchange in dialogue.close()] == [b"a1b1", b"a3b3"]


@pytest.mark.parametrize("pad", [None, 0, 1, 255])
@pytest.mark.parametrize("with_priority", [True, False])
@pytest.mark.parametrize("pieces", [1, 2, 9])
def test_padding_priority_and_continuation(pad: int | None, with_priority: bool, pieces: int):
    dialogue, client, server = begun()
    sent = client.headers(1, asks(b"/p"), last=False, pad=pad, priority=with_priority, pieces=pieces)
    dialogue.say(CLIENT, sent + data(1, b"body", pad=pad))
    dialogue.say(SERVER, server.headers(1, OK, pad=pad, pieces=pieces))
    (exchange,) = dialogue.close()
    assert (exchange.request.target, exchange.request.body) == ("/p", b"body")
    assert (exchange.request.body.wire_len, exchange.complete, exchange.problems) == (4, True, ())
    assert dialogue.counts.frames["continuation"] == 2 * (pieces - 1)


def test_informational_responses():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(), last=False))
    hints = answers(b"103", (b"link", b"</s.css>"))
    dialogue.say(SERVER, server.headers(1, answers(b"100"), last=False) + server.headers(1, hints, last=False))
    dialogue.say(CLIENT, data(1, b"x")).say(SERVER, server.headers(1, OK))
    (exchange,) = dialogue.close()
    assert [message.status for message in exchange.informational] == [100, 103]
    assert list(exchange.informational[1].headers) == [("link", "</s.css>")]
    assert (exchange.response.status, exchange.complete) == (200, True)


def test_trailers_of_both_ends():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(b"/", b"POST"), last=False) + data(1, b"x", last=False))
    dialogue.say(CLIENT, client.headers(1, [(b"x-sum", b"1")]))
    dialogue.say(SERVER, server.headers(1, OK, last=False) + server.headers(1, [(b"grpc-status", b"0")]))
    (exchange,) = dialogue.close()
    assert list(exchange.request.trailers) == [("x-sum", "1")]
    assert list(exchange.response.trailers) == [("grpc-status", "0")]
    assert (exchange.response.has_trailers, exchange.complete, exchange.problems) == (True, True, ())


def test_a_response_may_begin_and_end_before_its_request():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(b"/", b"POST"), last=False)).say(SERVER, server.headers(1, OK))
    assert not dialogue.exchanges
    dialogue.say(CLIENT, data(1, b"late"))
    (exchange,) = dialogue.close()
    assert (exchange.request.body, exchange.complete, exchange.problems) == (b"late", True, ())


def test_a_pushed_response():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(b"/index.html")))
    dialogue.say(SERVER, server.promise(1, 2, asks(b"/s.css"), pad=3, pieces=2))
    dialogue.say(SERVER, server.headers(1, OK) + server.headers(2, OK, last=False) + data(2, b"css"))
    asked, pushed = dialogue.close()
    assert (asked.request.target, asked.is_pushed) == ("/index.html", False)
    assert (pushed.request.target, pushed.stream, pushed.is_pushed) == ("/s.css", 2, True)
    assert (pushed.response.body, pushed.complete) == (b"css", True)
    assert pushed.client == asked.client
    assert told(pushed)["pushed"] is True
    assert "pushed" not in told(asked)


def test_cookies_stay_as_they_came():
    dialogue, client, server = begun()
    crumbs = [(b"cookie", b"a=1"), (b"accept", b"*/*"), (b"cookie", b"b=2")]
    dialogue.say(CLIENT, client.headers(1, asks(b"/", b"GET", *crumbs))).say(SERVER, server.headers(1, OK))
    assert list(dialogue.close()[0].request.headers) == texts(crumbs)


def test_content_coding():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks()))
    coded = gzip.compress(b"hello" * 20)
    dialogue.say(SERVER, server.headers(1, answers(b"200", (b"content-encoding", b"gzip")), last=False))
    dialogue.say(SERVER, data(1, coded[:20], last=False) + data(1, coded[20:]))
    (exchange,) = dialogue.close()
    assert exchange.response.body == b"hello" * 20
    assert (exchange.response.body.wire_len, exchange.response.body.length) == (len(coded), 100)


def test_a_tunnel():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, [(b":method", b"CONNECT"), (b":authority", b"h:443")], last=False))
    dialogue.say(SERVER, server.headers(1, answers(b"200"), last=False))
    dialogue.say(CLIENT, data(1, b"\x16\x03\x01")).say(SERVER, data(1, b"\x16\x03\x03"))
    (exchange,) = dialogue.close()
    assert (exchange.request.method, exchange.request.target, exchange.response.status) == ("CONNECT", "h:443", 200)
    assert (exchange.complete, exchange.problems) == (True, ())


def test_an_extended_connect():
    dialogue, client, server = begun()
    fields = [*asks(b"/chat", b"CONNECT"), (b":protocol", b"websocket")]
    dialogue.say(CLIENT, client.headers(1, fields, last=False)).say(SERVER, server.headers(1, OK, last=False))
    dialogue.say(SERVER, data(1, b"\x81\x02hi")).say(CLIENT, data(1, b""))
    (exchange,) = dialogue.close()
    assert (exchange.request.target, exchange.request.head.protocol) == ("/chat", "websocket")
    assert exchange.complete


def test_frames_that_are_not_needed_change_nothing():
    dialogue, client, server = begun()
    between = ping() + window_update() + window_update(1) + priority(1) + frame(0x42, 1, b"unknown") + settings()
    dialogue.say(CLIENT, client.headers(1, asks(b"/", b"POST"), last=False) + between + data(1, b"x"))
    dialogue.say(SERVER, between + server.headers(1, OK, last=False) + between + data(1, b"y"))
    (exchange,) = dialogue.close()
    assert (exchange.request.body, exchange.response.body, exchange.problems) == (b"x", b"y", ())
    assert dialogue.counts.frames == {
        **{"headers": 2, "data": 2, "settings": 5, "ping": 3, "window_update": 6, "priority": 3, "other": 3}
    }
    assert (dialogue.counts.header_blocks, dialogue.counts.unread_bytes) == (2, 0)


def test_a_table_that_gets_smaller_and_larger():
    """SETTINGS of the client allow the table of the server's encoder; each change is in a block too."""
    dialogue = Dialogue().say(CLIENT, PREFACE + settings((1, 8192))).say(SERVER, settings())
    client, server = Peer(), Peer(Encoder(8192))
    many = [(b"x-%d" % number, b"v" * 100) for number in range(60)]
    for stream, size in ((1, 8192), (3, None), (5, 64), (7, 4096), (9, None)):
        prefix = b"" if size is None else server.encoder.resize(size)
        dialogue.say(CLIENT, client.headers(stream, asks()))
        dialogue.say(SERVER, server.headers(stream, answers(b"200", *many), prefix=prefix))
    exchanges = dialogue.close()
    assert [list(exchange.response.headers) for exchange in exchanges] == [texts(many)] * 5
    assert not any(exchange.problems for exchange in exchanges)


@pytest.mark.parametrize("kind", ["headers", "data"])
def test_frames_larger_than_usual(kind: str):
    dialogue = Dialogue().say(CLIENT, PREFACE + settings((5, 1 << 20))).say(SERVER, settings())
    client, server = Peer(), Peer()
    dialogue.say(CLIENT, client.headers(1, asks()))
    fields = answers(b"200", (b"x-long", b"v" * 60_000)) if kind == "headers" else answers(b"200")
    dialogue.say(SERVER, server.headers(1, fields, last=False) + data(1, b"z" * (1 if kind == "headers" else 100_000)))
    (exchange,) = dialogue.close()
    assert (exchange.complete, exchange.problems) == (True, ())
    assert len(exchange.response.body) + len(exchange.response.headers.get("x-long", "")) > 60_000


def test_two_connections_have_the_same_streams():
    first, second = begun(), begun()
    for number, (dialogue, client, server) in enumerate((first, second)):
        dialogue.say(CLIENT, client.headers(1, asks(b"/%d" % number))).say(SERVER, server.headers(1, OK))
    assert [dialogue.close()[0].request.target for dialogue, _, _ in (first, second)] == ["/0", "/1"]


def test_reset_by_the_client_while_the_response_comes():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(
        SERVER, server.headers(1, OK, last=False) + data(1, b"a", last=False)
    )
    dialogue.say(CLIENT, reset(1))
    (exchange,) = dialogue.exchanges
    assert (exchange.reset, exchange.problems) == ((8, "CANCEL", CLIENT), (Problem.STREAM_RESET,))
    assert (exchange.request.complete, exchange.response.complete, exchange.response.body) == (True, False, b"a")
    assert told(exchange)["reset"] == {"code": 8, "name": "CANCEL", "by": "client"}


def test_reset_by_the_server_without_a_response():
    dialogue, client, _ = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(SERVER, reset(1, 7))
    (exchange,) = dialogue.close()
    assert exchange.problems == (Problem.NO_RESPONSE, Problem.STREAM_RESET)
    assert told(exchange)["reset"] == {"code": 7, "name": "REFUSED_STREAM", "by": "server"}


def test_a_server_that_has_answered_may_refuse_the_rest_of_the_request():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(b"/", b"POST"), last=False) + data(1, b"a", last=False))
    dialogue.say(SERVER, server.headers(1, OK) + reset(1, 0))
    (exchange,) = dialogue.close()
    assert (exchange.problems, exchange.reset.name, exchange.response.complete) == ((), "NO_ERROR", True)
    assert not exchange.request.complete


def test_a_reset_after_the_end_changes_nothing():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(SERVER, server.headers(1, OK) + reset(1, 0))
    dialogue.say(CLIENT, client.headers(3, asks())).say(SERVER, reset(9)).say(SERVER, server.headers(3, OK))
    assert [(exchange.reset, exchange.problems) for exchange in dialogue.close()] == [(None, ()), (None, ())]


def test_what_the_server_had_sent_before_it_knew_of_the_reset_begins_no_exchange():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(CLIENT, reset(1))
    dialogue.say(SERVER, server.headers(1, OK, last=False) + data(1, b"late"))
    dialogue.say(CLIENT, client.headers(3, asks())).say(SERVER, server.headers(3, OK))
    assert [exchange.stream for exchange in dialogue.close()] == [1, 3]


def test_an_error_code_without_a_name():
    dialogue, client, _ = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(CLIENT, reset(1, 0xFFFFFFFF))
    assert told(dialogue.close()[0])["reset"] == {"code": 0xFFFFFFFF, "name": None, "by": "client"}


def test_going_away():
    """Streams up to the last one are processed, the later ones are not."""
    dialogue, client, server = begun()
    for stream in (1, 3, 5):
        dialogue.say(CLIENT, client.headers(stream, asks(b"/%d" % stream), last=stream != 5))
    dialogue.say(SERVER, server.promise(1, 2, asks(b"/pushed")) + goaway(3))
    (refused,) = dialogue.exchanges
    assert (refused.request.target, refused.problems) == ("/5", (Problem.NO_RESPONSE, Problem.GOING_AWAY))
    dialogue.say(CLIENT, data(5, b"too late")).say(SERVER, server.headers(3, OK) + server.headers(1, OK))
    dialogue.say(SERVER, server.headers(2, OK))
    exchanges = dialogue.close()
    assert [exchange.stream for exchange in exchanges] == [5, 3, 1, 2]
    assert not any(exchange.problems for exchange in exchanges[1:])


def test_a_client_that_goes_away_refuses_pushed_streams():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(SERVER, server.promise(1, 2, asks(b"/pushed")))
    dialogue.say(CLIENT, goaway(0)).say(SERVER, server.headers(1, OK))
    assert [(e.stream, Problem.GOING_AWAY in e.problems) for e in dialogue.close()] == [(2, True), (1, False)]


def test_the_connection_ends_first():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks())).say(CLIENT, client.headers(3, asks()))
    dialogue.say(SERVER, server.headers(3, OK, last=False) + data(3, b"half", last=False))
    by_stream = {exchange.stream: exchange for exchange in dialogue.close(Problem.RESET)}
    assert by_stream[1].problems == (Problem.NO_RESPONSE, Problem.RESET)
    assert (by_stream[3].problems, by_stream[3].response.body) == ((Problem.RESET,), b"half")
    assert not dialogue.counts.open


@given(st.randoms(use_true_random=False))
def test_random_conversations(random: Random):
    said, truths = conversation(random)
    exchanges = sorted(Dialogue().hear(said).close(), key=lambda exchange: exchange.stream or 0)
    assert len(exchanges) == len(truths)
    for exchange, truth in zip(exchanges, truths, strict=True):
        request, response = exchange.request, exchange.response
        assert (exchange.complete, exchange.problems) == (True, ())
        assert (request.method.encode(), request.target.encode()) == (truth.request[0][1], truth.request[3][1])
        assert (list(request.headers), request.body) == (texts(truth.request), truth.request_body)
        assert (str(response.status).encode(), response.body) == (truth.response[0][1], truth.response_body)
        assert list(response.headers) == texts(truth.response)
        assert list(response.trailers) == texts(truth.trailers)


def test_the_writer_of_the_tests_agrees_with_a_library():
    """Frames and blocks of these tests, read by hyperframe and hpack."""
    decoders = hpack.Decoder(), hpack.Decoder()
    said, truths = conversation(Random(5), 20)
    found: dict[int, list[list[tuple[bytes, bytes]]]] = {}
    blocks: dict[int, bytes] = {}
    for end, raw in said:
        rest = raw.removeprefix(PREFACE)
        while rest:
            parsed, size = hyperframe.frame.Frame.parse_frame_header(memoryview(rest[:9]))
            parsed.parse_body(memoryview(rest[9 : 9 + size]))
            rest = rest[9 + size :]
            if parsed.type in (HEADERS, CONTINUATION):
                blocks[parsed.stream_id] = blocks.get(parsed.stream_id, b"") + parsed.data
                if "END_HEADERS" in parsed.flags:
                    fields = decoders[end].decode(blocks.pop(parsed.stream_id), raw=True)
                    found.setdefault(parsed.stream_id, []).append([tuple(field) for field in fields])
            else:
                assert parsed.type != DATA or parsed.stream_id in found
    for number, truth in enumerate(truths):
        assert found[2 * number + 1][0] == truth.request
        assert truth.response in found[2 * number + 1]
