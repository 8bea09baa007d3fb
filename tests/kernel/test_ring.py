"""A ring that is too small loses records, and says so; what comes out is right all the same."""

from __future__ import annotations

import mmap
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.errors import InvalidArgument
from sockfilter.libbpf.ring import RING_BYTES_MAX, ring_bytes
from tests.support.net import namespace
from tests.support.sockets import connected, hang_up, read_exactly

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from sockfilter import Capture, Exchange

# records of one such request or response take 256 bytes and a header of 8: a 4 KiB ring holds 15
SMALL_RING = 4096
EXCHANGES = 3000
# exchanges between two looks into the ring: more than it holds
BETWEEN_LOOKS = 11


def request(name: str) -> bytes:
    return f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def response(name: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()


def talk(client: socket.socket, server: socket.socket, name: str) -> None:
    """One exchange whose halves carry the same name."""
    client.sendall(request(name))
    read_exactly(server, len(request(name)))
    server.sendall(response(name))
    read_exactly(client, len(response(name)))


@contextmanager
def small_ring() -> Iterator[tuple[Capture, socket.socket, socket.socket]]:
    with (
        namespace() as netns,
        sockfilter.capture("lo", netns=netns, ring=SMALL_RING) as capture,
        connected(netns) as (client, server),
    ):
        yield capture, client, server


def mispaired(exchanges: list[Exchange]) -> list[Exchange]:
    return [
        exchange
        for exchange in exchanges
        if exchange.request is not None
        and exchange.response is not None
        and exchange.response.complete
        and exchange.request.target.encode() != b"/" + exchange.response.body
    ]


def test_flood_of_one_connection() -> None:
    with small_ring() as (capture, client, server):
        for i in range(EXCHANGES):
            talk(client, server, str(i))
            if i % BETWEEN_LOOKS == 0:
                capture.flush()
        hang_up(client, server)
    ledger, exchanges = capture.ledger, capture.exchanges
    assert ledger.is_balanced, ledger.imbalance
    assert ledger.packets["sent"] + ledger.packets["ring_full"] > 2 * EXCHANGES
    assert ledger.records_lost > EXCHANGES / 3
    assert ledger.records_read == ledger.packets["sent"] > EXCHANGES
    assert "records lost for want of room in the ring" in ledger.losses()
    assert ledger.segments.gap_bytes > 0
    assert not mispaired(exchanges)
    assert sum(exchange.complete for exchange in exchanges) > EXCHANGES / 2


def test_flood_of_several_connections_at_once() -> None:
    """The reader runs beside them, and is late as often as it happens to be."""

    def flood(number: int) -> None:
        with connected(netns) as (client, server):
            for i in range(EXCHANGES // 4):
                talk(client, server, f"{number}-{i}")

    with namespace() as netns, sockfilter.capture("lo", netns=netns, ring=SMALL_RING) as capture:
        threads = [threading.Thread(target=flood, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            capture.wait(0.01)
            capture.pump()
    ledger = capture.ledger
    assert ledger.is_balanced, ledger.imbalance
    assert ledger.records_read + ledger.records_lost == ledger.records_sent >= 2 * EXCHANGES
    assert ledger.records_lost > 0
    assert not mispaired(capture.exchanges)


def test_ring_that_is_read_in_time_loses_nothing() -> None:
    with small_ring() as (capture, client, server):
        for i in range(500):
            talk(client, server, str(i))
            capture.flush()
    assert capture.ledger.records_lost == 0
    assert [exchange.request.target for exchange in capture.exchanges] == [f"/{i}" for i in range(500)]
    assert all(exchange.complete for exchange in capture.exchanges)
    assert not mispaired(capture.exchanges)


def test_default_ring_holds_a_burst() -> None:
    with namespace() as netns, sockfilter.capture("lo", netns=netns) as capture:
        with connected(netns) as (client, server):
            for i in range(EXCHANGES):
                talk(client, server, str(i))
            assert capture.ledger.records_waiting >= 2 * EXCHANGES
        capture.flush()
        assert len(capture.exchanges) == EXCHANGES
    assert not capture.ledger.losses()
    assert not mispaired(capture.exchanges)


def test_ring_that_is_more_than_half_full_takes_small_messages_whole() -> None:
    """Only what is long in one direction may lose its bytes to a ring that fills."""
    with namespace() as netns, sockfilter.capture("lo", netns=netns, ring=1 << 20) as capture:
        with connected(netns) as (client, server):
            for i in range(1500):
                talk(client, server, str(i))
        assert capture.ledger.packets["lengths"] == capture.ledger.records_lost == 0
        capture.flush()
        assert sum(exchange.complete for exchange in capture.exchanges) == 1500


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (1, mmap.PAGESIZE),
        (mmap.PAGESIZE, mmap.PAGESIZE),
        (mmap.PAGESIZE + 1, 2 * mmap.PAGESIZE),
        (5_000_000, 1 << 23),
        (1 << 23, 1 << 23),
        (RING_BYTES_MAX, RING_BYTES_MAX),
    ],
)
def test_ring_size_is_made_one_that_the_kernel_takes(wanted: int, given: int) -> None:
    assert ring_bytes(wanted) == given


@pytest.mark.parametrize("wanted", [0, -1, RING_BYTES_MAX + 1, 1 << 40])
def test_ring_size_that_is_not_possible(wanted: int) -> None:
    with pytest.raises(InvalidArgument, match=rf"ring of {wanted} bytes is not possible; choose from \d+ to \d+"):
        sockfilter.capture("lo", ring=wanted)


@pytest.mark.parametrize("size", [1, 4096, 100_000, 64 << 20])
def test_ring_of_that_size_is_made(size: int) -> None:
    with namespace() as netns, sockfilter.capture("lo", netns=netns, ring=size) as capture:
        with connected(netns) as (client, server):
            talk(client, server, "x")
        capture.flush()
        assert len(capture.exchanges) == 1
