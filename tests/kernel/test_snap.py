"""Frames cut at a snap length: counted, and said of every exchange that lacks bytes for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sockfilter.model import Problem
from tests.support.frames import REQUEST, Talk, over_ipv4

if TYPE_CHECKING:
    from tests.support.cable import Cable

HEADERS = 54
BODY = bytes(range(256)) * 4
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + BODY


def test_body_is_cut_and_the_exchange_says_so(cable: Cable) -> None:
    with cable.capture(snap=200) as capture:
        cable.pass_by(capture, *Talk().whole(REQUEST, RESPONSE))
        (exchange,) = capture.exchanges
    body = exchange.response.body
    assert Problem.TRUNCATED in exchange.problems
    assert not exchange.complete
    assert body.wire_len == len(BODY)
    assert body == BODY[: 200 - HEADERS - (len(RESPONSE) - len(BODY))]
    assert capture.ledger.packets["truncated"] == 1
    assert capture.ledger.losses() == {"packets cut at the snap length": (1, "a larger -s, or none")}


def test_head_is_cut_and_the_exchange_says_so(cable: Cable) -> None:
    with cable.capture(snap=HEADERS + len(b"GET /x HTTP/1.1\r\nHo")) as capture:
        cable.pass_by(capture, *Talk().whole(REQUEST, b"HTTP/1.1 204 No Content\r\n\r\n"))
        exchange, *_ = capture.exchanges
    assert Problem.TRUNCATED in exchange.problems
    assert capture.ledger.packets["truncated"] == 2


@pytest.mark.parametrize("snap", [1, HEADERS - 1, HEADERS])
def test_no_payload_is_left(cable: Cable, snap: int) -> None:
    with cable.capture(snap=snap) as capture:
        cable.pass_by(capture, *Talk().whole())
    assert capture.ledger.packets["sent"] == 4
    assert capture.ledger.packets["truncated"] >= 2
    assert not any(exchange.complete for exchange in capture.exchanges)


@pytest.mark.parametrize("snap", [HEADERS + len(RESPONSE), 65535, None])
def test_long_enough_cuts_nothing(cable: Cable, snap: int | None) -> None:
    with cable.capture(snap=snap) as capture:
        cable.pass_by(capture, *Talk().whole(REQUEST, RESPONSE))
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert not exchange.problems
    assert exchange.response.body == BODY
    assert capture.ledger.packets["truncated"] == 0


def test_next_message_behind_a_cut_body_is_whole(cable: Cable) -> None:
    talk = Talk()
    frames = [*talk.opening(), talk.client(), talk.server(RESPONSE), talk.client(), talk.server()]
    with cable.capture(snap=300) as capture:
        cable.pass_by(capture, *frames)
        one, two = capture.exchanges
    assert not one.complete
    assert two.complete
    assert two.response.body == b"hello"
    assert not two.problems


def test_padding_that_is_cut_is_no_loss(cable: Cable) -> None:
    talk = Talk(lambda end, segment: over_ipv4(end, segment).ljust(400, b"\0"))
    with cable.capture(snap=150) as capture:
        cable.pass_by(capture, *talk.whole())
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert not exchange.problems
    assert capture.ledger.packets["truncated"] == 0
