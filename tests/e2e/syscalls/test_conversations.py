"""Conversations that are more than a question and its answer: by both ways, the same."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Sites
from tests.e2e.syscalls.same import both_ways
from tests.e2e.syscalls.sides import GET, OK, connection, listening
from tests.support.skips import need_tool

pytestmark = pytest.mark.usefixtures("root")

MEBIBYTE = os.urandom(1 << 20)
PIPELINED = 50
CHUNK_BYTES = 7001
CONNECTIONS, REQUESTS = 16, 20_000


def chunked(body: bytes) -> bytes:
    pieces = [body[i : i + CHUNK_BYTES] for i in range(0, len(body), CHUNK_BYTES)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def talk(asked: list[bytes], answers: list[bytes]) -> None:
    """Both sides in calls of any size, the other way while one is still going on."""
    with (
        listening() as listener,
        both_ways(listener.getsockname()[1]) as seen,
        connection(listener) as (client, server),
    ):

        def say(side: object, parts: list[bytes]) -> None:
            for part in parts:
                side.sendall(part)  # type: ignore[attr-defined]

        sending = threading.Thread(target=say, args=(client, asked))
        sending.start()
        left = len(b"".join(asked))
        while left:
            left -= len(server.recv(10_000))
        sending.join()
        sending = threading.Thread(target=say, args=(server, answers))
        sending.start()
        left = len(b"".join(answers))
        while left:
            left -= len(client.recv(10_000))
        sending.join()
    assert seen.wire
    assert [made["problems"] for made in seen.wire if not made["complete"]] == []
    assert seen.calls == seen.wire


def test_pipelining() -> None:
    talk([GET * PIPELINED], [OK * (PIPELINED - 1), OK])


def test_chunks_in_both_directions() -> None:
    head = b"POST /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    talk([head, chunked(MEBIBYTE)], [answer + chunked(MEBIBYTE)])


def test_expect_continue() -> None:
    body = MEBIBYTE[:5000]
    head = b"PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n"
    with (
        listening() as listener,
        both_ways(listener.getsockname()[1]) as seen,
        connection(listener) as (client, server),
    ):
        client.sendall(head)
        server.recv(1 << 16)
        server.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.recv(1 << 16)
        client.sendall(body)
        server.recv(1 << 16)
        server.sendall(OK)
        client.recv(1 << 16)
    assert [made["informational"] for made in seen.wire] == [[{"status": 100}]]
    assert seen.calls == seen.wire


@pytest.mark.parametrize("ends", ["close", "shutdown", "reset"])
def test_how_it_ends(ends: str) -> None:
    """A body without a length ends with the connection, and how that ended is said."""
    ending: dict[str, Callable[..., object]] = {
        "close": lambda server: server.close(),
        "shutdown": lambda server: server.shutdown(1),
        "reset": lambda server: (server.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0"), server.close()),
    }
    with (
        listening() as listener,
        both_ways(listener.getsockname()[1]) as seen,
        connection(listener) as (client, server),
    ):
        client.sendall(GET)
        server.recv(1 << 16)
        server.sendall(b"HTTP/1.0 200 OK\r\n\r\nas long as it takes")
        assert client.recv(1 << 16)
        ending[ends](server)
        if ends == "reset":
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        else:
            assert not client.recv(1)
    (made,) = seen.wire
    assert made["complete"] is (ends != "reset")
    assert seen.calls == seen.wire


def test_what_came_before_a_reset_is_read_behind_it() -> None:
    """A server that closes with bytes unread resets the connection; its answer has arrived."""
    with (
        listening() as listener,
        both_ways(listener.getsockname()[1]) as seen,
        connection(listener) as (client, server),
    ):
        client.sendall(GET + b"and more")
        assert server.recv(len(GET), socket.MSG_WAITALL) == GET
        server.sendall(OK)
        server.close()
        assert client.recv(1 << 16) == OK
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert seen.wire[0]["complete"]
    assert seen.calls == seen.wire


def test_many_small_reads_of_asyncio() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(20):
            while await reader.readline() != b"\r\n":
                pass
            for i in range(0, len(OK), 5):
                writer.write(OK[i : i + 5])
                await writer.drain()
        writer.close()

    async def ask(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=16)
        for _ in range(20):
            for i in range(0, len(GET), 3):
                writer.write(GET[i : i + 3])
                await writer.drain()
            await reader.readexactly(len(OK))
        writer.close()
        await writer.wait_closed()

    async def both(port: int, server: asyncio.base_events.Server) -> None:
        await asyncio.gather(*(ask(port) for _ in range(5)))
        server.close()
        await server.wait_closed()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with both_ways(port) as seen:
            await both(port, server)
        assert len(seen.wire) == 100
        assert seen.calls == seen.wire

    asyncio.run(run())


def test_sixteen_connections_at_full_load(loopback: Sites) -> None:
    site = loopback.get("nginx")
    command = [need_tool("h2load"), "--h1", "-n", str(REQUESTS), "-c", str(CONNECTIONS), "-t", "1", site.url("/small")]
    with both_ways(site.port, ring=256 << 20) as seen:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{REQUESTS} succeeded" in done.stdout
    assert len(seen.wire) == REQUESTS
    assert seen.calls == seen.wire
