"""A WebSocket in a stream of HTTP/2 (RFC 8441)."""

from __future__ import annotations

import pytest

from tests.support.http2 import answers, asks, begun, data, reset
from tests.support.talk import CLIENT, SERVER

CONNECT = asks(b"/chat", b"CONNECT", (b":protocol", b"websocket"))
HELLO, MASKED_HI = b"\x81\x05hello", b"\x81\x82abcd" + bytes(a ^ b for a, b in zip(b"hi", b"ab", strict=True))


def test_its_messages_pass_while_the_stream_is_open():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, CONNECT, last=False))
    dialogue.say(SERVER, server.headers(1, answers(), last=False))
    dialogue.say(CLIENT, data(1, MASKED_HI, last=False)).say(SERVER, data(1, HELLO[:3], last=False))
    dialogue.say(SERVER, data(1, HELLO[3:], last=False))
    assert [(message.protocol, message.end, message.body) for message in dialogue.messages] == [
        ("websocket", CLIENT, b"hi"),
        ("websocket", SERVER, b"hello"),
    ]
    dialogue.say(CLIENT, data(1, b"")).say(SERVER, data(1, b""))
    (exchange,) = dialogue.exchanges
    assert (exchange.request.method, exchange.request.target, exchange.response.status) == ("CONNECT", "/chat", 200)
    assert (exchange.request.body.wire_len, exchange.response.body.wire_len) == (len(MASKED_HI), len(HELLO))
    assert all(message.exchange is exchange for message in dialogue.messages)


def test_other_streams_go_on_beside_it():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, CONNECT, last=False) + client.headers(3, asks(b"/page")))
    dialogue.say(SERVER, server.headers(1, answers(), last=False) + server.headers(3, answers(), last=False))
    dialogue.say(SERVER, data(3, HELLO) + data(1, HELLO, last=False))
    assert [message.body for message in dialogue.messages] == [b"hello"]
    assert [exchange.response.body for exchange in dialogue.exchanges] == [HELLO]


@pytest.mark.parametrize("status", [b"404", b"500"])
def test_a_refusal_opens_no_tunnel(status: bytes):
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, CONNECT, last=False))
    dialogue.say(SERVER, server.headers(1, answers(status), last=False) + data(1, HELLO)).say(CLIENT, reset(1))
    (exchange,) = dialogue.close()
    assert (dialogue.messages, exchange.response.body) == ([], HELLO)


def test_another_protocol_is_not_read():
    dialogue, client, server = begun()
    dialogue.say(CLIENT, client.headers(1, asks(b"/", b"CONNECT", (b":protocol", b"other")), last=False))
    dialogue.say(SERVER, server.headers(1, answers(), last=False) + data(1, HELLO))
    (exchange,) = dialogue.close()
    assert (dialogue.messages, exchange.response.body.wire_len) == ([], len(HELLO))
