"""--format jsonl: the public contract, to the letter."""

from __future__ import annotations

import base64
import gzip
import socket
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from tests.e2e.contract import TCP_TIMES, Line, assert_contract
from tests.support.command import Sniffer
from tests.support.odd import answering, head, talking, tell

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def lines_of(talk: Callable[[socket.socket], None], *parts: bytes, options: Sequence[str] = ()) -> list[Line]:
    """The JSON lines for one client that sends these parts; each is held against the contract."""
    with (
        talking(talk) as site,
        Sniffer("-i", "lo", "--ports", str(site.port), "--format", "jsonl", *options) as sniffer,
    ):
        tell(site, *parts)
        done = sniffer.end()
    assert done.output.isascii()
    for line in done.json:
        assert_contract(line)
    return done.json


def line_of(answer: bytes, request: bytes = GET, options: Sequence[str] = ()) -> Line:
    (line,) = lines_of(answering(answer), request, options=options)
    return line


def body_of(answer: bytes, *options: str) -> Line:
    return line_of(answer, options=options)["response"]["body"]


def answer_with(body: bytes, *fields: bytes) -> bytes:
    return b"".join([b"HTTP/1.1 200 OK\r\n", *fields, b"Content-Length: %d\r\n\r\n" % len(body), body])


def test_an_exchange_as_the_contract_shows_it():
    line = line_of(OK)
    assert (line["request"]["method"], line["request"]["target"], line["request"]["version"]) == ("GET", "/a", "1.1")
    assert (line["response"]["status"], line["response"]["reason"]) == (200, "OK")
    assert line["response"]["headers"] == [["Content-Length", "5"]]
    assert line["request"]["body"] == {"wire_len": 0, "len": 0}
    assert line["response"]["body"] == {"wire_len": 5, "len": 5}
    assert set(line["timing"]) - set(TCP_TIMES) == {"connect", "send", "wait", "receive", "total"}
    assert (line["complete"], line["problems"], line["informational"]) == (True, [], [])


def test_the_time_is_that_of_the_wall_clock():
    before = time.time()
    line = line_of(OK)
    told = datetime.strptime(line["time"][:26] + "Z", "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
    assert before <= told <= time.time()


def test_fields_keep_their_case_their_order_and_their_number():
    request = b"GET / HTTP/1.1\r\nhOsT: x\r\nX-B: 1\r\nx-b:2\r\nA: \r\nX-B:\t3 \r\n\r\n"
    fields = line_of(OK, request)["request"]["headers"]
    assert fields == [["hOsT", "x"], ["X-B", "1"], ["x-b", "2"], ["A", ""], ["X-B", "3"]]


def test_an_informational_response():
    assert line_of(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)["informational"] == [{"status": 103}]


def test_a_missing_response_is_null_and_the_problems_say_why():
    def talk(connection: socket.socket) -> None:
        head(connection)

    (line,) = lines_of(talk, GET)
    assert line["response"] is None
    assert line["problems"] == ["no-response", "closed"]
    assert set(line["timing"]) - set(TCP_TIMES) == {"connect", "send"}


def test_a_missing_request_is_null_and_the_problems_say_why():
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")

    (line,) = lines_of(talk)
    assert line["request"] is None
    assert line["problems"] == ["no-request"]


def test_text_is_text():
    body = 'käse\n\t"quoted" \U0001f9c0'
    assert body_of(answer_with(body.encode()), "--body", "all")["text"] == body


def test_what_is_no_text_is_base64():
    found = body_of(answer_with(bytes(range(256))), "--body", "all")
    assert base64.b64decode(found["base64"]) == bytes(range(256))
    assert "kept" not in found


def test_a_body_that_is_cut_says_how_much_was_kept():
    assert body_of(answer_with(b"0123456789"), "--body", "4") == {"wire_len": 10, "len": 10, "text": "0123", "kept": 4}


def test_a_body_that_is_cut_within_a_character_is_still_text():
    found = body_of(answer_with("ä€".encode()), "--body", "3")
    assert found == {"wire_len": 5, "len": 5, "text": "ä", "kept": 3}


def test_no_bytes_of_a_body_are_asked_for():
    assert body_of(answer_with(b"0123456789"), "--body", "0") == {"wire_len": 10, "len": 10, "kept": 0}


def test_a_coding_that_is_not_known_here_is_kept_as_sent():
    found = body_of(answer_with(b"\x1b\x00\x00", b"Content-Encoding: br\r\n"), "--body", "all")
    assert found["wire_len"] == 3
    assert "len" not in found


def test_the_length_after_decoding_is_told_without_the_body_too():
    zipped = gzip.compress(b"again " * 1000)
    assert body_of(answer_with(zipped, b"Content-Encoding: gzip\r\n")) == {"wire_len": len(zipped), "len": 6000}


def test_trailers_are_there_where_they_were_sent():
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
    assert line_of(answer)["response"]["trailers"] == [["X-Sum", "1"]]


def test_bytes_that_are_no_utf8_do_not_break_the_line():
    line = line_of(OK, b"GET /\xff HTTP/1.1\r\nX: \xfe\x80\r\n\r\n")
    assert line["request"]["target"] == "/\u00ff"
    assert line["request"]["headers"] == [["X", "\u00fe\u0080"]]


def test_keep_alive_counts_on_the_connection_and_connects_once():
    first, second = lines_of(answering(OK, OK), GET, GET)
    assert (first["connection"], first["conn_seq"]) == (second["connection"], 1)
    assert second["conn_seq"] == 2
    assert "connect" not in second["timing"]
    assert (first["id"], second["id"]) == (1, 2)
    assert first["time"] < second["time"]
