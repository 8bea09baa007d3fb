"""What of the coming bytes is needed: bodies that nobody wants pass by as numbers."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from sockfilter.protocols.body import BodyPolicy
from sockfilter.protocols.http1.parser import BULK_BYTES, ENDLESS
from tests.support.dialogues import CHUNKED, GET, OK, UNTIL_CLOSE, chunks, response
from tests.support.talk import CLIENT, SERVER, Dialogue

NOTHING = BodyPolicy(0, decodes=False)
BIG = 1_000_000


def downloading(policy: BodyPolicy = NOTHING, size: int = BIG, have: int = 0) -> Dialogue:
    """A response of so many bytes has begun."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    return Dialogue(policy).say(CLIENT, GET).say(SERVER, head + b"x" * have)


def test_a_body_that_nobody_wants_is_announced():
    dialogue = downloading(have=10)
    assert dialogue.announced == [(SERVER, BIG - 10)]
    assert dialogue.talk.receivers[SERVER].ignoring == BIG - 10


def test_the_end_of_the_body_is_announced_when_it_has_come():
    """Not a byte before: what was left out until then would count as missing."""
    dialogue = downloading()
    dialogue.say(SERVER, b"x" * (BIG - 1))
    assert dialogue.announced == [(SERVER, BIG)]
    dialogue.say(SERVER, b"x")
    assert dialogue.announced == [(SERVER, BIG), (SERVER, 0)]


def test_a_chunk_that_begins_where_another_ends_is_announced_too():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    dialogue = Dialogue(NOTHING).say(CLIENT, GET).say(SERVER, head + b"%x\r\n" % BIG)
    dialogue.say(SERVER, b"x" * BIG + b"\r\n%x\r\n" % BULK_BYTES)
    dialogue.say(SERVER, b"x" * BULK_BYTES + b"\r\n%x\r\nx" % BULK_BYTES)
    assert dialogue.announced == [(SERVER, BIG), (SERVER, BULK_BYTES)]


def test_small_bodies_are_not_worth_announcing():
    assert not downloading(size=BULK_BYTES - 1).announced


def test_what_is_wanted_is_taken_first():
    dialogue = downloading(BodyPolicy(100), have=99)
    assert dialogue.talk.receivers[SERVER].ignoring == 0
    dialogue.say(SERVER, b"xx")
    assert dialogue.talk.receivers[SERVER].ignoring == BIG - 101


def test_a_body_that_is_decoded_is_needed_whole():
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n\x1f\x8b"
    dialogue = Dialogue(BodyPolicy(0)).say(CLIENT, GET).say(SERVER, head)
    assert dialogue.talk.receivers[SERVER].ignoring == 0


@pytest.mark.parametrize("passes", ["bytes", "lengths"])
def test_lengths_are_enough_for_what_nobody_wants(passes: str):
    dialogue = downloading()
    if passes == "bytes":
        dialogue.say(SERVER, b"x" * BIG)
    else:
        dialogue.lose(SERVER, BIG, Problem.TRUNCATED)
    dialogue.say(CLIENT, GET).say(SERVER, OK)
    first, second = dialogue.close()
    assert (first.response.body.wire_len, first.response.body.length, first.response.body) == (BIG, BIG, b"")
    assert first.complete
    assert not first.problems
    assert second.complete
    assert not second.problems


def test_lengths_of_what_is_wanted_are_a_loss():
    dialogue = downloading(BodyPolicy(1 << 62), have=10).lose(SERVER, 90, Problem.TRUNCATED)
    dialogue.say(SERVER, b"x" * (BIG - 100)).say(CLIENT, GET).say(SERVER, OK)
    first, second = dialogue.close()
    assert first.problems == (Problem.TRUNCATED,)
    assert not first.complete
    assert (first.response.body.wire_len, len(first.response.body)) == (BIG, 10)
    assert second.complete


def test_lengths_beyond_the_body_lose_the_next_message():
    dialogue = downloading().lose(SERVER, BIG + 10, Problem.TRUNCATED)
    dialogue.say(CLIENT, GET).say(SERVER, OK)
    first, second = dialogue.close()
    assert first.complete
    assert not first.problems
    assert not second.problems


def test_a_gap_in_a_body_that_nobody_wants_is_a_gap():
    (exchange,) = downloading().lose(SERVER, BIG, Problem.GAP).close()
    assert exchange.problems == (Problem.GAP,)
    assert not exchange.complete
    assert exchange.response.body.wire_len == BIG


def test_until_close_is_needed_no_longer_than_wanted():
    dialogue = Dialogue(BodyPolicy(3)).say(CLIENT, GET).say(SERVER, UNTIL_CLOSE + b"abcdef")
    assert dialogue.announced == [(SERVER, ENDLESS)]
    dialogue.say(SERVER, b"x" * 10).lose(SERVER, 5_000_000_000, Problem.TRUNCATED)
    (exchange,) = dialogue.close()
    assert exchange.complete
    assert (exchange.response.body, exchange.response.body.wire_len) == (b"abc", 5_000_000_016)


def test_of_chunks_the_framing_is_needed():
    dialogue = Dialogue(NOTHING).say(CLIENT, GET).say(SERVER, CHUNKED + b"80000\r\nabc")
    assert dialogue.announced == [(SERVER, 0x80000 - 3)]
    dialogue.lose(SERVER, 0x80000 - 3, Problem.TRUNCATED)
    assert dialogue.announced[-1] == (SERVER, 0)
    (exchange,) = dialogue.say(SERVER, b"\r\n" + chunks(b"hi")).close()
    assert exchange.complete
    assert exchange.response.body.wire_len == 0x80000 + 2


def test_lengths_beyond_a_chunk_lose_the_rest_of_the_body():
    dialogue = Dialogue(NOTHING).say(CLIENT, GET).say(SERVER, CHUNKED + b"80000\r\nabc")
    dialogue.lose(SERVER, 0x80000, Problem.TRUNCATED).say(SERVER, chunks(b"hi"))
    first, second = dialogue.say(CLIENT, GET).say(SERVER, OK).close()
    assert first.problems == (Problem.TRUNCATED,)
    assert second.complete


def test_nothing_is_announced_twice():
    dialogue = downloading()
    for _ in range(5):
        dialogue.say(SERVER, b"x" * 1000)
    assert len(dialogue.announced) == 1


def test_an_acknowledgement_within_a_body_changes_nothing():
    dialogue = downloading(BodyPolicy(1 << 62), size=10, have=5)
    dialogue.talk.receivers[SERVER].skip(0, 0)
    (exchange,) = dialogue.say(SERVER, b"y" * 5).close()
    assert exchange.response.body == b"xxxxxyyyyy"
    assert not exchange.problems


@pytest.mark.parametrize("size", [3 << 30, 5 << 30, 10**17])
def test_bodies_of_any_size_are_counted(size: int):
    dialogue = downloading(size=size)
    dialogue.lose(SERVER, size, Problem.TRUNCATED)
    first, second = dialogue.say(CLIENT, GET).say(SERVER, response(b"hi")).close()
    assert first.response.body.wire_len == size
    assert second.complete
