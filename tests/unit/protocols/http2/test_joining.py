"""How a connection comes to HTTP/2: by its first bytes, by Upgrade, in a tunnel, or before the capture began."""

from __future__ import annotations

import base64

import pytest

from sockfilter.model.problem import Problem
from sockfilter.protocols.http1.conversation import Http1Conversation
from sockfilter.protocols.http2.frames import is_row
from tests.support.dialogues import CONNECT, ESTABLISHED
from tests.support.http2 import (
    PREFACE,
    Encoder,
    Peer,
    answers,
    asks,
    data,
    frame,
    ping,
    priority,
    reset,
    settings,
    told,
    window_update,
)
from tests.support.talk import CLIENT, SERVER, Dialogue

OK = answers(b"200", (b"server", b"s"))
UPGRADE = (
    b"GET /a HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: %s\r\n\r\n"
)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


def words_of(*pairs: tuple[int, int]) -> bytes:
    return base64.urlsafe_b64encode(settings(*pairs)[9:]).rstrip(b"=")


@pytest.mark.parametrize("in_one", [True, False], ids=["in one segment", "by itself"])
def test_an_upgrade(in_one: bool):
    """RFC 7540, 3.2: the response comes on stream 1, and the server need not wait for the client's preface."""
    client, server = Peer(), Peer()
    dialogue = Dialogue().say(CLIENT, UPGRADE % words_of((3, 100)))
    first = settings() + server.headers(1, OK, last=False) + data(1, b"hello")
    for words in [SWITCHING + first] if in_one else [SWITCHING, first]:
        dialogue.say(SERVER, words)
    dialogue.say(CLIENT, PREFACE + settings() + client.headers(3, asks(b"/b"))).say(SERVER, server.headers(3, OK))
    upgraded, second = dialogue.close()
    assert (upgraded.request.target, upgraded.request.version, upgraded.stream) == ("/a", "1.1", 1)
    assert (upgraded.response.status, upgraded.response.version, upgraded.response.body) == (200, "2", b"hello")
    assert [message.status for message in upgraded.informational] == [101]
    assert (upgraded.complete, upgraded.problems) == (True, ())
    assert (second.request.target, second.stream, second.conn_seq) == ("/b", 3, 2)
    assert not dialogue.counts.unread_bytes
    assert not dialogue.counts.opaque_bytes


def test_the_settings_of_an_upgrade_count():
    many = [(b"x-%d" % number, b"v" * 100) for number in range(60)]
    server = Peer(Encoder(8192))
    dialogue = Dialogue().say(CLIENT, UPGRADE % words_of((1, 8192))).say(SERVER, SWITCHING + settings())
    dialogue.say(CLIENT, PREFACE + settings()).say(
        SERVER, server.headers(1, answers(b"200", *many), prefix=server.encoder.resize(8192))
    )
    client = Peer()
    dialogue.say(CLIENT, client.headers(3, asks())).say(SERVER, server.headers(3, answers(b"200", *many)))
    assert [len(list(exchange.response.headers)) for exchange in dialogue.close()] == [60, 60]


@pytest.mark.parametrize("words", [b"", b"!", b"AAMAAABkAAQ", "ä".encode(), b"=" * 50, b"A" * 9])
def test_any_settings_of_an_upgrade(words: bytes):
    server = Peer()
    dialogue = Dialogue().say(CLIENT, UPGRADE % words).say(SERVER, SWITCHING + settings() + server.headers(1, OK))
    (exchange,) = dialogue.close()
    assert (exchange.response.status, exchange.problems) == (200, ())


def test_an_upgrade_whose_stream_never_ends():
    dialogue = Dialogue().say(CLIENT, UPGRADE % b"").say(SERVER, SWITCHING + settings())
    (exchange,) = dialogue.close(Problem.IDLE)
    assert exchange.problems == (Problem.NO_RESPONSE, Problem.IDLE)
    assert [message.status for message in exchange.informational] == [101]


def test_an_upgrade_that_is_refused():
    refused = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    dialogue = Dialogue().say(CLIENT, UPGRADE % b"").say(SERVER, refused)
    assert isinstance(dialogue.talk, Http1Conversation)
    (exchange,) = dialogue.close()
    assert (exchange.response.body, exchange.stream) == (b"hello", None)


