"""Each outcome of a packet, by itself: exactly that one rises, by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import sockfilter
from sockfilter.ledger import OUTCOMES, PACKET_COUNTERS
from sockfilter.model import Problem
from tests.support.cable import FAR, NEAR
from tests.support.frames import (
    ACK,
    ARP,
    ESP,
    FIN,
    ICMP,
    ICMP6,
    IPV4,
    IPV6,
    MORE_FRAGMENTS,
    NOTHING,
    REQUEST,
    SYN,
    UDP,
    Talk,
    ethernet,
    ipv4,
    ipv6,
    over_ipv4,
    over_ipv6,
    tcp,
    udp,
)
from tests.support.net import namespace
from tests.support.sockets import connected

if TYPE_CHECKING:
    from tests.support.cable import Cable

LLDP, LOOPBACK_TEST = 0x88CC, 0x9000

ONE_PACKET = {
    "arp": ("not_ip", ethernet(ARP, bytes(28))),
    "lldp": ("not_ip", ethernet(LLDP, bytes(46))),
    "802.3 length": ("not_ip", ethernet(46, bytes(46))),
    "udp": ("not_tcp", ethernet(IPV4, ipv4(udp(REQUEST, 53), protocol=UDP))),
    "udp without payload": ("not_tcp", ethernet(IPV4, ipv4(udp(b"", 4789), protocol=UDP))),
    "udp over ipv6": ("not_tcp", ethernet(IPV6, ipv6(udp(REQUEST, 53), following=UDP))),
    "icmp": ("not_tcp", ethernet(IPV4, ipv4(bytes(8), protocol=ICMP))),
    "icmpv6": ("not_tcp", ethernet(IPV6, ipv6(bytes(8), following=ICMP6))),
    "ipsec": ("not_tcp", ethernet(IPV6, ipv6(bytes(40), following=ESP))),
    "ipv6 without anything": ("not_tcp", ethernet(IPV6, ipv6(b"", following=NOTHING))),
    "fragment of udp": ("not_tcp", ethernet(IPV4, ipv4(bytes(64), protocol=UDP, fragment=MORE_FRAGMENTS))),
    "wrong header length": ("malformed", ethernet(IPV4, ipv4(tcp(REQUEST), words=4))),
    "acknowledgement": ("no_payload", over_ipv4(0, tcp(flags=ACK))),
    "opening": ("no_payload", over_ipv6(0, tcp(flags=SYN))),
    "end of a connection not followed": ("no_payload", over_ipv4(0, tcp(flags=FIN | ACK))),
    "other payload": ("not_http", over_ipv4(0, tcp(b"EHLO x\r\n"))),
    "request": ("sent", over_ipv4(0, tcp(REQUEST))),
    "response": ("sent", over_ipv6(1, tcp(b"HTTP/1.1 200 OK\r\n", 1))),
    "fragment": ("sent", ethernet(IPV4, ipv4(tcp(REQUEST)[:40], fragment=MORE_FRAGMENTS))),
}
OTHERS: dict[str, tuple[dict[str, Any], bytes]] = {
    "port": ({"ports": 9999}, over_ipv4(0, tcp(REQUEST))),
    "family 4": ({"family": 4}, over_ipv6(0, tcp(REQUEST))),
    "family 6": ({"family": 6}, over_ipv4(0, tcp(REQUEST))),
    "host": ({"host": "10.9.0.3"}, over_ipv4(0, tcp(REQUEST))),
    "network": ({"host": "10.8.0.0/16"}, over_ipv4(0, tcp(REQUEST))),
    "host of the other family": ({"host": "fd09::1"}, over_ipv4(0, tcp(REQUEST))),
    "ipv6 network": ({"host": "fd08::/64"}, over_ipv6(0, tcp(REQUEST))),
}


def outcomes_of(packets: dict[str, int]) -> dict[str, int]:
    return {name: packets[name] for name in OUTCOMES if packets[name]}


@pytest.mark.parametrize("interface", [NEAR, FAR])
@pytest.mark.parametrize(("outcome", "frame"), ONE_PACKET.values(), ids=ONE_PACKET.keys())
def test_one_packet_has_one_outcome(cable: Cable, interface: str, outcome: str, frame: bytes) -> None:
    with cable.capture(interface) as capture:
        cable.pass_by(capture, frame)
    assert capture.ledger.packets["seen"] == 1
    assert outcomes_of(capture.ledger.packets) == {outcome: 1}


@pytest.mark.parametrize(("options", "frame"), OTHERS.values(), ids=OTHERS.keys())
def test_filtered(cable: Cable, options: dict[str, Any], frame: bytes) -> None:
    with cable.capture(**options) as capture:
        cable.pass_by(capture, frame)
    assert outcomes_of(capture.ledger.packets) == {"filtered": 1}


@pytest.mark.parametrize(
    "options",
    [
        {"ports": 8000},
        {"ports": "1-2,40000"},
        {"ports": [1, range(7990, 8010)]},
        {"family": 4},
        {"host": "10.9.0.1"},
        {"host": "10.9.0.2"},
        {"host": "10.0.0.0/8"},
        {"host": "0.0.0.0/0"},
        {"ports": 8000, "host": "10.9.0.2", "family": 4},
    ],
    ids=str,
)
def test_not_filtered(cable: Cable, options: dict[str, Any]) -> None:
    with cable.capture(**options) as capture:
        cable.pass_by(capture, *Talk().whole())
        assert len(capture.exchanges) == 1
    assert capture.ledger.packets["filtered"] == 0


def test_edges_of_a_port_range(cable: Cable) -> None:
    with cable.capture(ports="63-64,65535") as capture:
        for port in (1, 62, 63, 64, 65, 65534, 65535):
            cable.pass_by(capture, *Talk(ports=(32768, port)).whole())
        assert [exchange.server.port for exchange in capture.exchanges] == [63, 64, 65535]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


def test_duplicate() -> None:
    """Of the two copies that loopback shows of each packet, one counts as that."""
    with namespace() as netns, sockfilter.capture("any", netns=netns) as capture:
        with connected(netns) as (client, server):
            client.sendall(REQUEST)
            server.recv(100)
        packets = capture.ledger.packets
    assert packets["duplicate"] == packets["seen"] / 2 > 0
    assert len(capture.exchanges) == 1


def test_quiet(cable: Cable) -> None:
    """Of a body that nobody needs, its first segment is told, and its last."""
    talk, size = Talk(), 1_000_000
    with cable.capture(body=0) as capture:
        cable.pass_by(capture, *talk.opening(), talk.client(), talk.server(HEAD % size))
        cable.pass_by(capture, *[talk.server(bytes(1000)) for _ in range(size // 1000)])
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert exchange.response.body.wire_len == size
    assert capture.ledger.packets["quiet"] > 900
    assert capture.ledger.is_balanced


def test_quiet_until_it_breaks_off(cable: Cable) -> None:
    """What has passed by then is known."""
    talk = Talk()
    with cable.capture(body=0) as capture:
        cable.pass_by(capture, *talk.opening(), talk.client(), talk.server(HEAD % 1_000_000))
        cable.pass_by(capture, *[talk.server(bytes(1000)) for _ in range(500)], *talk.closing())
        (exchange,) = capture.exchanges
    assert exchange.response.body.wire_len == 500_000
    assert exchange.problems == (Problem.CLOSED,)


def test_ring_full(cable: Cable) -> None:
    """A record that is larger than the whole ring."""
    with cable.capture(ring=4096) as capture:
        cable.pass_by(capture, over_ipv4(0, tcp(REQUEST.ljust(5000, b"x"))))
    assert outcomes_of(capture.ledger.packets) == {"ring_full": 1}
    assert capture.ledger.records_lost == 1
    assert "records lost for want of room in the ring" in capture.ledger.losses()


def test_truncated(cable: Cable) -> None:
    with cable.capture(snap=60) as capture:
        cable.pass_by(capture, over_ipv4(0, tcp(REQUEST)))
    assert capture.ledger.packets["truncated"] == 1


def test_every_counter_has_a_test_here() -> None:
    tested = {outcome for outcome, _ in ONE_PACKET.values()} | {"filtered", "duplicate", "quiet", "ring_full"}
    assert tested == set(OUTCOMES)
    assert set(PACKET_COUNTERS) - tested == {"seen", "fragments", "truncated", "lengths", "tls", "followed"}
