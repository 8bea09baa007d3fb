"""Bytes that are no part of a message are counted, each once: opaque ones by themselves."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.dialogues import (
    CHUNKED,
    CLIENT_HELLO,
    CONNECT,
    EMPTY,
    ESTABLISHED,
    GET,
    HEAD,
    OK,
    SERVER_HELLO,
    SWITCHING,
    UPGRADE,
)
from tests.support.talk import CLIENT, SERVER, Dialogue, Said

H2C = UPGRADE.replace(b"websocket", b"h2c")
OTHER, OTHERWISE = (head.replace(b"websocket", b"other/1") for head in (UPGRADE, SWITCHING))
# what is said, the opaque bytes in it, and those that have no meaning
SAID: dict[str, tuple[list[Said], int, int]] = {
    "nothing unusual": ([(CLIENT, GET), (SERVER, OK)], 0, 0),
    "empty lines": ([(CLIENT, b"\r\n\r\n" + GET), (SERVER, OK)], 0, 0),
    "websocket": ([(CLIENT, UPGRADE), (SERVER, SWITCHING + b"\x81\x02hi"), (CLIENT, b"\x81\x80abcd")], 0, 0),
    "half a message": ([(CLIENT, UPGRADE), (SERVER, SWITCHING + b"\x81\x05hi"), (CLIENT, b"\x81")], 0, 3),
    "another": ([(CLIENT, OTHER), (SERVER, OTHERWISE + b"\x81\x02hi"), (CLIENT, b"\x81\x80abcd")], 10, 0),
    "h2c": ([(CLIENT, H2C), (SERVER, OTHERWISE), (SERVER, b"\0\0\0\4\0\0\0\0\0"), (CLIENT, b"PRI * HTTP/2.0")], 23, 0),
    "TLS in a tunnel": (
        [(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, CLIENT_HELLO), (SERVER, SERVER_HELLO)],
        len(CLIENT_HELLO + SERVER_HELLO),
        0,
    ),
    "HTTP in a tunnel": ([(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, GET), (SERVER, OK)], 0, 0),
    "HEAD's liar": ([(CLIENT, HEAD), (SERVER, OK), (CLIENT, GET), (SERVER, OK)], 0, 5),
    "204's liar": ([(CLIENT, GET), (SERVER, b"HTTP/1.1 204 x\r\n\r\nhello"), (CLIENT, GET), (SERVER, OK)], 0, 5),
    "a bad chunk": ([(CLIENT, GET), (SERVER, CHUNKED + b"2\r\nhi\r\nzz\r\n"), (CLIENT, GET), (SERVER, OK)], 0, 4),
    "rubbish at the end": ([(CLIENT, GET), (SERVER, EMPTY + b"\0\1\2")], 0, 3),
    "a beginning at the end": ([(CLIENT, GET), (SERVER, EMPTY + b"HTTP/1.1 2")], 0, 10),
}


@pytest.mark.parametrize(("said", "opaque", "unread"), SAID.values(), ids=SAID.keys())
def test_counted(said: list[Said], opaque: int, unread: int):
    dialogue = Dialogue().hear(said)
    dialogue.close()
    assert (dialogue.counts.opaque_bytes, dialogue.counts.unread_bytes) == (opaque, unread)


@pytest.mark.parametrize(("said", "opaque", "unread"), SAID.values(), ids=SAID.keys())
@given(st.data())
def test_counted_however_they_are_cut(said: list[Said], opaque: int, unread: int, data: st.DataObject):
    dialogue = Dialogue()
    for end, spoken in said:
        places = sorted({0, len(spoken), *data.draw(st.lists(st.integers(0, len(spoken)), max_size=4))})
        for a, b in pairwise(places):
            dialogue.say(end, spoken[a:b])
    dialogue.close()
    assert (dialogue.counts.opaque_bytes, dialogue.counts.unread_bytes) == (opaque, unread)


def test_a_tunnel_that_its_source_only_counts():
    dialogue = Dialogue().say(CLIENT, OTHER).say(SERVER, OTHERWISE)
    dialogue.talk.receivers[SERVER].skip(1 << 40, 9)
    dialogue.close()
    assert dialogue.counts.opaque_bytes == 1 << 40


def test_lost_bytes_are_not_counted_here():
    dialogue = Dialogue().say(CLIENT, OTHER).say(SERVER, OTHERWISE).lose(SERVER, 9).say(SERVER, b"frames")
    dialogue.close()
    assert dialogue.counts.opaque_bytes == 6
