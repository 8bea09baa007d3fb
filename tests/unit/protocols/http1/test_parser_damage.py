"""Bytes that are missing, and bytes that are not what they should be: what is said of it, and where reading goes on."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from tests.support.dialogues import CHUNKED, CONTINUE, EMPTY, GET, HEAD, OK, chunks, request, response
from tests.support.talk import CLIENT, SERVER, Dialogue, facts, read

GAP, RESYNCHRONISED, MID_STREAM = Problem.GAP, Problem.RESYNCHRONISED, Problem.MID_STREAM
NO_REQUEST, NO_RESPONSE = Problem.NO_REQUEST, Problem.NO_RESPONSE
NEXT = [(CLIENT, GET.replace(b"/a", b"/next")), (SERVER, response(b"next"))]


def problems(dialogue: Dialogue) -> list[tuple[Problem, ...]]:
    return [exchange.problems for exchange in dialogue.close()]


def goes_on(dialogue: Dialogue) -> bool:
    """Whether the next exchange is read as if nothing had been."""
    exchange = dialogue.hear(NEXT).exchanges[-1]
    assert exchange.request is not None
    assert exchange.response is not None
    assert exchange.complete
    return (exchange.request.target, exchange.response.body) == ("/next", b"next")


def test_a_gap_in_a_body_leaves_the_rest_whole():
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, OK[:-3]).lose(SERVER, 3)
    assert goes_on(dialogue)
    assert problems(dialogue) == [(GAP,), ()]


def test_a_gap_in_the_body_of_a_request():
    sent = request(b"0123456789")
    dialogue = Dialogue().say(CLIENT, sent[:-8]).lose(CLIENT, 4).say(CLIENT, sent[-4:]).say(SERVER, OK)
    assert goes_on(dialogue)
    first, _ = dialogue.close()
    assert first.problems == (GAP,)
    assert (first.request.body, first.request.body.wire_len) == (b"01", 10)


def test_a_gap_in_a_head_leaves_the_whole_lines():
    dialogue = Dialogue().say(CLIENT, b"GET /a HTTP/1.1\r\nHost: x\r\nCookie: hal").lose(CLIENT, 20).say(SERVER, OK)
    assert goes_on(dialogue)
    first, second = dialogue.close()
    assert first.request.raw == b"GET /a HTTP/1.1\r\nHost: x\r\n"
    assert first.problems == (GAP,)
    assert first.response.status == 200
    assert not second.problems


def test_a_gap_in_the_head_of_a_response():
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, b"HTTP/1.1 404 No\r\nContent-Le").lose(SERVER, 20)
    assert goes_on(dialogue)
    first, second = dialogue.close()
    assert (first.response.status, first.problems) == (404, (GAP,))
    assert not first.complete
    assert not second.problems


def test_a_gap_in_a_first_line_leaves_nothing_to_tell():
    dialogue = Dialogue().say(CLIENT, b"GET /a").lose(CLIENT, 20).say(SERVER, OK)
    assert goes_on(dialogue)
    assert problems(dialogue) == [(NO_REQUEST, GAP), ()]


def test_a_gap_instead_of_a_request():
    dialogue = Dialogue().lose(CLIENT, len(GET)).say(SERVER, OK)
    assert goes_on(dialogue)
    assert problems(dialogue) == [(NO_REQUEST, GAP), ()]


def test_a_gap_instead_of_a_response():
    dialogue = Dialogue().say(CLIENT, GET).lose(SERVER, len(OK))
    assert goes_on(dialogue)
    assert problems(dialogue) == [(NO_RESPONSE, GAP), ()]


def test_a_gap_between_chunks_breaks_the_body_off():
    sent = CHUNKED + chunks(b"a" * 100, b"b" * 100)
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, sent[:70]).lose(SERVER, 100).say(SERVER, sent[170:])
    assert goes_on(dialogue)
    first, second = dialogue.close()
    assert first.problems == (GAP,)
    assert first.response.body != b"a" * 100 + b"b" * 100
    assert set(first.response.body) == set(b"a")
    assert not second.problems


def test_a_gap_within_a_chunk_leaves_the_rest_whole():
    sent = CHUNKED + chunks(b"a" * 100, b"b" * 100)
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, sent[:70]).lose(SERVER, 50).say(SERVER, sent[120:])
    assert goes_on(dialogue)
    first, second = dialogue.close()
    assert first.problems == (GAP,)
    assert first.response.body.wire_len == 200
    assert not second.problems


def test_a_gap_until_close():
    dialogue = (
        Dialogue().say(CLIENT, GET).say(SERVER, b"HTTP/1.0 200 OK\r\n\r\nabc").lose(SERVER, 7).say(SERVER, b"xyz")
    )
    (exchange,) = dialogue.close()
    assert exchange.problems == (GAP,)
    assert (exchange.response.body, exchange.response.body.wire_len) == (b"abc", 13)


def test_an_answer_to_head_that_has_a_body_nevertheless():
    """RFC 9110, 9.3.2 forbids it; clients read past it, and so does this."""
    for body in (b"hello", b"<html>\nHTTP/1.1 200 OK in the middle of it\r\n\r\n</html>"):
        dialogue = Dialogue().say(CLIENT, HEAD).say(SERVER, EMPTY + body)
        assert goes_on(dialogue)
        assert problems(dialogue) == [(Problem.UNEXPECTED_BODY,), ()]


def test_an_answer_to_head_whose_body_comes_in_segments_of_its_own():
    dialogue = Dialogue().say(CLIENT, HEAD).say(SERVER, EMPTY).say(SERVER, b"hello").say(SERVER, b"world")
    assert goes_on(dialogue)
    assert problems(dialogue) == [(), ()]


def test_an_answer_to_head_whose_body_shares_a_segment_with_the_next_answer():
    dialogue = Dialogue().say(CLIENT, HEAD + GET).say(SERVER, EMPTY + b"hello" + OK)
    first, second = dialogue.close()
    assert first.response.raw == EMPTY
    # nothing proves where the second response begins: segments do not, and neither does the client
    assert (second.response.raw, second.problems) == (b"hello" + OK[:-5], (Problem.BAD_HEAD,))


@pytest.mark.parametrize("status", [b"204 No", b"304 No"])
def test_a_body_where_none_may_be(status: bytes):
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, b"HTTP/1.1 %s\r\nContent-Length: 5\r\n\r\nhello" % status)
    assert goes_on(dialogue)
    assert problems(dialogue) == [(Problem.UNEXPECTED_BODY,), ()]


def test_an_answer_to_a_head_that_was_not_seen():
    """Content-Length tells of a body that does not come, and nothing says so but the next response."""
    dialogue = Dialogue().lose(CLIENT, len(HEAD)).say(SERVER, OK[:-5])
    assert goes_on(dialogue)
    first, second = dialogue.close()
    assert first.response.body.wire_len == 0
    assert not second.problems


@pytest.mark.parametrize("made", [OK, CHUNKED + chunks(b"hello"), EMPTY])
def test_an_answer_to_what_was_not_seen_has_its_body(made: bytes):
    for at in (len(made), made.find(b"\r\n\r\n") + 4):
        dialogue = Dialogue().lose(CLIENT, 50).say(SERVER, made[:at])
        if made[at:]:
            dialogue.say(SERVER, made[at:])
        assert goes_on(dialogue)
        assert dialogue.exchanges[0].response.body in (b"hello", b"")
        assert dialogue.exchanges[0].response.complete


@pytest.mark.parametrize("made", [OK[:-5], OK[:-5] + EMPTY, CHUNKED + EMPTY, b"HTTP/1.1 200 OK\r\n\r\n" + EMPTY])
def test_an_answer_to_a_head_that_was_not_seen_cut_at_every_byte(made: bytes):
    expected = facts(Dialogue().lose(CLIENT, 50).say(SERVER, made).close())
    for at in range(1, len(made)):
        dialogue = Dialogue().lose(CLIENT, 50).say(SERVER, made[:at]).say(SERVER, made[at:])
        assert facts(dialogue.close()) == expected


def test_a_body_that_only_begins_like_a_response():
    for body in (b"HTTP/1", b"HTTP/1.1 is what I speak\n"):
        dialogue = Dialogue().lose(CLIENT, 50).say(SERVER, b"HTTP/1.0 200 OK\r\n\r\n").say(SERVER, body)
        assert dialogue.close()[0].response.body == body


def test_answers_to_heads_that_were_not_seen_in_one_segment():
    dialogue = Dialogue().lose(CLIENT, 50).say(SERVER, OK[:-5] + OK[:-5] + OK)
    exchanges = dialogue.close()
    assert [exchange.response.body for exchange in exchanges] == [b"", b"", b"hello"]


def test_until_close_of_what_was_not_seen():
    dialogue = Dialogue().lose(CLIENT, 50).say(SERVER, b"HTTP/1.1 200 OK\r\n\r\n").say(SERVER, b"all of it")
    (exchange,) = dialogue.close()
    assert exchange.response.body == b"all of it"
    assert exchange.response.complete


def test_a_gap_where_the_body_of_what_was_not_seen_would_begin():
    """It may as well be the next response that is missing."""
    dialogue = Dialogue().lose(CLIENT, 50).say(SERVER, OK[:-5]).lose(SERVER, 3).say(SERVER, b"lo")
    assert goes_on(dialogue)
    assert not dialogue.exchanges[0].response.complete
    assert dialogue.exchanges[0].response.body.wire_len == 0


def test_rubbish_between_messages():
    dialogue = Dialogue().hear([(CLIENT, GET), (SERVER, OK), (CLIENT, b"\0\1\2rubbish\r\n\r\n")])
    assert goes_on(dialogue)
    assert problems(dialogue) == [(), (RESYNCHRONISED,)]


def test_rubbish_that_may_become_a_first_line_does_not_swallow_the_next():
    dialogue = Dialogue().say(CLIENT, HEAD).say(SERVER, EMPTY).say(SERVER, b"HTTP/1.1 is what I speak. ")
    assert goes_on(dialogue)
    assert problems(dialogue) == [(), ()]


def test_a_first_line_is_what_its_bytes_say_however_odd():
    dialogue = Dialogue().hear([(CLIENT, GET), (SERVER, OK), (CLIENT, b"Some "), (CLIENT, GET), (SERVER, OK)])
    assert [exchange.request.method for exchange in dialogue.close()] == ["GET", "Some"]


def test_after_a_loss_an_unknown_method_is_believed_where_the_server_waits_for_it():
    odd = [(CLIENT, b"FROB /b HTTP/1.1\r\n\r\n"), (SERVER, OK)]
    for at in range(1, len(odd[0][1])):
        dialogue = Dialogue().hear(NEXT).lose(CLIENT, 30).say(SERVER, OK)
        dialogue.say(CLIENT, odd[0][1][:at]).say(CLIENT, odd[0][1][at:]).say(SERVER, OK)
        assert dialogue.close()[-1].request.method == "FROB"


def test_after_a_loss_an_unknown_method_is_not_believed_elsewhere():
    dialogue = Dialogue().hear(NEXT).lose(CLIENT, 30).say(CLIENT, b"What I like about HTTP/1.1\r\n\r\n").say(SERVER, OK)
    assert goes_on(dialogue)
    assert dialogue.counts.requests == 2


def test_a_broken_chunk_is_followed_by_the_next_message():
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, CHUNKED + b"zz\r\nwhatever")
    assert goes_on(dialogue)
    assert problems(dialogue) == [(Problem.BAD_CHUNK,), ()]


def test_a_response_where_a_chunk_should_be():
    dialogue = Dialogue().say(CLIENT, GET).say(SERVER, CHUNKED + b"2\r\nhi\r\n")
    assert goes_on(dialogue)
    assert problems(dialogue) == [(Problem.BAD_CHUNK,), ()]


def test_in_mid_stream_reading_begins_at_the_first_message():
    dialogue = Dialogue(whole=False).say(SERVER, b"rest of a body\r\n").say(CLIENT, b"rest of another")
    assert goes_on(dialogue)
    assert problems(dialogue) == [(RESYNCHRONISED,)]


def test_in_mid_stream_a_response_comes_first():
    dialogue = Dialogue(whole=False).say(SERVER, OK)
    assert goes_on(dialogue)
    assert problems(dialogue) == [(NO_REQUEST, MID_STREAM), ()]


def test_in_mid_stream_a_request_comes_first():
    dialogue = Dialogue(whole=False)
    assert goes_on(dialogue)
    assert problems(dialogue) == [()]


def test_in_mid_stream_a_message_begins_where_the_other_end_says():
    """Received segments are merged: the rest of a body and the next response come as one."""
    dialogue = Dialogue(whole=False).say(SERVER, b"body")
    dialogue.say(CLIENT, GET)
    dialogue.next[SERVER] -= 4
    dialogue.say(SERVER, b"body" + OK)
    (exchange,) = dialogue.close()
    assert exchange.response.body == b"hello"
    assert not exchange.problems


@pytest.mark.parametrize("at", range(1, len(OK)))
def test_reading_goes_on_with_a_message_cut_at_every_byte(at: int):
    dialogue = Dialogue().say(CLIENT, GET).lose(SERVER, 99).say(CLIENT, GET).say(SERVER, OK[:at]).say(SERVER, OK[at:])
    first, second = dialogue.close()
    assert first.problems == (NO_RESPONSE, GAP)
    assert second.response.body == b"hello"


def test_what_looks_like_a_first_line_in_a_lost_body_is_proven_by_its_whole_line():
    dialogue = Dialogue().say(CLIENT, GET).lose(SERVER, 99).say(SERVER, b"HTTP/1.1 is a protocol\r\n\r\n")
    assert goes_on(dialogue)
    assert [exchange.response and exchange.response.status for exchange in dialogue.close()] == [None, 200]


def test_one_end_does_not_ask_and_answer():
    """A client sends an archive of responses; of one, the beginning is lost."""
    dialogue = Dialogue().hear(NEXT).lose(CLIENT, 99).say(CLIENT, OK).say(SERVER, EMPTY)
    assert goes_on(dialogue)
    found = [(exchange.request is not None, exchange.response.body) for exchange in dialogue.close()]
    assert found == [(True, b"next"), (False, b""), (True, b"next")]


def test_one_end_does_not_answer_and_ask():
    dialogue = Dialogue().hear(NEXT).say(CLIENT, GET).lose(SERVER, 99).say(SERVER, GET).say(SERVER, GET[:20])
    assert goes_on(dialogue)
    assert dialogue.counts.requests == 3


def test_a_lost_continue_leaves_the_final_response_alone():
    dialogue = Dialogue().say(CLIENT, GET).lose(SERVER, len(CONTINUE)).say(SERVER, OK)
    assert goes_on(dialogue)
    assert problems(dialogue) == [(NO_RESPONSE, GAP), (NO_REQUEST, GAP, RESYNCHRONISED), ()]


def test_a_gap_before_a_tunnel_is_known():
    dialogue = Dialogue().say(CLIENT, b"CONNECT h:1 HTTP/1.1\r\n\r\n").say(SERVER, b"HTTP/1.1 200 OK\r\n\r\n")
    dialogue.lose(CLIENT, len(GET)).say(SERVER, OK)
    assert goes_on(dialogue)
    assert [exchange.request and exchange.request.target for exchange in dialogue.close()] == ["h:1", None, "/next"]


def test_an_interrupted_message_says_why():
    for problem in (Problem.CLOSED, Problem.RESET, Problem.IDLE, Problem.CAPTURE_ENDED, Problem.REPLACED):
        for said in (OK[:-2], OK[:20], CHUNKED + b"5\r\nhe"):
            (exchange,) = read((CLIENT, GET), (SERVER, said), problem=problem)
            assert exchange.problems == (problem,)
            assert not exchange.complete


def test_what_is_too_long_for_a_head_and_none_is_no_head_however_it_is_cut():
    rubbish = GET[:-2] + b"X: y\r\n" * 40_000 + b"\n"
    whole = facts(read((CLIENT, GET), (SERVER, rubbish)))
    assert facts(read((CLIENT, GET), (SERVER, rubbish[:30]), (SERVER, rubbish[30:]))) == whole
    assert [told.problems for told in whole] == [("bad-head",)]
