"""Retransmissions are counted on the exchange that is open, in the lane and on the road."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.http2 import PREFACE, Peer, answers, asks, data, settings
from tests.support.wire import MASK, Wire

GET = b"GET / HTTP/1.1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"


class Line:
    """A connection with one or more exchanges before what is looked at: on the road, or in the lane."""

    def __init__(self, before: int) -> None:
        self.wire = Wire()
        self.talker = self.wire.connection()
        for _ in range(before):
            self.talker.client(GET)
            self.talker.server(OK + b"world")

    def again(self, record, **changes: object) -> None:
        self.wire.records.append(replace(record, time_ns=self.wire.tick(), **changes))

    @property
    def counted(self) -> list[int]:
        return [exchange.retransmissions for exchange in self.wire.read()]


BEFORE = pytest.mark.parametrize("before", [0, 1, 3])


@BEFORE
def test_a_request_that_is_sent_again(before: int):
    line = Line(before)
    asked = line.talker.client(GET)
    line.again(asked)
    line.again(asked)
    line.talker.server(OK + b"world")
    assert line.counted == [0] * before + [2]
    assert line.wire.ledger.segments.retransmitted == 2


@BEFORE
def test_a_response_that_is_sent_again(before: int):
    line = Line(before)
    line.talker.client(GET)
    answered = line.talker.server(OK)
    line.again(answered)
    line.talker.server(b"world")
    assert line.counted == [0] * before + [1]


@BEFORE
def test_what_is_sent_again_after_the_end_is_nobodys(before: int):
    line = Line(before)
    line.talker.client(GET)
    answered = line.talker.server(OK + b"world")
    line.again(answered)
    line.talker.client(GET)
    line.again(answered)
    line.talker.server(OK + b"world")
    assert line.counted == [0] * (before + 2)
    assert line.wire.ledger.segments.retransmitted == 2


def test_each_request_of_several_has_its_own():
    line = Line(0)
    asked = [line.talker.client(GET) for _ in range(3)]
    for i in (0, 2, 2):
        line.again(asked[i])
    for _ in range(3):
        line.talker.server(OK + b"world")
    assert line.counted == [1, 0, 2]


def test_what_is_sent_again_with_more_behind_it():
    line = Line(0)
    line.talker.client(GET)
    answered = line.talker.server(OK)
    data = OK + b"world"
    line.again(answered, data=data, kept=len(data))
    assert line.counted == [1]
    assert line.wire.ledger.segments.overlapping == 1


def test_what_waits_and_comes_again():
    """Behind a hole too, what is there already is no news."""
    line = Line(0)
    line.talker.client(GET)
    line.talker.server(OK)
    hole = line.talker.server(b"wo")
    late = line.talker.server(b"rld")
    line.again(late)
    line.wire.records.remove(hole)
    line.again(hole)
    assert line.counted == [1]
    assert (line.wire.ledger.segments.retransmitted, line.wire.ledger.segments.reordered) == (1, 1)


def test_keep_alives_and_probes_are_no_retransmissions():
    line = Line(0)
    asked = line.talker.client(GET)
    line.again(asked, seq=(asked.seq + len(GET) - 1) & MASK, data=b"\0", kept=1)
    line.talker.server(OK + b"world")
    assert line.counted == [0]


def test_an_informational_response_that_is_sent_again():
    line = Line(0)
    line.talker.client(GET)
    interim = line.talker.server(b"HTTP/1.1 100 Continue\r\n\r\n")
    line.again(interim)
    line.talker.server(OK + b"world")
    assert line.counted == [1]


def test_in_http2_a_retransmission_counts_for_all_that_is_open():
    client, server, line = Peer(), Peer(), Line(0)
    line.talker.client(PREFACE + settings() + client.headers(1, asks(b"/one")))
    line.talker.server(settings() + server.headers(1, answers(), last=False) + data(1, b"one"))
    asked = line.talker.client(client.headers(3, asks(b"/three")))
    line.again(asked)
    line.talker.client(client.headers(5, asks(b"/five")))
    answered = line.talker.server(server.headers(5, answers(), last=False))
    line.again(answered)
    line.talker.server(data(5, b"five") + server.headers(3, answers(), last=False) + data(3, b"three"))
    exchanges = {exchange.request.target: exchange.retransmissions for exchange in line.wire.read()}
    assert exchanges == {"/one": 0, "/three": 2, "/five": 1}
