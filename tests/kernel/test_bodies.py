"""Large bodies: their bytes go up as far as they are wanted, their length always."""

from __future__ import annotations

import hashlib
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sockfilter
from sockfilter.captures.wanted import BODY_BYTES
from sockfilter.model import Problem
from tests.support.net import namespace
from tests.support.sockets import connected, hang_up, read_exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter import Capture, Exchange

MEBIBYTE = 1 << 20
SIZE = 64 * MEBIBYTE
GET = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
# repeats with a period that is no power of two, so that bytes out of place are seen
PATTERN = bytes(range(251)) * (MEBIBYTE // 251 + 1)


def content(size: int) -> bytes:
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def chunked(data: bytes, size: int) -> bytes:
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def carry(capture: Capture | None, sender: socket.socket, receiver: socket.socket, data: bytes) -> None:
    """Sends data in one go. capture: is pumped while it arrives; None: nobody reads the ring meanwhile."""
    if capture is not None:
        # what is under way never fills half a ring, however late the reader gets its turn
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MEBIBYTE // 2)
    thread = threading.Thread(target=sender.sendall, args=(data,))
    thread.start()
    missing = len(data)
    while missing:
        missing -= len(receiver.recv(min(missing, MEBIBYTE)))
        if capture is not None:
            capture.pump()
    thread.join()


@contextmanager
def on_loopback(**options: Any) -> Iterator[tuple[Capture, socket.socket, socket.socket]]:
    with (
        namespace() as netns,
        sockfilter.capture("lo", netns=netns, **options) as capture,
        connected(netns) as (client, server),
    ):
        yield capture, client, server
    assert capture.ledger.is_balanced, capture.ledger.imbalance
    assert capture.ledger.records_lost == 0


def download(response: bytes, is_read: bool = True, **options: Any) -> tuple[Exchange, Capture]:
    """What comes out of one request with this response, whose server closes behind it."""
    with on_loopback(**options) as (capture, client, server):
        client.sendall(GET)
        read_exactly(server, len(GET))
        carry(capture if is_read else None, server, client, response)
        hang_up(server, client)
        capture.flush()
        (exchange,) = capture.exchanges
    return exchange, capture


def assert_whole(exchange: Exchange, size: int) -> None:
    assert exchange.complete
    assert not exchange.problems
    assert exchange.response.body.wire_len == exchange.response.body.length == size


def assert_mostly_quiet(capture: Capture) -> None:
    packets = capture.ledger.packets
    assert packets["quiet"] > packets["sent"]


def test_download_is_not_told_piece_by_piece() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE
    exchange, capture = download(head + content(SIZE))
    assert_whole(exchange, SIZE)
    assert exchange.response.body == content(BODY_BYTES)
    assert_mostly_quiet(capture)


def test_download_without_length_until_close() -> None:
    exchange, capture = download(b"HTTP/1.0 200 OK\r\n\r\n" + content(SIZE))
    assert_whole(exchange, SIZE)
    assert exchange.response.body == content(BODY_BYTES)
    assert_mostly_quiet(capture)


def test_download_in_small_chunks() -> None:
    """The size of the next chunk is needed, and so is every byte."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange, capture = download(head + chunked(content(SIZE), 8000))
    assert_whole(exchange, SIZE)
    assert exchange.response.body == content(BODY_BYTES)
    assert capture.ledger.packets["lengths"] == capture.ledger.packets["quiet"] == 0


def test_download_in_large_chunks_is_not_told_piece_by_piece() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange, capture = download(head + chunked(content(SIZE), 8 * MEBIBYTE))
    assert_whole(exchange, SIZE)
    assert_mostly_quiet(capture)


def test_upload_is_not_told_piece_by_piece() -> None:
    head = b"PUT /large HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % SIZE
    with on_loopback() as (capture, client, server):
        carry(capture, client, server, head + content(SIZE))
        server.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        client.recv(100)
        capture.flush()
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert not exchange.problems
    assert exchange.request.body.wire_len == SIZE
    assert exchange.request.body == content(BODY_BYTES)
    assert_mostly_quiet(capture)


def test_every_byte_is_kept_where_that_is_asked_for() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE
    exchange, capture = download(head + content(SIZE), body=None, memory=16 * SIZE)  # it counts six times
    assert_whole(exchange, SIZE)
    assert hashlib.sha256(exchange.response.body).digest() == hashlib.sha256(content(SIZE)).digest()
    assert capture.ledger.packets["lengths"] == capture.ledger.packets["quiet"] == 0


def test_no_byte_is_kept_where_that_is_asked_for() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE
    exchange, capture = download(head + content(SIZE), body=0)
    assert_whole(exchange, SIZE)
    assert exchange.response.body == b""
    assert_mostly_quiet(capture)


def test_next_exchange_behind_a_large_one_is_whole_again() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    with on_loopback() as (capture, client, server):
        for size in (SIZE, BODY_BYTES, SIZE, BODY_BYTES):
            client.sendall(GET)
            read_exactly(server, len(GET))
            carry(capture, server, client, head % size + content(size))
        capture.flush()
        exchanges = capture.exchanges
    assert [exchange.response.body.wire_len for exchange in exchanges] == [SIZE, BODY_BYTES, SIZE, BODY_BYTES]
    assert all(exchange.response.body == content(BODY_BYTES) for exchange in exchanges)
    assert not any(exchange.problems for exchange in exchanges)


def test_download_while_nobody_reads_the_ring() -> None:
    """The ring fills, and what the reader would not have kept goes up as lengths, without being asked."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE
    exchange, capture = download(head + content(SIZE), is_read=False)
    assert_whole(exchange, SIZE)
    assert exchange.response.body == content(BODY_BYTES)
    assert capture.ledger.packets["lengths"] > capture.ledger.packets["sent"] / 2


def test_download_until_close_while_nobody_reads_the_ring() -> None:
    exchange, _ = download(b"HTTP/1.0 200 OK\r\n\r\n" + content(SIZE), is_read=False)
    assert_whole(exchange, SIZE)
    assert exchange.response.body == content(BODY_BYTES)


def test_chunks_while_nobody_reads_the_ring_are_said_to_be_cut() -> None:
    """Here lengths are not enough: the exchange must not look whole, and what it holds must be right."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange, _ = download(head + chunked(content(SIZE), 8000), is_read=False)
    body = exchange.response.body
    assert not exchange.complete
    assert Problem.TRUNCATED in exchange.problems
    assert body == content(BODY_BYTES)
    assert body.wire_len < SIZE


def test_chunks_that_a_filling_ring_cut_are_a_loss_in_the_ledger() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange, capture = download(head + chunked(content(SIZE), 8000), is_read=False)
    assert not exchange.complete
    assert capture.ledger.losses()
