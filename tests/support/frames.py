"""Frames, built by hand: what a stack would not send, and what it would not send on demand.

Two hosts, the client (end 0) and the server (end 1). Each function makes one layer around what it is
given, right unless told otherwise; checksums are left zero, as nothing here looks at them.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_pton
from struct import pack
from typing import TypeAlias

# EtherTypes
IPV4, IPV6, ARP, VLAN, QINQ, TEB = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x6558
OLD_QINQ = (0x9100, 0x9200, 0x9300)
# protocol numbers
ICMP, IPIP, TCP, UDP, SIX, GRE, ESP, ICMP6 = 1, 4, 6, 17, 41, 47, 50, 58
HOP_BY_HOP, ROUTING, FRAGMENT, AH, DESTINATION, NOTHING = 0, 43, 44, 51, 60, 59
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
MORE_FRAGMENTS = 0x2000
VXLAN_PORT, GENEVE_PORT = 4789, 6081

MACS = (bytes.fromhex("020000000001"), bytes.fromhex("020000000002"))
HOSTS4 = ("10.9.0.1", "10.9.0.2")
HOSTS6 = ("fd09::1", "fd09::2")
CLIENT_PORT, SERVER_PORT = 40000, 8000
ETHERNET_BYTES, IPV4_BYTES, IPV6_BYTES, TCP_BYTES = 14, 20, 40, 20
# the shortest Ethernet frame, without its checksum
FRAME_BYTES_MIN = 60

# puts a TCP segment that an end sends into a frame
Envelope: TypeAlias = Callable[[int, bytes], bytes]

REQUEST = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def ethernet(kind: int, data: bytes, end: int = 0, tags: tuple[tuple[int, int], ...] = ()) -> bytes:
    """tags: EtherType and tag control information of VLAN tags, outermost first."""
    vlans = b"".join(pack("!HH", outer, tci) for outer, tci in tags)
    return MACS[1 - end] + MACS[end] + vlans + pack("!H", kind) + data


def padded(frame: bytes, filler: bytes = b"\xaa") -> bytes:
    """As a network card does it with a frame that is too short; but not with zeros."""
    missing = max(0, FRAME_BYTES_MIN - len(frame))
    return frame + (filler * missing)[:missing]


def ipv4(
    data: bytes,
    end: int = 0,
    protocol: int = TCP,
    *,
    options: bytes = b"",
    version: int = 4,
    words: int | None = None,
    total: int | None = None,
    ident: int = 1,
    fragment: int = 0,
) -> bytes:
    """words: header length in 32-bit words; fragment: flags and offset as they stand in the header."""
    size = IPV4_BYTES + len(options)
    words = size // 4 if words is None else words
    total = size + len(data) if total is None else total
    source, dest = inet_pton(AF_INET, HOSTS4[end]), inet_pton(AF_INET, HOSTS4[1 - end])
    head = pack("!BBHHHBBH4s4s", version << 4 | words, 0, total, ident, fragment, 64, protocol, 0, source, dest)
    return head + options + data


def ipv6(data: bytes, end: int = 0, following: int = TCP, *, version: int = 6, length: int | None = None) -> bytes:
    length = len(data) if length is None else length
    source, dest = inet_pton(AF_INET6, HOSTS6[end]), inet_pton(AF_INET6, HOSTS6[1 - end])
    return pack("!IHBB16s16s", version << 28, length, following, 64, source, dest) + data


def extended(data: bytes, *kinds: int, following: int = TCP) -> tuple[int, bytes]:
    """data behind a chain of IPv6 extension headers: the number of the first of them, and all of it."""
    for kind in reversed(kinds):
        if kind == FRAGMENT:
            header = pack("!BBHI", following, 0, 0, 1)  # an atomic one
        elif kind == AH:
            header = pack("!BBHII", following, 1, 0, 1, 1)  # its length counts 4 bytes, less two
        else:
            header = pack("!BBBB12x", following, 1, 1, 12)  # 16 bytes, filled by a PadN option
        data, following = header + data, kind
    return following, data


def tcp(
    data: bytes = b"",
    end: int = 0,
    *,
    seq: int = 1,
    ack: int = 1,
    flags: int = PSH | ACK,
    options: bytes = b"",
    words: int | None = None,
    ports: tuple[int, int] = (CLIENT_PORT, SERVER_PORT),
) -> bytes:
    words = (TCP_BYTES + len(options)) // 4 if words is None else words
    head = pack("!HHIIBBHHH", ports[end], ports[1 - end], seq, ack, words << 4, flags, 0xFFFF, 0, 0)
    return head + options + data


def udp(data: bytes, port: int) -> bytes:
    return pack("!HHHH", 49152, port, 8 + len(data), 0) + data


def gre(kind: int, packet: bytes, key: int | None = None, sequence: int | None = None) -> bytes:
    flags = (key is not None) << 13 | (sequence is not None) << 12
    fields = b"".join(pack("!I", field) for field in (key, sequence) if field is not None)
    return pack("!HH", flags, kind) + fields + packet


def vxlan(frame: bytes) -> bytes:
    return udp(pack("!II", 0x08000000, 7 << 8) + frame, VXLAN_PORT)


def geneve(kind: int, packet: bytes, options: bytes = b"") -> bytes:
    return udp(pack("!BBHI", len(options) // 4, 0, kind, 7 << 8) + options + packet, GENEVE_PORT)


def ipv4_fragments(data: bytes, size: int, end: int = 0, ident: int = 1, protocol: int = TCP) -> list[bytes]:
    """An IPv4 packet in fragments of size bytes, a multiple of 8, as frames."""
    pieces = [(at // 8 | (at + size < len(data)) * MORE_FRAGMENTS, at) for at in range(0, len(data), size)]
    return [
        ethernet(IPV4, ipv4(data[at : at + size], end, protocol, ident=ident, fragment=fragment))
        for fragment, at in pieces
    ]


def ipv6_fragment(piece: bytes, at: int, more: bool, end: int = 0, ident: int = 1, protocol: int = TCP) -> bytes:
    header = pack("!BBHI", protocol, 0, at | more, ident)
    return ethernet(IPV6, ipv6(header + piece, end, FRAGMENT))


def ipv6_fragments(data: bytes, size: int, end: int = 0, ident: int = 1, protocol: int = TCP) -> list[bytes]:
    return [
        ipv6_fragment(data[at : at + size], at, at + size < len(data), end, ident, protocol)
        for at in range(0, len(data), size)
    ]


def over_ipv4(end: int, segment: bytes) -> bytes:
    return ethernet(IPV4, ipv4(segment, end), end)


def over_ipv6(end: int, segment: bytes) -> bytes:
    return ethernet(IPV6, ipv6(segment, end), end)


class Talk:
    """A TCP connection under construction: every method makes the next frame, with the right numbers.

    Args:
        envelope: what its segments go into.
        ports: of client and server.
        isn: their initial sequence numbers.
    """

    def __init__(
        self,
        envelope: Envelope = over_ipv4,
        ports: tuple[int, int] = (CLIENT_PORT, SERVER_PORT),
        isn: tuple[int, int] = (1000, 5000),
    ) -> None:
        self.envelope = envelope
        self.ports = ports
        self.next = list(isn)

    def segment(self, end: int, data: bytes = b"", flags: int = PSH | ACK, options: bytes = b"") -> bytes:
        """The TCP segment alone, for an envelope of the test's own."""
        ack = self.next[1 - end] if flags & ACK else 0
        made = tcp(data, end, seq=self.next[end], ack=ack, flags=flags, options=options, ports=self.ports)
        self.next[end] = (self.next[end] + len(data) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        return made

    def frame(self, end: int, data: bytes = b"", flags: int = PSH | ACK, options: bytes = b"") -> bytes:
        return self.envelope(end, self.segment(end, data, flags, options))

    def opening(self) -> list[bytes]:
        return [self.frame(0, flags=SYN), self.frame(1, flags=SYN | ACK), self.frame(0, flags=ACK)]

    def client(self, data: bytes = REQUEST) -> bytes:
        return self.frame(0, data)

    def server(self, data: bytes = RESPONSE) -> bytes:
        return self.frame(1, data)

    def closing(self) -> list[bytes]:
        return [self.frame(0, flags=FIN | ACK), self.frame(1, flags=FIN | ACK), self.frame(0, flags=ACK)]

    def whole(self, request: bytes = REQUEST, response: bytes = RESPONSE) -> list[bytes]:
        """One exchange, from SYN to FIN: eight frames of which four come up, being payload or FIN."""
        return [*self.opening(), self.client(request), self.server(response), *self.closing()]
