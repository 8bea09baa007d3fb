"""Frames larger than any wire carries: segmentation offload hands the tap what the network card would cut."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from struct import pack, unpack_from
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.packets.records import HOT
from sockfilter.system.namespace import entered
from tests.support.net import namespace, veth_pair
from tests.support.skips import Skip, skip
from tests.support.sockets import connected, hang_up, read_exactly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter import Capture

# include/uapi/linux/rtnetlink.h, include/uapi/linux/netlink.h
RTM_SETLINK = 19
NLM_F_REQUEST_ACK = 5
# include/uapi/linux/if_link.h: GSO and GRO for IPv6, and for IPv4, which iproute2 6.1 does not know
IFLA_MAX_SIZES = (41, 58, 63, 64)
# as the largest that the kernel makes of seventeen pages of 32 KiB each
BIG_TCP_BYTES = 500_000
LOOPBACK_INDEX = 1

SIZE = 4_000_000
BODY = bytes(range(250)) * (SIZE // 250)
GET = b"GET /large HTTP/1.1\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY
HOSTS = pytest.mark.parametrize("host", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])


def let_frames_be_big(netns: str) -> None:
    """BIG TCP on loopback (kernel b1a78b9b9886): more bytes than IP's length fields can count."""
    sizes = b"".join(pack("=HHI", 8, attribute, BIG_TCP_BYTES) for attribute in IFLA_MAX_SIZES)
    body = pack("=BxHiII", 0, 0, LOOPBACK_INDEX, 0, 0) + sizes
    with entered(netns), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.send(pack("=IHHII", 16 + len(body), RTM_SETLINK, NLM_F_REQUEST_ACK, 1, 0) + body)
        (error,) = unpack_from("=i", netlink.recv(4096), 16)
    if error:
        skip(Skip.KERNEL, f"BIG TCP: {os.strerror(-error)}")


def transfer(netns: str, host: str, client_netns: str | None = None) -> None:
    """A large response that its server sends in one call, into buffers that take all of it."""
    with connected(netns, host, client_netns=client_netns) as (client, server):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * SIZE)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * SIZE)
        client.sendall(GET)
        read_exactly(server, len(GET))
        thread = threading.Thread(target=server.sendall, args=(RESPONSE,))
        thread.start()
        read_exactly(client, len(RESPONSE))
        thread.join()
        hang_up(server, client)


def frame_sizes(capture: Capture) -> Iterator[tuple[int, int]]:
    """Of each record, the frame's bytes on the wire and those kept, taken past the pipeline."""
    found: list[tuple[int, int]] = []

    def consume(view: memoryview, offsets: list[int]) -> None:
        found.extend(HOT.unpack_from(view, at)[6:8] for at in offsets)

    capture.source.drain_all(consume)
    return iter(found)


def assert_whole(capture: Capture) -> None:
    (exchange,) = capture.exchanges
    assert exchange.complete
    assert not exchange.problems
    assert hashlib.sha256(exchange.response.body).digest() == hashlib.sha256(BODY).digest()
    assert capture.ledger.is_balanced, capture.ledger.imbalance
    assert capture.ledger.packets["malformed"] == 0


@HOSTS
def test_frames_near_64_kib(host: str) -> None:
    with namespace() as netns, sockfilter.capture("lo", netns=netns, body=None) as capture:
        transfer(netns, host)
        capture.flush()
    assert_whole(capture)


@HOSTS
def test_big_tcp(host: str) -> None:
    with namespace() as netns:
        let_frames_be_big(netns)
        with sockfilter.capture("lo", netns=netns, body=None) as capture:
            transfer(netns, host)
            capture.flush()
    assert_whole(capture)


@HOSTS
@pytest.mark.parametrize(("is_big", "largest"), [(False, 60_000), (True, 200_000)], ids=["64 KiB", "big tcp"])
def test_records_hold_such_frames_whole(host: str, is_big: bool, largest: int) -> None:
    """Without this, the tests above might have met no large frame at all."""
    with namespace() as netns:
        if is_big:
            let_frames_be_big(netns)
        with sockfilter.capture("lo", netns=netns, body=None) as capture:
            transfer(netns, host)
            sizes = list(frame_sizes(capture))
    if max(sizes)[0] <= largest:
        skip(Skip.KERNEL, f"frames of more than {largest} bytes; the largest had {max(sizes)[0]}")
    assert all(size == kept for size, kept in sizes)


@pytest.mark.parametrize("host", ["10.9.0.2", "fd09::2"], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("end", ["sending", "receiving"])
def test_offload_across_a_veth(host: str, end: str) -> None:
    with veth_pair() as (left, right):
        netns = {"sending": right, "receiving": left}[end]
        with sockfilter.capture("veth0", netns=netns, body=None) as capture:
            transfer(right, host, client_netns=left)
            capture.flush()
    assert_whole(capture)
