"""Bodies that carry a protocol take the road, also on connections that are in the lane."""

from __future__ import annotations

from pathlib import Path

import pytest

import sockfilter
from sockfilter.protocols.contents import MEDIA
from tests.support.wire import Wire, taken_lines

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nhi"
EVENTS = b"data: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize("media", [b"text/event-stream", b"TEXT/Event-Stream; charset=utf-8", b"\t text/event-stream"])
@pytest.mark.parametrize("cut", [0, 5, len(EVENTS)])
def test_events_in_a_body_with_a_length_are_read(media: bytes, cut: int):
    wire = Wire()
    talker = wire.connection()
    head = b"HTTP/1.1 200 OK\r\nContent-Type:%s\r\nContent-Length: %d\r\n\r\n" % (media, len(EVENTS))
    for number in range(9):
        talker.client(GET)
        if number % 4 == 3:
            talker.server(head + EVENTS[:cut])
            if EVENTS[cut:]:
                talker.server(EVENTS[cut:])
        else:
            talker.server(OK)
    talker.close()
    assert len(wire.read_in_every_way()) == 9
    assert wire.ledger is not None
    assert wire.ledger.messages.stream_messages == {"sse": 4}
    assert taken_lines(wire.records) >= 3


def test_the_short_road_knows_every_media_type_of_the_table():
    source = (Path(sockfilter.__file__).parent / "road" / "express" / "heads.c").read_text()
    for media in MEDIA:
        assert f'"{media.decode()}"' in source
