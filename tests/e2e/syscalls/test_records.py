"""What calls cost in the ring: a record each, of the size of their bytes, whatever buffers these are in."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import threading

import pytest

import sockfilter
from tests.e2e.syscalls.same import both_ways
from tests.e2e.syscalls.sides import GET, OK, connected, connection, exchange, listening
from tests.e2e.syscalls.test_calls import SENDING, send_in_pieces_later
from tests.support.skips import need_tool

pytestmark = pytest.mark.usefixtures("root")

# pieces that one call may have (UIO_MAXIOV)
PIECES_MAX = 1024
# a page, a page and a half, and what is read into the ring directly, each with its neighbours
SIZES = (1, 2, 4095, 4096, 4097, 6000, 16383, 16384, 16385, 40_000, 65_536, 70_001, 270_000)
CHUNKS = 20_000
NODE = f"""
const http = require('http')
const server = http.createServer((request, response) => {{
  for (let i = 0; i < {CHUNKS}; i++) response.write('x')
  response.end('end')
}}).listen(0, '127.0.0.1', () => {{
  console.log(server.address().port)
  process.stdin.once('data', () => http.get({{ port: server.address().port, host: '127.0.0.1' }}, response => {{
    response.resume().on('end', () => process.exit())
  }}))
}})
"""


def head(size: int) -> bytes:
    return b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size


def send_all(link: socket.socket, pieces: list[bytes]) -> None:
    """In as few calls as the kernel lets it be."""
    while pieces:
        sent = link.sendmsg(pieces[:PIECES_MAX])
        while pieces and sent >= len(pieces[0]):
            sent -= len(pieces.pop(0))
        if sent:
            pieces[0] = pieces[0][sent:]


def receive(link: socket.socket, size: int, rooms: list[int]) -> None:
    """In calls with rooms of these sizes."""
    while size:
        buffers = [bytearray(room) for room in rooms]
        size -= link.recvmsg_into(buffers)[0]


@pytest.mark.parametrize("send", SENDING)
def test_a_call_is_one_record(send: str) -> None:
    calls = 3 if SENDING[send] is send_in_pieces_later else 1
    with (
        connected() as (client, server),
        sockfilter.capture(via="syscalls", ports=server.getsockname()[1]) as capture,
    ):
        SENDING[send](client)
        server.recv(len(GET), socket.MSG_WAITALL)
        server.sendall(OK)
        client.recv(1 << 16)
        packets = capture.ledger.packets
    assert packets["sent"] == calls + 1
    # those that the other end has heard, once more
    assert packets["duplicate"] == 2


def test_a_thousand_pieces_in_each_of_many_calls() -> None:
    calls = 50
    with (
        connected() as (client, server),
        sockfilter.capture(via="syscalls", ports=server.getsockname()[1], body=None) as capture,
    ):
        client.sendall(head(calls * PIECES_MAX))
        server.recv(1 << 16)
        for _ in range(calls):
            client.sendmsg([b"x"] * PIECES_MAX)
            server.recv(PIECES_MAX, socket.MSG_WAITALL)
        exchanges = capture.ledger.packets["sent"]
        server.sendall(OK)
        client.recv(1 << 16)
        capture.flush()
        (found,) = capture.exchanges
    assert exchanges == calls + 1
    assert found.request is not None
    assert found.request.body == b"x" * calls * PIECES_MAX


def test_a_byte_takes_little_room() -> None:
    """Hundreds of them wait in the smallest ring that a reader would have."""
    count = 400
    with connected() as (client, server):
        with sockfilter.capture(via="syscalls", ports=server.getsockname()[1], ring=1 << 16, body=None) as capture:
            client.sendall(head(count))
            server.recv(1 << 16)
            for _ in range(count):
                client.send(b"x")
                server.recv(1)
            assert not capture.ledger.records_lost
            assert capture.ledger.records_waiting == count + 1
        assert not capture.ledger.losses()


@pytest.mark.parametrize("seed", range(6))
def test_pieces_of_all_sizes_arrive_whole(seed: int) -> None:
    """Small ones are gathered, large ones are not, and each may follow each."""
    chosen = random.Random(seed)
    sizes = [*chosen.sample(SIZES, len(SIZES)), *chosen.choices(SIZES[:6], k=50), 0, 0]
    chosen.shuffle(sizes)
    rooms = [1 + size for size in chosen.choices(SIZES, k=chosen.choice((1, 3, 40)))]
    body = os.urandom(sum(sizes))
    pieces, at = [], 0
    for size in sizes:
        pieces.append(body[at : at + size])
        at += size
    with listening() as listener:
        port = listener.getsockname()[1]
        with both_ways(port, ring=16 << 20, processes=False) as seen, connection(listener) as (client, server):
            sending = threading.Thread(target=send_all, args=(client, [head(len(body)), *pieces]))
            sending.start()
            receive(server, len(head(len(body)) + body), rooms)
            sending.join()
            server.sendall(OK)
            client.recv(1 << 16)
            assert seen.of_calls is not None
            seen.of_calls.flush()
            (found,) = seen.of_calls.exchanges
            assert found.request is not None
            assert found.request.body == body
    assert seen.calls == seen.wire


@pytest.mark.parametrize("size", [4096, 100_000])
def test_bytes_that_nobody_needs(size: int) -> None:
    """They pass without a record, but for their end; the message behind them in the same call is there."""
    count = 40
    with listening() as listener:
        port = listener.getsockname()[1]
        with both_ways(port, body=0, processes=False) as seen, connection(listener) as (client, server):
            client.sendall(head(count * size))
            server.recv(1 << 16)
            # the reader says what it does not need
            for capture in (seen.of_wire, seen.of_calls):
                assert capture is not None
                capture.flush()
            for _ in range(count - 1):
                client.sendall(b"x" * size)
                server.recv(size, socket.MSG_WAITALL)
            client.sendmsg([b"x" * size, GET])
            server.recv(size + len(GET), socket.MSG_WAITALL)
            server.sendall(OK + OK)
            client.recv(len(OK) * 2, socket.MSG_WAITALL)
            assert seen.of_calls is not None
            assert seen.of_calls.ledger.packets["quiet"] >= count / 2
    assert [made["request"]["body"]["wire_len"] for made in seen.calls] == [count * size, 0]
    assert seen.calls == seen.wire


def test_many_chunks_of_a_server_that_writes_them_together() -> None:
    """Thousands of small buffers in some calls: nothing is lost in a ring that is large enough for the bytes."""
    with subprocess.Popen([need_tool("node"), "-e", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with both_ways(port, ring=1 << 20, processes=False) as seen:
            process.stdin.write(b"go\n")
            process.stdin.flush()
            assert process.wait() == 0
            assert seen.of_calls is not None
            calls = seen.of_calls.ledger
            assert calls.packets["seen"] <= calls.calls["http"] + 2
    (made,) = seen.wire
    assert made["response"]["body"]["wire_len"] > CHUNKS
    assert seen.calls == seen.wire


def test_chunk_sizes_are_kept_while_the_ring_fills() -> None:
    """What nobody needs of a body is left out then, but not the small buffers around it."""
    count, size = 60, 1 << 13
    with connected() as (client, server):
        with sockfilter.capture(via="syscalls", ports=server.getsockname()[1], ring=1 << 16, body=0) as capture:
            client.sendall(GET)
            server.recv(1 << 16)
            server.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.recv(1 << 16)
            for _ in range(count):
                pieces = [b"%x\r\n" % size, b"x" * size, b"\r\n"]
                server.sendmsg(pieces)
                client.recv(sum(map(len, pieces)), socket.MSG_WAITALL)
            server.sendall(b"0\r\n\r\n")
            client.recv(1 << 16)
            assert capture.ledger.packets["lengths"] > count / 2
            capture.flush()
            (found,) = capture.exchanges
        assert not capture.ledger.losses()
    assert found.complete
    assert not found.problems
    assert found.response is not None
    assert found.response.body.wire_len == count * size


def test_what_is_lost_is_lost_once() -> None:
    """What found no room when it was written may find some when it is read; bytes count as on the wire."""
    with connected() as (client, server):
        with sockfilter.capture(via="syscalls", ports=server.getsockname()[1], ring=1 << 16, body=None) as capture:
            exchange(client, server)
            client.sendall(head(1 << 20))
            server.recv(1 << 16)
            for _ in range(1 << 8):
                client.sendall(b"x" * (1 << 12))
                server.recv(1 << 12, socket.MSG_WAITALL)
            assert capture.ledger.records_lost
            capture.flush()
            server.sendall(OK)
            client.recv(1 << 16)
        ledger = capture.ledger
        (_, found) = capture.exchanges
    assert ledger.is_balanced
    assert found.request is not None
    assert 0 < ledger.segments.gap_bytes <= (1 << 20) - len(found.request.body)
