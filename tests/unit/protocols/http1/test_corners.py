"""Corners of HTTP/1, each with its policy: what real peers send, read as those read it that have to live with it."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from sockfilter.protocols.http1 import head as heads
from tests.support.dialogues import CHUNKED, CONNECT, CONTINUE, EMPTY, ESTABLISHED, GET, HEAD, OK, chunks, request
from tests.support.talk import CLIENT, SERVER, Dialogue, answer, facts, read

BAD_LENGTH, RESYNCHRONISED = Problem.BAD_LENGTH, Problem.RESYNCHRONISED
NEXT = [(CLIENT, GET.replace(b"/a", b"/next")), (SERVER, EMPTY)]


def fields_of(*lines: bytes, end: bytes = b"\r\n") -> list[tuple[str, str]]:
    return list(answer(OK, end.join([b"GET / HTTP/1.1", *lines, b"", b""])).request.headers)


def test_a_bare_line_feed_ends_a_line_as_well():
    assert fields_of(b"A: 1", b"B: 2", end=b"\n") == [("A", "1"), ("B", "2")]


def test_a_bare_carriage_return_ends_no_line():
    """RFC 9112, 2.2: it is invalid, or white space; here it stays in the value."""
    assert fields_of(b"A: 1\rB: 2") == [("A", "1\rB: 2")]


def test_a_fold_is_one_space():
    assert fields_of(b"A: 1 \r\n \t 2\r\n\t3", b"B:\r\n 4") == [("A", "1 2 3"), ("B", "4")]


def test_a_fold_in_front_of_the_first_field_is_a_field_by_itself():
    assert fields_of(b" A: 1") == [(" A", "1")]


def test_white_space_before_the_colon_is_no_part_of_the_name():
    assert fields_of(b"A : 1", b"B\t: 2") == [("A", "1"), ("B", "2")]


def test_empty_names_and_values_stay():
    assert fields_of(b"A:", b": 1", b":", b"no colon") == [("A", ""), ("", "1"), ("", ""), ("no colon", "")]


def test_ten_thousand_fields_are_read():
    assert len(fields_of(*(b"X-%d: y" % i for i in range(10_000)))) == 10_000


def test_a_head_beyond_the_limit_is_told_as_far_as_it_is_kept_and_reading_goes_on():
    long = GET[:-2] + b"X: " + b"x" * heads.HEAD_BYTES_MAX + b"\r\n\r\n"
    first, second = read((CLIENT, long), (SERVER, OK), *NEXT)
    assert (first.request.target, first.response.status) == ("/a", 200)
    assert first.problems == (Problem.HEAD_TOO_LONG,)
    assert (second.request.target, second.problems) == ("/next", ())


@pytest.mark.parametrize("method", [b"PURGE", b"M-SEARCH", b"SOURCE", b"frob", b"X"])
def test_any_method_opens_a_connection_that_was_seen_from_its_syn(method: bytes):
    raw = method + b" /b HTTP/1.1\r\n\r\n"
    for at in range(len(raw)):
        (exchange,) = read((CLIENT, raw[:at]), (CLIENT, raw[at:]), (SERVER, OK))
        assert exchange.request.method == method.decode()
        assert not exchange.problems


def test_only_registered_methods_open_one_in_mid_stream():
    raw = b"FROB /b HTTP/1.1\r\n\r\n"
    dialogue = Dialogue(whole=False).say(CLIENT, raw[:3]).say(CLIENT, raw[3:]).say(SERVER, OK)
    assert [exchange.request for exchange in dialogue.close()] == [None]


@pytest.mark.parametrize("version", ["1.2", "1.9", "0.9", "0.0"])
def test_versions_of_one_digit_are_told_as_they_are(version: str):
    first = f"HTTP/{version}".encode()
    exchange = answer(OK.replace(b"HTTP/1.1", first), GET.replace(b"HTTP/1.1", first))
    assert (exchange.request.version, exchange.response.version) == (version, version)
    assert exchange.complete


@pytest.mark.parametrize("first", [b"RTSP/1.0", b"ICE/1.0", b"HTTP/5.6", b"HTTP/01.1", b"Http/1.1", b"HTTP/1."])
def test_whether_a_first_line_that_is_not_quite_one_is_http_says_the_other_end(first: bytes):
    odd = GET.replace(b"HTTP/1.1", first)
    assert Dialogue().say(CLIENT, odd).say(SERVER, b"RTSP/1.0 200 OK\r\n\r\n").rejected == ["not HTTP"]
    dialogue = Dialogue().say(CLIENT, odd).say(SERVER, OK.replace(b"200", b"400")).hear(NEXT)
    refused, after = dialogue.close()
    assert not dialogue.rejected
    assert (refused.request.method, refused.request.target, refused.response.status) == ("GET", "/a", 400)
    assert (refused.request.raw, refused.problems) == (odd, (Problem.BAD_HEAD,))
    assert (after.request.target, after.complete, after.problems) == ("/next", True, ())


def test_a_first_line_without_a_target():
    (refused,) = read((CLIENT, b"GET HTTP/1.1\r\nHost: x\r\n\r\n"), (SERVER, OK.replace(b"200", b"400")))
    assert (refused.request.method, refused.request.target, refused.request.version) == ("GET", "", "1.1")
    assert refused.problems == (Problem.BAD_HEAD,)


def test_other_protocols_are_let_go_at_their_first_line():
    for line in (b"220 mx.example ESMTP\r\n", b"USER me\r\n", b"get key\r\n", b"\0\1\2\3\r\n"):
        assert Dialogue().say(CLIENT, line).rejected == ["not HTTP"]


def test_what_nobody_answers_is_let_go():
    dialogue = Dialogue().say(CLIENT, b"GET key\r\n")
    for _ in range(16):
        assert not dialogue.rejected
        dialogue.say(CLIENT, b"x" * 4096)
    assert dialogue.rejected == ["not HTTP"]


def test_equal_lengths_are_one():
    assert answer(OK.replace(b"h: 5", b"h: 5, 5\r\ncontent-length: 5")).problems == ()


@pytest.mark.parametrize("fields", [b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5, 6"])
def test_lengths_that_differ_are_none_of_them(fields: bytes):
    """A response goes on until close; a request has no body, and what comes is passed over."""
    exchange = answer(OK.replace(b"Content-Length: 5", fields))
    assert (exchange.response.body, exchange.problems) == (b"hello", (BAD_LENGTH,))
    asked = b"POST /a HTTP/1.1\r\n" + fields + b"\r\n\r\nhello"
    first, second = read((CLIENT, asked), (SERVER, OK), *NEXT)
    assert (first.request.body.wire_len, first.problems) == (0, (BAD_LENGTH,))
    assert (second.request.target, second.problems) == ("/next", ())


def test_chunks_count_and_a_length_beside_them_does_not():
    for length in (b"3", b"999", b"x"):
        exchange = answer(CHUNKED[:-2] + b"Content-Length: " + length + b"\r\n\r\n" + chunks(b"hello"))
        assert exchange.response.body == b"hello"
        assert exchange.complete


@pytest.mark.parametrize("codings", [b"chunked, gzip", b"chunked, chunked", b"chunked\r\nTransfer-Encoding: chunked"])
def test_chunks_count_wherever_they_are_named(codings: bytes):
    """As in browsers, which never undo another transfer coding; RFC 9112, 6.1, wants them last, and once."""
    exchange = answer(CHUNKED.replace(b"chunked", codings) + chunks(b"hello"))
    assert (exchange.response.body, exchange.problems) == (b"hello", (Problem.BAD_FRAMING,))


@pytest.mark.parametrize("codings", [b"xchunked", b"chunkedx", b"chunked;q=1", b'"chunked"', b"chunked\x0b", b"foo"])
def test_what_is_only_like_chunks_frames_nothing(codings: bytes):
    odd = CHUNKED.replace(b"chunked", codings)
    assert answer(odd + b"until close").response.body == b"until close"
    exchange = answer(odd.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n") + b"hello")
    assert (exchange.response.body, exchange.complete) == (b"hello", True)
    assert exchange.problems == (Problem.BAD_FRAMING,)


def test_identity_before_the_chunks_is_nothing():
    exchange = answer(CHUNKED.replace(b"chunked", b"identity, chunked") + chunks(b"hello"))
    assert (exchange.response.body, exchange.response.body.length) == (b"hello", 5)


def test_extensions_of_chunks_are_no_content_and_trailers_stand_apart():
    sent = CHUNKED + b'5;a="b;\\"c"\r\nhello\r\n0;last\r\nSum: 1\r\n folded\r\n\r\n'
    response = answer(sent).response
    assert (response.body, list(response.trailers)) == (b"hello", [("Sum", "1 folded")])


def test_the_body_that_a_server_refuses_may_not_come():
    """RFC 9110, 10.1.1: a client that has not sent it goes on with its next request, or closes."""
    asked = request(b"some body", b"Expect: 100-continue")
    refused = b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"
    (sent_on,) = read((CLIENT, asked[:-9]), (SERVER, refused), (CLIENT, asked[-9:]))
    assert (sent_on.request.body, sent_on.problems) == (b"some body", (Problem.EARLY_RESPONSE,))
    not_sent = (Problem.EARLY_RESPONSE, Problem.BODY_NOT_SENT)
    (given_up,) = read((CLIENT, asked[:-9]), (SERVER, refused))
    assert (given_up.response.status, given_up.complete, given_up.problems) == (417, False, not_sent)
    for framing in (asked[:-9], asked[:-9].replace(b"Content-Length: 9", b"Transfer-Encoding: chunked")):
        first, second = read((CLIENT, framing), (SERVER, refused), *NEXT)
        assert (first.request.body, first.problems) == (b"", not_sent)
        assert (second.request.target, second.complete, second.problems) == ("/next", True, ())


def test_a_body_that_was_under_way_when_it_was_refused_is_a_body():
    asked = request(GET, b"Expect: 100-continue")
    dialogue = Dialogue().say(CLIENT, asked[: -len(GET)])
    before = dialogue.next[SERVER]
    dialogue.say(SERVER, b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
    dialogue.next[SERVER], after = before, dialogue.next[SERVER]  # what the client has received by then
    dialogue.say(CLIENT, GET)
    dialogue.next[SERVER] = after
    (exchange,) = dialogue.close()
    assert exchange.request.body == GET


def test_an_early_final_response_after_an_interim_one():
    asked = request(b"some body", b"Expect: 100-continue")
    said = [(CLIENT, asked[:-9]), (SERVER, CONTINUE), (CLIENT, asked[-9:-3]), (SERVER, OK), (CLIENT, asked[-3:])]
    first, second = read(*said, *NEXT)
    assert [message.status for message in first.informational] == [100]
    assert first.request.body == b"some body"
    assert first.problems == (Problem.EARLY_RESPONSE,)
    assert not second.problems


@pytest.mark.parametrize(
    ("rest", "problems"),
    [
        (b"GET /2 HTQP/1.1\r\n\r\n", (Problem.BAD_HEAD,)),
        (b"x" * (heads.HEAD_BYTES_MAX + 1), (Problem.BAD_HEAD, Problem.HEAD_TOO_LONG)),
        (b"P/1.1\r\nX: " + b"x" * heads.HEAD_BYTES_MAX, (Problem.HEAD_TOO_LONG,)),
    ],
)
def test_a_head_that_is_answered_early_and_does_not_go_on_as_one(rest: bytes, problems: tuple[Problem, ...]):
    first, second = read((CLIENT, b"GET /1 HTT"), (SERVER, OK), (CLIENT, rest), *NEXT)
    assert (first.request.target, first.response.status, first.problems) == (
        "/1",
        200,
        (Problem.EARLY_RESPONSE, *problems),
    )
    assert (second.request.target, second.problems) == ("/next", (RESYNCHRONISED,))


@pytest.mark.parametrize("start", [b" 200 OK", b"\t200 OK", b"no head"])
@pytest.mark.parametrize("name", [b"Content-Length", b"Content-Encoding", b"Transfer-Encoding", b"Connection"])
@pytest.mark.parametrize("end", [b"", b": 5", b": 5\n ", b": 5\n\t6"])
def test_a_field_that_is_cut_off_says_nothing(start: bytes, name: bytes, end: bytes):
    """Least of all is it looked for without end."""
    said = start + b"\n" + name + end
    exchange = answer(said)
    assert (exchange.response.raw + exchange.response.body, exchange.problems) == (said, (Problem.BAD_HEAD,))


def test_behind_a_head_that_is_answered_early_the_next_is_as_short_as_it_is():
    said = [(CLIENT, b"GET /1 HTTP/1.1\r\nX: " + b"x" * 200), (SERVER, OK), (CLIENT, GET + GET), (SERVER, EMPTY)]
    first, second, third = read(*said, (SERVER, EMPTY))
    assert first.problems == (Problem.EARLY_RESPONSE,)
    assert [exchange.request.raw for exchange in (second, third)] == [GET, GET]


@pytest.mark.parametrize("liar", [(HEAD, OK), (GET, OK.replace(b"200", b"204")), (GET, OK.replace(b"200", b"304"))])
def test_a_body_where_none_may_be_is_counted_and_passed_over(liar: tuple[bytes, bytes]):
    asked, answered = liar
    for at in (len(answered) - 5, len(answered)):
        dialogue = Dialogue().hear([(CLIENT, asked), (SERVER, answered[:at]), (SERVER, answered[at:]), *NEXT])
        first, second = dialogue.close()
        named = () if at < len(answered) else (Problem.UNEXPECTED_BODY,)
        assert (first.response.body.wire_len, first.problems) == (0, named)
        assert (second.request.target, second.problems) == ("/next", ())
        assert dialogue.counts.unread_bytes == 5


def test_the_http_of_a_tunnel_is_exchanges_behind_the_one_that_opened_it():
    said = [(CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, GET + GET), (SERVER, OK + OK)]
    assert [(e.conn_seq, e.request.method, e.complete) for e in read(*said)] == [
        (1, "CONNECT", True),
        (2, "GET", True),
        (3, "GET", True),
    ]


def test_what_a_client_sends_before_its_tunnel_stands_is_in_it():
    eager = read((CLIENT, CONNECT + GET), (SERVER, ESTABLISHED), (SERVER, OK))
    assert facts(eager) == facts(read((CLIENT, CONNECT), (SERVER, ESTABLISHED), (CLIENT, GET), (SERVER, OK)))


@pytest.mark.parametrize("count", [1, 3])
def test_responses_alone_are_exchanges_without_requests(count: int):
    """A mirror port that shows one direction."""
    exchanges = read(*[(SERVER, OK)] * count)
    assert [(e.request, e.response.body) for e in exchanges] == [(None, b"hello")] * count
    assert {e.problems for e in exchanges} == {(Problem.NO_REQUEST,)}


@pytest.mark.parametrize("count", [1, 3])
def test_requests_alone_are_exchanges_without_responses(count: int):
    exchanges = read(*[(CLIENT, GET)] * count)
    assert [(e.request.target, e.response) for e in exchanges] == [("/a", None)] * count
    assert {e.problems for e in exchanges} == {(Problem.NO_RESPONSE, Problem.CLOSED)}


def test_both_ends_in_the_middle_of_a_message():
    dialogue = Dialogue(whole=False).say(CLIENT, b"rest of an upload").say(SERVER, b"rest of a page\r\n\r\nHTTP/1.1")
    (exchange,) = dialogue.hear(NEXT).close()
    assert (exchange.request.target, exchange.response.status) == ("/next", 200)
    assert dialogue.counts.unread_bytes == 17 + 26


def test_what_was_answered_early_and_is_no_request_ends_where_the_next_one_begins():
    early, exchange = read(
        *[(CLIENT, b"GET "), (SERVER, OK[:-5]), (CLIENT, b"GET /x\r\n"), (SERVER, b"hello")],
        *[(CLIENT, GET), (SERVER, OK)],
    )
    assert early.request.method == "GET"
    assert early.problems == (Problem.EARLY_RESPONSE, Problem.BAD_HEAD)
    assert exchange.complete
