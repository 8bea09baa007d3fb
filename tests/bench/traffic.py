"""Traffic to measure with: several kinds, each as records in memory.

Each goes through the kernel's program, compiled for user space, once. Everything in it comes from counters, so that
two runs have the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import tempfile
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.road.files import file_source
from sockfilter.sources.narrowing import KernelFilter
from tests.support.captures import pcap, timed
from tests.support.frames import Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECTIONS = 16
# exchanges of each connection that stays open, and of one that does not
EXCHANGES, BRIEF_EXCHANGES = 400, 2
# nanoseconds from one packet to the next
STEP_NS = 10_000

Batches = list[tuple[memoryview, list[int]]]


class Turn(NamedTuple):
    """One exchange: each end's segments."""

    request: list[bytes]
    response: list[bytes]


class Traffic(NamedTuple):
    """One kind of traffic.

    Attributes:
        turns: what a connection says, by its number.
        is_brief: a connection ends after a few exchanges, and another one begins.
    """

    turns: Callable[[int], Iterator[Turn]]
    is_brief: bool = False


def recorded(traffic: Traffic, exchanges: int = EXCHANGES) -> Batches:
    """Its records, in batches as a busy reader finds them.

    Args:
        traffic: the kind.
        exchanges: of each of the connections that are open at the same time.
    """
    frames: list[bytes] = []
    ports = count(20000)
    said = [islice(traffic.turns(number), exchanges) for number in range(CONNECTIONS)]
    talks: list[Talk] = []
    for turns in range(exchanges):
        if not talks or (traffic.is_brief and turns % BRIEF_EXCHANGES == 0):
            frames += [frame for talk in talks for frame in talk.closing()]
            talks = [Talk(ports=(next(ports), 8000)) for _ in range(CONNECTIONS)]
            frames += [frame for talk in talks for frame in talk.opening()]
        now = [next(each) for each in said]
        frames += [talk.client(part) for talk, turn in zip(talks, now, strict=True) for part in turn.request]
        frames += [talk.server(part) for talk, turn in zip(talks, now, strict=True) for part in turn.response]
    batches: Batches = []

    def keep(view: memoryview, offsets: list[int]) -> None:
        batches.append((memoryview(bytes(view[: offsets[-1] + 4096])), list(offsets)))

    with tempfile.NamedTemporaryFile() as file:
        file.write(pcap(timed(frames, STEP_NS)))
        file.flush()
        with file_source(file.name, KernelFilter()) as source:
            while not source.is_over:
                source.drain(keep)
    return batches


def same(number: int) -> Iterator[Turn]:
    """As h2load asks nginx: the same heads over and over."""
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: h2load nghttp2/1.52.0\r\n\r\n"
    response = (
        b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 01 Jan 2022 00:00:00 GMT\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nhello, world\n"
    )
    while True:
        yield Turn([request], [response])


def unique(number: int) -> Iterator[Turn]:
    """No head comes twice: each has a target, a cookie, an id or an ETag of its own."""
    for i in count(number * 1_000_003):
        word = _word(i)
        yield Turn(
            [
                b"GET /items/%d?page=%d&sort=name HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: client/1.0\r\n"
                b"Accept: */*\r\nX-Request-Id: %s\r\nCookie: sid=%s; theme=dark\r\n\r\n" % (i, i % 7, word, word)
            ],
            [
                b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 01 Jan 2022 00:00:00 GMT\r\n"
                b'Content-Type: application/json\r\nContent-Length: 13\r\nETag: "%s"\r\n'
                b"Connection: keep-alive\r\n\r\nhello, world\n" % word
            ],
        )


def chunked(number: int) -> Iterator[Turn]:
    """The same heads over and over, and bodies in chunks, as an application answers behind a proxy."""
    request = b"GET /api/items HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: client/1.0\r\nAccept: */*\r\n\r\n"
    head = (
        b"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 01 Jan 2022 00:00:00 GMT\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
    )
    while True:
        yield Turn([request], [head + b"d\r\nhello, world\n\r\n0\r\n\r\n"])


