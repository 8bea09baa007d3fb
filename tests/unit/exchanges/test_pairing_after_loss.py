"""Pairing where messages are missing: what is proven by its position is paired, and nothing else is."""

from __future__ import annotations

import pytest

from sockfilter.model import Problem
from tests.unit.exchanges.test_pairing import CLIENT, GAP, RESYNCHRONISED, SERVER, Pair


def turn(pair: Pair, i: int, *, asks: bool = True, answers: bool = True, resumed: tuple[bool, bool] = (False, False)):
    """The i-th request of 10 bytes, and its response of 20, as a client that waits sends them."""
    if asks:
        pair.request(f"/{i}", 1 + 10 * i, 1 + 20 * i, resumed=resumed[0])
    if answers:
        pair.response(200 + i, 1 + 20 * i, 11 + 10 * i, resumed=resumed[1])


def test_a_lost_response():
    pair = Pair()
    turn(pair, 0)
    turn(pair, 1, answers=False)
    pair.lose(SERVER)
    turn(pair, 2, resumed=(False, True))
    turn(pair, 3)
    assert pair.close() == [("/0", 200), ("/1", None), ("/2", 202), ("/3", 203)]
    assert pair.exchanges[1].problems == (Problem.NO_RESPONSE, GAP)
    assert pair.counts.unpaired == {"gap": 1}


def test_a_lost_request():
    pair = Pair()
    turn(pair, 0)
    pair.lose(CLIENT)
    turn(pair, 1, asks=False)
    turn(pair, 2, resumed=(True, False))
    turn(pair, 3)
    assert pair.close() == [("/0", 200), (None, 201), ("/2", 202), ("/3", 203)]
    assert pair.exchanges[1].problems == (Problem.NO_REQUEST, GAP)


def test_a_lost_request_whose_loss_shows_after_its_response():
    pair = Pair()
    turn(pair, 0)
    turn(pair, 1, asks=False)
    pair.lose(CLIENT)
    turn(pair, 2, resumed=(True, False))
    assert pair.close() == [("/0", 200), (None, 201), ("/2", 202)]


def test_a_lost_exchange():
    pair = Pair()
    turn(pair, 0)
    pair.lose(CLIENT)
    pair.lose(SERVER)
    turn(pair, 2, resumed=(True, True))
    turn(pair, 3)
    assert pair.close() == [("/0", 200), ("/2", 202), ("/3", 203)]


def test_a_lost_response_and_the_request_behind_it():
    """The next response is not that of the request before."""
    pair = Pair()
    turn(pair, 0, answers=False)
    pair.lose(SERVER)
    pair.lose(CLIENT)
    turn(pair, 1, asks=False, resumed=(False, True))
    turn(pair, 2, resumed=(True, False))
    assert pair.close() == [("/0", None), (None, 201), ("/2", 202)]


def test_lost_responses_in_a_row():
    pair = Pair()
    for i in range(3):
        turn(pair, i, answers=False)
    pair.lose(SERVER)
    turn(pair, 3, resumed=(False, True))
    turn(pair, 4)
    assert pair.close() == [("/0", None), ("/1", None), ("/2", None), ("/3", 203), ("/4", 204)]


def test_requests_that_come_late_find_their_responses():
    """The responses had waited for the hole before the requests."""
    pair = Pair()
    pair.lose(CLIENT)
    turn(pair, 1, answers=False, resumed=(True, False))
    for i in (2, 3):
        turn(pair, i, answers=False)
    turn(pair, 0, asks=False)
    for i in (1, 2, 3):
        turn(pair, i, asks=False)
    assert pair.close() == [(None, 200), ("/1", 201), ("/2", 202), ("/3", 203)]


def test_a_lost_continue():
    pair = Pair()
    pair.request("/0", 1, 1)
    pair.lose(SERVER)
    pair.response(200, 9, 11, resumed=True)
    assert pair.close() == [("/0", None), (None, 200)]


def test_a_final_response_follows_its_continue():
    pair = Pair(whole=False)
    pair.request("/0", 1, 1, resumed=True)
    pair.response(100, 1, 11)
    pair.response(200, 9, 11)
    assert pair.close() == [("/0", 200)]


def test_a_loss_behind_a_continue():
    pair = Pair()
    pair.request("/0", 1, 1)
    pair.response(100, 1, 11)
    pair.lose(SERVER)
    pair.response(200, 29, 11, resumed=True)
    turn(pair, 2)
    assert pair.close() == [("/0", None), (None, 200), ("/2", 202)]


def test_a_continue_whose_final_response_is_lost_with_the_next_request():
    pair = Pair()
    pair.response(100, 1, 1)
    pair.lose(CLIENT)
    pair.lose(SERVER)
    turn(pair, 2, resumed=(True, True))
    assert pair.close() == [(None, None), ("/2", 202)]


def batch(pair: Pair, numbers: range, *, lost: int = -1) -> None:
    """Requests sent together, as far as they are seen, and the answers."""
    start, end = numbers[0], numbers[-1] + 1
    for i in numbers:
        if i == lost:
            pair.lose(CLIENT)
        else:
            pair.request(f"/{i}", 1 + 10 * i, 1 + 20 * start, resumed=i == lost + 1)
    for i in numbers:
        pair.response(200 + i, 1 + 20 * i, 1 + 10 * end)


