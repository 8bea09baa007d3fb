"""The lines for people: what is on them, and what -v adds."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable

import pytest

from tests.e2e.asks import SMALL
from tests.support.clients import Ask, curl
from tests.support.command import Sniffer
from tests.support.odd import answering, head, talking, tell

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two:  words here \r\n\r\n"
OK = b"HTTP/1.1 200 Very Well\r\nContent-Length: 6\r\nX: y\r\n\r\nhello\n"
LINE = re.compile(
    r"\d\d:\d\d:\d\d\.\d{3}  127\.0\.0\.1:\d+ > 127\.0\.0\.1:\d+ +GET /a\?b=c +200 +6 B +\d+(\.\d+)? (us|ms)"
)


def shown(talk: Callable[[socket.socket], None], *options: str, request: bytes = GET) -> str:
    """The output for one client; -q and -v as asked for."""
    with talking(talk) as site, Sniffer("-i", "lo", "--ports", str(site.port), *options) as sniffer:
        tell(site, request)
        return sniffer.end().output.decode()


def test_a_line_says_when_who_what_and_how_long():
    text = shown(answering(OK))
    assert LINE.fullmatch(text.removesuffix("\n"))
    assert "\x1b" not in text


def test_v_adds_the_heads_as_they_were_sent():
    line, *rest = shown(answering(OK), "-v", "--no-processes").splitlines()
    assert LINE.fullmatch(line)
    assert rest == [
        "    > GET /a?b=c HTTP/1.1",
        "    > Host: x",
        "    > X-Two: words here",
        "    < HTTP/1.1 200 Very Well",
        "    < Content-Length: 6",
        "    < X: y",
        "",
    ]


def test_vv_adds_the_bodies():
    post = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\na\n\tb"
    text = shown(answering(OK), "-vv", request=post)
    assert "    > Content-Length: 4\n    >\n    > a\n    > \tb\n    < HTTP/1.1 200" in text
    assert text.endswith("    < X: y\n    <\n    < hello\n\n")


def test_body_shows_no_more_than_it_says():
    assert shown(answering(OK), "--body", "3").endswith("    <\n    < hel\n    < (3 of 6 bytes kept)\n\n")


def test_a_body_that_is_no_text_is_named_not_shown():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\x00\xff\xfe"
    assert "    < (3 bytes, not text)\n" in shown(answering(answer), "-vv")


def test_a_coded_body_is_shown_decoded(loopback):
    site = loopback.get("python")
    with Sniffer("-i", "lo", "--ports", str(site.port), "-vv") as sniffer:
        curl(site, [Ask("GET", "/gzip")])
        done = sniffer.end()
    assert "    < the same again and again, the same" in done.output.decode()


def test_trailers_come_behind_the_body():
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
    assert shown(answering(answer), "-vv").endswith("    < hello\n    <\n    < X-Sum: 1\n\n")


def test_what_is_missing_is_said_at_the_end_of_the_line():
    def talk(connection: socket.socket) -> None:
        head(connection)

    (line,) = shown(talk).splitlines()
    assert line.split(maxsplit=6)[-1].split() == ["-", "-", "-", "[no-response,", "closed]"]


def test_raw_gives_each_message_as_it_was():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;e=1\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
    text = shown(answering(b"HTTP/1.1 100 Continue\r\n\r\n" + chunked), "--format", "raw")
    client = re.match(r"127\.0\.0\.1:\d+ -> (127\.0\.0\.1:\d+)\n", text)
    assert client
    there = client[0].encode()
    back = " -> ".join(reversed(client[0].rstrip("\n").split(" -> "))).encode() + b"\n"
    expected = there + GET + b"\n" + back + b"HTTP/1.1 100 Continue\r\n\r\n\n" + back + chunked + b"\n"
    assert text.encode() == expected


@pytest.mark.parametrize("ip", ["::1", "127.0.0.1"])
def test_addresses_as_people_write_them(loopback, ip):
    site = loopback.get("python", 6 if ":" in ip else 4)
    with Sniffer("-i", "lo", "--ports", str(site.port)) as sniffer:
        curl(site, [SMALL])
        (line,) = sniffer.end().lines
    assert f" > {site.authority} " in line