def pieces(number: int) -> Iterator[Turn]:
    """The same, but head, each chunk and their end are segments of their own, as a server writes what it computes."""
    request, response = next(chunked(number))
    head, end = response[0].partition(b"\r\n\r\n")[0] + b"\r\n\r\n", b"0\r\n\r\n"
    while True:
        yield Turn(request, [head, b"40\r\n" + b"x" * 64 + b"\r\n", b"80\r\n" + b"y" * 128 + b"\r\n", end])


def mixed(number: int) -> Iterator[Turn]:
    """What a site is asked for: pages, files that have not changed, an API, forms, HEAD; plain, chunked and gzipped."""
    agent = b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 (%d)" % number
    usual = (
        b"Host: shop.example\r\nUser-Agent: %s\r\nAccept: */*\r\nAccept-Language: en-GB,en;q=0.5\r\n"
        b"Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n" % agent
    )
    cookie = b"Cookie: session=%s; theme=dark; consent=1\r\n" % _word(number)
    page = gzip.compress(b"<html><body>%s</body></html>" % (b"<p>a page</p>" * 200), mtime=0)
    for i in count():
        word, kind = _word(i * CONNECTIONS + number), i % 10
        server = b"Server: nginx\r\nDate: Sat, 01 Jan 2022 00:%02d:%02d GMT\r\n" % (i // 60 % 60, i % 60)
        if kind in (0, 5):  # a page, computed, sent in two segments
            head = b"Content-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"
            yield Turn(
                [b"GET /products/%d?ref=home HTTP/1.1\r\n%s%s\r\n" % (i // 10, usual, cookie)],
                [
                    b"HTTP/1.1 200 OK\r\n%s%s\r\n%x\r\n%s\r\n" % (server, head, len(page), page),
                    b"0\r\n\r\n",
                ],
            )
        elif kind in (1, 2, 6):  # a file that the client has
            etag = b'"%s"' % _word(i % 30)[:12]
            yield Turn(
                [b"GET /static/%d.js HTTP/1.1\r\n%sIf-None-Match: %s\r\n%s\r\n" % (i % 30, usual, etag, cookie)],
                [b"HTTP/1.1 304 Not Modified\r\n%sETag: %s\r\nConnection: keep-alive\r\n\r\n" % (server, etag)],
            )
        elif kind in (3, 7):  # a file
            head = (
                b"Content-Type: image/png\r\nContent-Length: 3000\r\nETag: %s\r\nCache-Control: max-age=600\r\n" % word
            )
            yield Turn(
                [b"GET /images/%s.png HTTP/1.1\r\n%s%s\r\n" % (word[:8], usual, cookie)],
                [b"HTTP/1.1 200 OK\r\n%s%s\r\n%s" % (server, head, b"\x89" * 1200), b"\x89" * 1400, b"\x89" * 400],
            )
        elif kind in (4, 8):  # an API
            body, answer = b'{"item":%d,"count":1}' % i, b'{"basket":%d,"items":[1,2,3]}' % i
            yield Turn(
                [
                    b"POST /api/basket HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n"
                    b"Authorization: Bearer %s\r\nX-Request-Id: %s\r\n\r\n%s" % (usual, len(body), word, word, body)
                ],
                [
                    b"HTTP/1.1 201 Created\r\n%sContent-Type: application/json\r\nX-Request-Id: %s\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (server, word, len(answer), answer)
                ],
            )
        else:
            yield Turn(
                [b"HEAD /health HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: probe/1.0\r\n\r\n"],
                [b"HTTP/1.1 200 OK\r\n%sContent-Type: text/plain\r\nContent-Length: 3\r\n\r\n" % server],
            )


def _word(number: int) -> bytes:
    """What looks like an id."""
    return hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest().encode()


TRAFFIC = {
    "same": Traffic(same),
    "unique": Traffic(unique),
    "chunked": Traffic(chunked),
    "pieces": Traffic(pieces),
    "mix": Traffic(mixed),
    "brief": Traffic(unique, is_brief=True),
}
