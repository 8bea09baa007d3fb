"""Content of HTTP/2 that nobody needs stays in the kernel: what comes out is the same, byte for byte of its size."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.kernel.test_bodies import carry, on_loopback
from tests.support.http2 import DATA, PREFACE, Peer, answers, asks, data, frame, ping, settings
from tests.support.sockets import read_exactly

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator

    from sockfilter import Capture

MEBIBYTE = 1 << 20
SIZE = 48 * MEBIBYTE
KEPT = 1000
# of what is sent at a time: it passes loopback as one segment
STEP_BYTES = 65536


def equal(size: int) -> Iterator[int]:
    """Sizes of frames that are SIZE together."""
    yield from [size] * (SIZE // size)
    yield SIZE % size


def mixed(least: int, most: int) -> Iterator[int]:
    random, left = Random(most), SIZE
    while left:
        size = min(left, random.randint(least, most))
        left -= size
        yield size


def content(sizes: Iterable[int], stream: int = 1) -> bytes:
    """DATA of one stream. Its bytes would be a frame of another stream if somebody looked in the wrong place."""
    false = frame(DATA, 9, bytes(91)) * 10600
    return b"".join(frame(DATA, stream, false[:size]) for size in sizes)


def carry_in_step(capture: Capture, sender: socket.socket, receiver: socket.socket, data: bytes) -> None:
    """Sends data a segment at a time: what this process says of one is known before the next."""
    for at in range(0, len(data), STEP_BYTES):
        part = data[at : at + STEP_BYTES]
        sender.sendall(part)
        read_exactly(receiver, len(part))
        capture.pump()


SHAPES = {
    "of nginx": equal(8192),
    "of the usual limit": equal(16384),
    "of any size": mixed(1, 16384),
    "with many heads in a segment": equal(700),
    "larger than segments": equal(1 << 20),
    "empty ones among them": (size for pair in zip(equal(12000), iter(int, 1), strict=False) for size in pair),
}


@pytest.mark.parametrize("sizes", [pytest.param(list(sizes), id=name) for name, sizes in SHAPES.items()])
def test_size_of_a_body_is_exact(sizes: list[int]) -> None:
    client_says, server_says = Peer(), Peer()
    with on_loopback(body=KEPT) as (capture, client, server):
        for stream in (1, 3):
            asked = client_says.headers(stream, asks(b"/large/%d" % stream, b"GET", (b"x-from", b"a client")))
            asked = (PREFACE + settings() if stream == 1 else b"") + asked
            client.sendall(asked)
            read_exactly(server, len(asked))
            answer = server_says.headers(stream, answers(b"200", (b"x-by", b"a server")), last=False)
            answer = (settings() if stream == 1 else b"") + answer + content(sizes, stream) + data(stream, b"the end")
            (carry if stream == 1 else carry_in_step)(capture, server, client, answer)
        capture.flush()
        first, second = capture.exchanges
    for exchange, stream in ((first, 1), (second, 3)):
        assert not exchange.problems
        assert exchange.request.target == f"/large/{stream}"
        assert exchange.response.headers["x-by"] == "a server"
        assert exchange.response.body.wire_len == SIZE + len("the end")
        assert len(exchange.response.body) == KEPT
    assert capture.ledger.messages.frames["data"] == 2 * (len(sizes) + 1)


def test_frames_larger_than_segments_stay_in_the_kernel() -> None:
    """Without steps, two processors may handle segments of loopback in another order, which loses the place of the next
    head. Only small frames show it again."""
    client_says, server_says = Peer(), Peer()
    with on_loopback(body=KEPT) as (capture, client, server):
        asked = PREFACE + settings() + client_says.headers(1, asks(b"/large"))
        client.sendall(asked)
        read_exactly(server, len(asked))
        answer = settings() + server_says.headers(1, answers(), last=False)
        carry_in_step(capture, server, client, answer + content(equal(MEBIBYTE)) + data(1, b"the end"))
        capture.flush()
        assert capture.one().response.body.wire_len == SIZE + len("the end")
    assert capture.ledger.packets["quiet"] > SIZE // STEP_BYTES // 2


def test_what_is_between_the_content_comes_up() -> None:
    """Trailers, other streams and padding, among content of which nothing is needed."""
    client_says, server_says = Peer(), Peer()
    pieces = [b"one", b"two", b"three"]
    with on_loopback(body=KEPT) as (capture, client, server):
        asked = PREFACE + settings() + b"".join(client_says.headers(stream, asks(b"/%d" % stream)) for stream in (1, 3))
        client.sendall(asked)
        read_exactly(server, len(asked))
        answer = settings() + b"".join(server_says.headers(stream, answers(), last=False) for stream in (1, 3))
        large = content([8192] * 1000)
        for piece in pieces:
            answer += large + data(3, piece, last=piece == pieces[-1]) + ping() + data(1, b"padded", last=False, pad=9)
        answer += large + server_says.headers(1, [(b"x-checksum", b"abc")])
        carry(capture, server, client, answer)
        capture.flush()
        small, bulk = capture.exchanges
    assert not small.problems
    assert not bulk.problems
    assert small.response.body == b"".join(pieces)
    assert bulk.response.body.wire_len == 4 * 1000 * 8192 + 3 * len("padded")
    assert bulk.response.trailers["x-checksum"] == "abc"
