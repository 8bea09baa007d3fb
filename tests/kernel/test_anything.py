"""Frames with any bytes in them: each comes under one outcome, and none disturbs what comes after it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.support.cable import ANY, FAR, NEAR
from tests.support.frames import (
    DESTINATION,
    GRE,
    IPIP,
    IPV4,
    IPV6,
    QINQ,
    REQUEST,
    RESPONSE,
    TEB,
    UDP,
    VLAN,
    Talk,
    ethernet,
    extended,
    geneve,
    gre,
    ipv4,
    ipv4_fragments,
    ipv6,
    ipv6_fragments,
    over_ipv4,
    over_ipv6,
    tcp,
    vxlan,
)

if TYPE_CHECKING:
    from tests.support.cable import Cable

FRAMES = 5000
# bytes of a frame that are changed at most; the headers of most layers lie in the first of them
CHANGES_MAX = 4
HEADER_BYTES = 120


def originals() -> list[bytes]:
    segment = tcp(REQUEST)
    following, chain = extended(segment, DESTINATION, DESTINATION)
    return [
        *Talk(over_ipv4).whole(),
        *Talk(over_ipv6).whole(REQUEST, RESPONSE * 3),
        ethernet(IPV4, ipv4(segment, options=b"\x01" * 8), tags=((VLAN, 7),)),
        ethernet(IPV6, ipv6(chain, following=following), tags=((QINQ, 8), (VLAN, 7))),
        ethernet(IPV4, ipv4(ipv4(segment), protocol=IPIP)),
        ethernet(IPV4, ipv4(gre(IPV6, ipv6(segment), key=1), protocol=GRE)),
        ethernet(IPV4, ipv4(vxlan(ethernet(IPV4, ipv4(segment))), protocol=UDP)),
        ethernet(IPV6, ipv6(geneve(TEB, ethernet(IPV4, ipv4(segment)), bytes(8)), following=UDP)),
        *ipv4_fragments(segment, 16),
        *ipv6_fragments(segment, 24),
    ]


def changed(frame: bytes, chance: random.Random) -> bytes:
    """One byte or more other than they were, and sometimes cut; the addresses of Ethernet stay."""
    data = bytearray(frame)
    for _ in range(chance.randint(1, CHANGES_MAX)):
        data[chance.randrange(12, min(len(data), HEADER_BYTES))] = chance.choice(
            (0, 1, 0x45, 0x60, 0xFF, chance.randrange(256))
        )
    size = len(data) if chance.random() < 0.8 else chance.randrange(60, len(data) + 1) if len(data) > 60 else len(data)
    return bytes(data[:size])


@pytest.mark.parametrize("interface", [NEAR, ANY])
@pytest.mark.parametrize("seed", range(3))
def test_changed_frames(cable: Cable, interface: str, seed: int) -> None:
    chance = random.Random(seed)
    frames = [changed(chance.choice(originals()), chance) for _ in range(FRAMES)]
    talk = Talk(ports=(50000, 50001), isn=(7, 8))
    with cable.capture(interface) as capture:
        cable.pass_by(capture, *frames)
        cable.pass_by(capture, *talk.whole())
    assert capture.ledger.packets["seen"] >= FRAMES + 8
    good = [exchange for exchange in capture.exchanges if exchange.client.port == talk.ports[0]]
    assert good
    assert all(exchange.complete and not exchange.problems for exchange in good)


def test_frames_of_nothing_but_chance(cable: Cable) -> None:
    chance = random.Random(0)
    types = [pytype.to_bytes(2, "big") for pytype in (IPV4, IPV6, VLAN, QINQ)]
    frames = [
        chance.randbytes(12) + chance.choice(types) + chance.randbytes(chance.randrange(6, 200)) for _ in range(FRAMES)
    ]
    with cable.capture(NEAR) as capture:
        cable.pass_by(capture, *frames)
    assert capture.ledger.packets["seen"] == FRAMES
    assert capture.ledger.packets["malformed"] > FRAMES / 2


def test_same_frames_over_ipv6_and_ipv4_count_the_same(cable: Cable) -> None:
    counts = []
    for envelope in (over_ipv4, over_ipv6):
        with cable.capture(FAR) as capture:
            cable.pass_by(capture, *Talk(envelope).whole())
        counts.append(capture.ledger.packets)
    assert counts[0] == counts[1]