def test_in_a_tunnel():
    client, server = Peer(), Peer()
    dialogue = Dialogue().say(CLIENT, CONNECT).say(SERVER, ESTABLISHED)
    dialogue.say(CLIENT, PREFACE + settings() + client.headers(1, asks(b"/in"))).say(SERVER, settings())
    dialogue.say(SERVER, server.headers(1, OK))
    tunnel, inner = dialogue.close()
    assert (tunnel.stream, inner.stream, inner.request.target, inner.conn_seq) == (None, 1, "/in", 2)
    assert not inner.problems


@pytest.mark.parametrize("pairs", [(), ((3, 100),), ((1, 4096), (3, 100), (4, 65535), (5, 16384))])
def test_a_server_may_speak_first(pairs: tuple[tuple[int, int], ...]):
    client, server = Peer(), Peer()
    dialogue = Dialogue().say(SERVER, settings(*pairs)).say(CLIENT, PREFACE + settings() + client.headers(1, asks()))
    dialogue.say(SERVER, server.headers(1, OK))
    (exchange,) = dialogue.close()
    assert (exchange.complete, exchange.problems, exchange.client.port) == (True, (), 40000)


@pytest.mark.parametrize("first", [CLIENT, SERVER], ids=["client", "server"])
def test_a_connection_that_was_open_before(first: int):
    """The first segments are frames; no preface was seen."""
    client, server = Peer(), Peer()
    client.headers(1, asks(b"/before", b"GET", (b"x-old", b"1")))
    dialogue = Dialogue(whole=False)
    if first == SERVER:
        dialogue.say(SERVER, server.headers(1, OK, last=False) + data(1, b"rest"))
    dialogue.say(CLIENT, client.headers(3, asks(b"/now", b"GET", (b"x-old", b"1"))) + window_update())
    dialogue.say(SERVER, server.headers(3, OK))
    exchanges = {exchange.stream: exchange for exchange in dialogue.close()}
    second = exchanges[3]
    assert (second.request.method, second.request.target, second.response.status) == ("GET", "/now", 200)
    assert (second.request.authority, Problem.HEADERS_LOST in second.problems) == ("", True)
    if first == SERVER:
        assert exchanges[1].response.body == b"rest"
        assert Problem.NO_REQUEST in exchanges[1].problems
        assert Problem.MID_STREAM in exchanges[1].problems


def test_joined_within_a_frame():
    client, server = Peer(), Peer()
    dialogue = Dialogue(whole=False, words={80: "http2"})
    dialogue.say(SERVER, b"the rest of a frame of DATA" + data(1, b"last") + ping() + server.headers(3, OK))
    dialogue.say(CLIENT, client.headers(5, asks(b"/five")) + ping()).say(SERVER, server.headers(5, OK))
    exchanges = {exchange.stream: exchange for exchange in dialogue.close()}
    assert (exchanges[5].request.target, exchanges[5].complete) == ("/five", True)
    assert exchanges[3].response.status == 200


NOT_FRAMES = [
    b"",
    b"\0\0\0",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\0\0\x08\x06\0\0\0\0\1" + bytes(8),  # PING on a stream
    bytes(8),
    b"\x81\x85abcdhello",
]


@pytest.mark.parametrize("words", NOT_FRAMES)
def test_what_is_no_row_of_frames(words: bytes):
    assert not is_row(words)


@pytest.mark.parametrize(
    "words",
    [ping(), settings(), reset(1), priority(1) * 3, ping() + data(3, b"x"), ping() * 3 + b"\xff", frame(4, 0, b"", 1)],
)
def test_what_is_a_row_of_frames(words: bytes):
    assert is_row(words)


def test_trailers_of_a_stream_that_began_before():
    """Fields without pseudo-fields are no head."""
    client, server = Peer(), Peer()
    dialogue = Dialogue(whole=False, words={80: "http2"})
    dialogue.say(CLIENT, client.headers(3, asks()) + ping())
    dialogue.say(SERVER, data(1, b"x", last=False) + server.headers(1, [(b"grpc-status", b"0")]) + ping())
    first = dialogue.exchanges[0]
    assert (list(first.response.headers), list(first.response.trailers)) == ([], [("grpc-status", "0")])
    assert told(first)["response"]["status"] is None
