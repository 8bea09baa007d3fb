"""Tunnels whose packets came in fragments: what is within is read all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.packets.fragments import WAIT_NS
from sockfilter.packets.inside import Inside
from tests.support.captures import pcap, timed
from tests.support.frames import (
    ETHERNET_BYTES,
    GRE,
    IPIP,
    IPV4,
    IPV6,
    UDP,
    Talk,
    gre,
    ipv4_fragments,
    ipv6_fragments,
    over_ipv4,
    vxlan,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 24
FRAMES = Talk(over_ipv4).whole()
TUNNELS = {
    "vxlan": (UDP, vxlan),
    "gre": (GRE, lambda frame: gre(IPV4, frame[ETHERNET_BYTES:])),
    "ipip": (IPIP, lambda frame: frame[ETHERNET_BYTES:]),
}
CASES = [
    pytest.param(make, protocol, wrap, id=f"{name}-{make.__name__}")
    for name, (protocol, wrap) in TUNNELS.items()
    for make in (ipv4_fragments, ipv6_fragments)
]


@pytest.mark.parametrize(("make", "protocol", "wrap"), CASES)
@pytest.mark.parametrize("step", [1, -1], ids=["in order", "backwards"])
def test_exchange_is_read(
    make: Callable[..., list[bytes]], protocol: int, wrap: Callable[[bytes], bytes], step: int, tmp_path: Path
) -> None:
    parts = [make(wrap(frame), SIZE, ident=i, protocol=protocol)[::step] for i, frame in enumerate(FRAMES)]
    path = tmp_path / "tunnel.pcap"
    path.write_bytes(pcap(timed([fragment for packet in parts for fragment in packet])))
    (exchange,) = sockfilter.read(str(path))
    assert exchange.complete
    assert exchange.request is not None
    assert exchange.request.target == "/x"
    assert exchange.response is not None
    assert exchange.response.body == b"hello"


def packets(ident: int) -> list[bytes]:
    return [frame[ETHERNET_BYTES:] for frame in ipv4_fragments(vxlan(FRAMES[0]), SIZE, ident=ident, protocol=UDP)]


def test_one_that_is_missing_is_waited_for_and_then_given_up() -> None:
    inside = Inside()
    first, *others = packets(1)
    for packet in others:
        assert inside.step(0, 1, IPV4, memoryview(packet), 0) is None
    # another one makes it look at its clock
    assert inside.step(WAIT_NS + 1, 1, IPV4, memoryview(packets(2)[0]), 0) is None
    assert inside.step(WAIT_NS + 2, 1, IPV4, memoryview(first), 0) is None


def test_what_carries_no_tunnel_ends_there() -> None:
    inside = Inside()
    for frame in ipv6_fragments(bytes(100), SIZE, protocol=UDP):
        assert inside.step(0, 1, IPV6, memoryview(frame), ETHERNET_BYTES) is None


@pytest.mark.parametrize("cut", range(len(packets(1)[0]) + 1))
def test_cut_at_every_byte(cut: int) -> None:
    inside = Inside()
    first, *others = packets(1)
    inside.step(0, 1, IPV4, memoryview(first[:cut]), 0)
    found = [inside.step(0, 1, IPV4, memoryview(packet), 0) for packet in others]
    assert (found[-1] is not None) == (cut == len(first))
