"""Connections inside tunnels are found by their inner addresses."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.system.namespace import entered
from tests.support.frames import (
    GRE,
    IPIP,
    IPV4,
    IPV6,
    SIX,
    TEB,
    UDP,
    VLAN,
    Talk,
    ethernet,
    geneve,
    gre,
    ipv4,
    ipv6,
    tcp,
    udp,
    vxlan,
)
from tests.support.net import ip, veth_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.cable import Cable

# what of a tunnel goes into an outer IP packet: its protocol number, and the inner packet in it
TUNNELS: dict[str, tuple[int, Callable[[int, bytes], bytes]]] = {
    "ipip": (IPIP, lambda end, segment: ipv4(segment, end)),
    "6in4": (SIX, lambda end, segment: ipv6(segment, end)),
    "ipip twice": (IPIP, lambda end, segment: ipv4(ipv4(segment, end), end, IPIP)),
    "gre": (GRE, lambda end, segment: gre(IPV4, ipv4(segment, end))),
    "gre with a key": (GRE, lambda end, segment: gre(IPV6, ipv6(segment, end), key=5)),
    "gre with key and sequence": (GRE, lambda end, segment: gre(IPV4, ipv4(segment, end), key=5, sequence=9)),
    "ethernet over gre": (GRE, lambda end, segment: gre(TEB, ethernet(IPV4, ipv4(segment, end), end))),
    "vxlan": (UDP, lambda end, segment: vxlan(ethernet(IPV4, ipv4(segment, end), end))),
    "vxlan with a vlan": (UDP, lambda end, segment: vxlan(ethernet(IPV6, ipv6(segment, end), end, ((VLAN, 7),)))),
    "geneve": (UDP, lambda end, segment: geneve(TEB, ethernet(IPV4, ipv4(segment, end), end))),
    "geneve with options": (UDP, lambda end, segment: geneve(IPV4, ipv4(segment, end), options=bytes(40))),
}


@pytest.mark.parametrize("outer", [IPV4, IPV6], ids=["over ipv4", "over ipv6"])
@pytest.mark.parametrize(("protocol", "inner"), TUNNELS.values(), ids=TUNNELS.keys())
def test_connection_in_a_tunnel(cable: Cable, outer: int, protocol: int, inner: Callable[[int, bytes], bytes]) -> None:
    around = {IPV4: ipv4, IPV6: ipv6}[outer]
    talk = Talk(lambda end, segment: ethernet(outer, around(inner(end, segment), end, protocol), end))
    with cable.capture() as capture:
        cable.pass_by(capture, *talk.whole())
        (exchange,) = capture.exchanges
    assert exchange.complete
    assert not exchange.problems
    assert (exchange.client.port, exchange.server.port) == talk.ports
    assert exchange.connection.connect_ns is not None


NOT_FOLLOWED = {
    "gre of version 1": (GRE, b"\x20\x01\x88\x0b" + bytes(8) + ipv4(tcp(b"GET / HTTP/1.1\r\n\r\n"))),
    "gre with routing": (GRE, b"\x40\x00\x08\x00" + bytes(8) + ipv4(tcp(b"GET / HTTP/1.1\r\n\r\n"))),
    "geneve of version 1": (UDP, udp(b"\x40\x00\x08\x00" + bytes(4) + ipv4(tcp(b"GET / HTTP/1.1\r\n\r\n")), 6081)),
    "udp on another port": (UDP, udp(vxlan(ethernet(IPV4, ipv4(tcp(b"GET / HTTP/1.1\r\n\r\n"))))[8:], 4790)),
}


@pytest.mark.parametrize(("protocol", "data"), NOT_FOLLOWED.values(), ids=NOT_FOLLOWED.keys())
def test_what_is_no_tunnel_of_ours_is_not_tcp(cable: Cable, protocol: int, data: bytes) -> None:
    with cable.capture() as capture:
        cable.pass_by(capture, ethernet(IPV4, ipv4(data, protocol=protocol)))
    assert capture.ledger.packets["not_tcp"] == 1


def test_tunnels_in_tunnels_are_followed_to_a_depth(cable: Cable) -> None:
    def nested(depth: int) -> bytes:
        packet = ipv4(tcp(b"GET / HTTP/1.1\r\n\r\n"))
        for _ in range(depth - 1):
            packet = ipv4(packet, protocol=IPIP)
        return ethernet(IPV4, packet)

    with cable.capture() as capture:
        cable.pass_by(capture, nested(3), nested(4))
    assert (capture.ledger.packets["sent"], capture.ledger.packets["not_tcp"]) == (1, 1)


def test_filters_look_at_the_inner_connection(cable: Cable) -> None:
    talk = Talk(lambda end, segment: ethernet(IPV4, ipv4(ipv6(segment, end), end, SIX)))
    with cable.capture(ports=8000, host="fd09::/16", family=6) as capture:
        cable.pass_by(capture, *talk.whole())
        assert len(capture.exchanges) == 1


def test_vxlan_of_the_kernel() -> None:
    """On the device the inner frame, on the one below it the outer: the same connection on both."""
    with veth_pair() as (left, right):
        for netns, own, other in ((left, 1, 2), (right, 2, 1)):
            ends = ["local", f"10.9.0.{own}", "remote", f"10.9.0.{other}"]
            ip("link", "add", "vxlan0", "type", "vxlan", "id", "7", *ends, "dstport", "4789", netns=netns)
            ip("address", "add", f"10.10.0.{own}/24", "dev", "vxlan0", netns=netns)
            ip("link", "set", "vxlan0", "up", netns=netns)
        with sockfilter.capture("any", netns=right, host="10.10.0.1", all_hops=True) as capture:
            with entered(right):
                listener = socket.create_server(("10.10.0.2", 0))
            with entered(left):
                client = socket.create_connection(listener.getsockname())
            server, _ = listener.accept()
            with listener, client, server:
                client.send(b"GET /x HTTP/1.1\r\n\r\n")
                server.recv(100)
                server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
                client.recv(100)
            capture.flush()
            found = {(exchange.connection.interface, exchange.complete) for exchange in capture.exchanges}
    assert found == {("veth0", True), ("vxlan0", True)}