def paired(pair: Pair) -> list[tuple[str | None, int | None]]:
    return [exchange for exchange in pair.close() if None not in exchange]


def test_a_batch_that_lacks_a_response():
    pair = Pair()
    batch(pair, range(2))
    batch(pair, range(2, 4))
    for i in (4, 5, 6):
        pair.request(f"/{i}", 1 + 10 * i, 81)
    pair.lose(SERVER)
    pair.response(205, 101, 71, resumed=True)
    pair.response(206, 121, 71)
    batch(pair, range(7, 9))
    assert paired(pair) == [(f"/{i}", 200 + i) for i in (0, 1, 2, 3, 5, 6, 7, 8)]


@pytest.mark.parametrize("lost", [4, 5, 6])
def test_a_batch_that_lacks_a_request(lost: int):
    """Where the first is lost, its response begins where those behind it acknowledged, and is not theirs.

    Once the next batch shows that all of this one were answered, they are counted back from its end.
    """
    pair = Pair()
    batch(pair, range(2))
    batch(pair, range(2, 4))
    batch(pair, range(4, 7), lost=lost)
    batch(pair, range(7, 9))
    assert paired(pair) == [(f"/{i}", 200 + i) for i in range(9) if i != lost]


def test_one_batch_alone_does_not_say_that_the_client_waits_for_its_end():
    pair = Pair()
    batch(pair, range(3), lost=0)
    batch(pair, range(3, 5))
    assert paired(pair) == []


@pytest.mark.parametrize("lost", range(3, 8))
def test_a_client_that_keeps_several_under_way(lost: int):
    """After a loss, each request acknowledges up to where an earlier one's response begins: that proves nothing."""
    pair = Pair()
    for i in range(3):
        pair.request(f"/{i}", 1 + 10 * i, 1)
    for i in range(12):
        if i == lost:
            pair.lose(SERVER)
        else:
            pair.response(200 + i, 1 + 20 * i, 11 + 10 * (i + 2), resumed=i == lost + 1)
        pair.request(f"/{i + 3}", 1 + 10 * (i + 3), 21 + 20 * i)
    exchanges = pair.close()
    assert all(int(target[1:]) + 200 == status for target, status in exchanges if target and status)
    assert [exchange for exchange in exchanges if None not in exchange] == [(f"/{i}", 200 + i) for i in range(lost)]


def test_a_hole_that_is_not_known_yet_says_nothing_of_the_client():
    """The next request comes while the response before it has not been given up."""
    pair = Pair()
    turn(pair, 0)
    turn(pair, 1, answers=False)
    turn(pair, 2, answers=False)
    pair.lose(SERVER)
    turn(pair, 2, asks=False, resumed=(False, True))
    turn(pair, 3)
    assert pair.close() == [("/0", 200), ("/1", None), ("/2", 202), ("/3", 203)]


def test_order_counts_again_after_the_first_proof():
    pair = Pair()
    turn(pair, 0, answers=False)
    pair.lose(SERVER)
    turn(pair, 1, resumed=(False, True))
    batch(pair, range(2, 5))
    assert pair.close() == [("/0", None), ("/1", 201), ("/2", 202), ("/3", 203), ("/4", 204)]


def test_an_unsolicited_response_is_not_taken_for_that_of_the_next_request():
    """The two directions are not in step: each response is there before its request."""
    pair = Pair()
    for i in range(3):
        turn(pair, i, asks=False)
        turn(pair, i, answers=False)
    assert all(None in exchange for exchange in pair.close())


def test_what_is_open_at_the_end_names_the_loss():
    pair = Pair()
    turn(pair, 0, answers=False)
    pair.lose(SERVER)
    pair.close(Problem.CAPTURE_ENDED)
    assert pair.exchanges[0].problems == (Problem.NO_RESPONSE, Problem.CAPTURE_ENDED, GAP)


def test_a_loss_that_is_over_is_not_named_again():
    pair = Pair()
    turn(pair, 0, answers=False)
    pair.lose(SERVER)
    turn(pair, 1, resumed=(False, True))
    turn(pair, 2, answers=False)
    pair.close()
    assert pair.exchanges[-1].problems == (Problem.NO_RESPONSE, Problem.CLOSED)


def test_rubbish_is_no_loss():
    pair = Pair(whole=False)
    pair.pairing.lose(SERVER, False, None)
    pair.response(200, 1, 1, resumed=True)
    pair.close()
    assert pair.exchanges[0].problems == (Problem.NO_REQUEST, Problem.MID_STREAM, RESYNCHRONISED)


def test_a_client_whose_first_request_ahead_of_an_answer_is_lost():
    """Responses are all there, so that none of them can be one that a request waited for in vain: it did not wait."""
    pair = Pair()
    turn(pair, 0)
    pair.lose(CLIENT)
    pair.request("/2", 21, 21, resumed=True)
    pair.response(201, 21, 31)
    pair.request("/3", 31, 41)
    pair.response(202, 41, 41)
    pair.response(203, 61, 41)
    assert sorted(pair.close(), key=str) == [
        ("/0", 200),
        ("/2", None),
        ("/3", None),
        (None, 201),
        (None, 202),
        (None, 203),
    ]
