"""A server that speaks first, and closes: its client takes that for the answer to what it asks then.

CVE-2018-6794 was that an observer did not.
"""

from __future__ import annotations

import pytest

from sockfilter.model import Problem
from tests.support.dialogues import CONTINUE, EMPTY, GET, OK
from tests.support.talk import CLIENT, SERVER, Dialogue

NO_REQUEST = Problem.NO_REQUEST


def pairs(dialogue: Dialogue) -> list[tuple[bool, int | None, tuple[Problem, ...]]]:
    return [
        (exchange.request is not None, exchange.response and exchange.response.status, exchange.problems)
        for exchange in dialogue.close()
    ]


@pytest.mark.parametrize("first", [OK, CONTINUE + OK, b"HTTP/1.1 200 OK\r\n\r\nuntil close"])
def test_what_it_said_answers_the_first_request(first: bytes):
    dialogue = Dialogue().say(SERVER, first).end(SERVER).say(CLIENT, GET)
    assert pairs(dialogue) == [(True, 200, (Problem.EARLY_RESPONSE,))]
    assert dialogue.exchanges[0].conn_seq == 1
    assert dialogue.exchanges[0].complete
    assert (dialogue.counts.paired, dialogue.counts.open) == (2 + (first[:12] == CONTINUE[:12]), 0)
    assert not sum(dialogue.counts.unpaired.values())


def test_the_second_request_has_none():
    dialogue = Dialogue().say(SERVER, OK).end(SERVER).say(CLIENT, GET + GET)
    assert [status for _, status, _ in pairs(dialogue)] == [200, None]
    assert [exchange.conn_seq for exchange in dialogue.exchanges] == [1, 2]


def test_a_server_that_goes_on_had_no_request_for_its_first():
    dialogue = Dialogue().say(SERVER, OK).say(CLIENT, GET).say(SERVER, EMPTY)
    assert pairs(dialogue) == [(False, 200, (NO_REQUEST,)), (True, 200, ())]


def test_a_server_that_says_more_than_one():
    dialogue = Dialogue().say(SERVER, OK + OK).end(SERVER).say(CLIENT, GET)
    assert [status for _, status, _ in pairs(dialogue)] == [200, 200, None]


def test_a_server_that_nobody_asks():
    dialogue = Dialogue().say(SERVER, OK).end(SERVER)
    assert not dialogue.exchanges
    assert pairs(dialogue) == [(False, 200, (NO_REQUEST,))]


def test_what_is_lost_may_have_been_the_request():
    dialogue = Dialogue().lose(CLIENT, 20).say(SERVER, OK).end(SERVER).say(CLIENT, GET)
    assert [status for _, status, _ in pairs(dialogue)] == [200, None]


def test_in_mid_stream_the_request_may_have_been_before():
    dialogue = Dialogue(whole=False).say(SERVER, OK).end(SERVER).say(CLIENT, GET)
    assert [status for _, status, _ in pairs(dialogue)] == [200, None]


def test_behind_other_exchanges_it_is_a_goodbye():
    """A server that tires of waiting says 408, and a request is under way."""
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, OK).say(SERVER, EMPTY.replace(b"200", b"408")).end(SERVER)
    assert [status for _, status, _ in pairs(dialogue.say(CLIENT, GET))] == [200, 408, None]


def test_a_request_with_a_body_ends_the_exchange():
    dialogue = Dialogue().say(SERVER, OK).end(SERVER).say(CLIENT, b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab")
    assert not dialogue.exchanges
    assert pairs(dialogue.say(CLIENT, b"cd")) == [(True, 200, (Problem.EARLY_RESPONSE,))]
