"""Traffic to measure with: several kinds, each as records in memory.

Each goes through the kernel's program, compiled for user space, once. What is in them comes from counters, so that two
runs have the same bytes; but the mix is recorded from a real site each time.
"""

from __future__ import annotations

import hashlib
import tempfile
from itertools import count, islice
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.road.files import file_source
from sockfilter.sources.narrowing import KernelFilter
from tests.bench.mix import record
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
    with tempfile.NamedTemporaryFile() as file:
        file.write(pcap(timed(frames, STEP_NS)))
        file.flush()
        return records_of(file.name)


def records_of(path: str) -> Batches:
    """The records of a capture file."""
    batches: Batches = []

    def keep(view: memoryview, offsets: list[int]) -> None:
        batches.append((memoryview(bytes(view[: offsets[-1] + 4096])), list(offsets)))

    with file_source(path, KernelFilter()) as source:
        while not source.is_over:
            source.drain(keep)
    return batches


def mix() -> Batches:
    """The records of a real site (mix.py), recorded now."""
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/site.pcapng"
        record(path)
        return records_of(path)


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


def _word(number: int) -> bytes:
    """What looks like an id."""
    return hashlib.md5(b"%d" % number, usedforsecurity=False).hexdigest().encode()


# The kinds, and what makes the records of each.
KINDS: dict[str, Callable[[], Batches]] = {
    "same": lambda: recorded(Traffic(same)),
    "unique": lambda: recorded(Traffic(unique)),
    "chunked": lambda: recorded(Traffic(chunked)),
    "pieces": lambda: recorded(Traffic(pieces)),
    "mix": mix,
    "brief": lambda: recorded(Traffic(unique, is_brief=True)),
}
