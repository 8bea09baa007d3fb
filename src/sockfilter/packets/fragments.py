"""Reassembly of IP fragments (RFC 791, 3.2; RFC 8200, 4.5)."""

from __future__ import annotations

from bisect import bisect, insort
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.ledger import FragmentCounts
from sockfilter.model.connection import V4_MAPPED

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.packets.framing import View

# Datagrams that wait for fragments, and the bytes they may hold. Linux allows as many bytes (ipfrag_high_thresh).
WAITING_MAX = 1024
WAITING_BYTES_MAX = 4 << 20
# How long a datagram waits for its fragments, in nanoseconds: as long as in Linux (ipfrag_time).
WAIT_NS = 30_000_000_000
# the largest datagram, in bytes (RFC 791, 3.1)
DATAGRAM_BYTES_MAX = 65535

IPV4 = Struct("!BBHHHBBH4s4s")
IPV6 = Struct("!IHBB16s16s")
FRAGMENT_HEADER = Struct("!BBHI")
TCP = 6
# IPv6 extension headers that may precede the fragment header: hop-by-hop, routing, destination options
BEFORE_FRAGMENT = {0, 43, 60}
FRAGMENT = 44


class Piece(NamedTuple):
    """One fragment: its datagram, its offset, and whether more fragments follow."""

    key: tuple[bytes, bytes, int, int]  # source and destination in 16 bytes each, identification, IP version
    protocol: int  # the IP protocol number of what the datagram carries
    offset: int
    is_last: bool
    data: bytes

    @property
    def is_whole(self) -> bool:
        """Whether the packet is a complete datagram, not a fragment."""
        return self.is_last and not self.offset


class WaitingFragments:
    """The fragments of one datagram that have arrived so far."""

    __slots__ = ("count", "offsets", "pieces", "since_ns", "size", "total")

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.count = 0  # fragments that came, duplicates included
        self.size = 0  # bytes of all pieces, without duplicates
        self.pieces: dict[int, bytes] = {}
        self.offsets: list[int] = []  # sorted, so that a new fragment is compared with its neighbours alone
        self.total: int | None = None

    def add(self, piece: Piece) -> bool:
        """Takes a fragment. Returns False if it contradicts another: the datagram must be dropped then (RFC 5722)."""
        known = self.pieces.get(piece.offset)
        if known is None:
            if not self._fits(piece):
                return False
            insort(self.offsets, piece.offset)
            self.pieces[piece.offset] = piece.data
            self.size += len(piece.data)
        elif known != piece.data or piece.is_last != (self.total == piece.offset + len(known)):
            return False
        if piece.is_last:
            self.total = piece.offset + len(piece.data)
        self.count += 1
        return True

    def _fits(self, piece: Piece) -> bool:
        end = piece.offset + len(piece.data)
        if end > DATAGRAM_BYTES_MAX or (self.total is not None and (end > self.total or piece.is_last)):
            return False
        at = bisect(self.offsets, piece.offset)
        if at and self.offsets[at - 1] + len(self.pieces[self.offsets[at - 1]]) > piece.offset:
            return False
        # nothing may follow the last fragment
        return at == len(self.offsets) or (end <= self.offsets[at] and not piece.is_last)

    def datagram(self) -> bytes | None:
        """Returns the payload of the whole datagram, or None while fragments are missing."""
        if self.size != self.total:
            return None
        return b"".join(self.pieces[offset] for offset in self.offsets)


class Reassembler:
    """Collects the fragments of packets that carry one protocol.

    Args:
        deliver: takes the time, the interface index, both addresses, and the payload of a datagram; returns whether
            the payload was of use.
        protocol: the IP protocol number.
    """

    def __init__(self, deliver: Callable[[int, int, bytes, bytes, bytes], bool], protocol: int = TCP) -> None:
        self._deliver = deliver
        self._protocol = protocol
        self._waiting: dict[tuple[int, tuple[bytes, bytes, int, int]], WaitingFragments] = {}
        self._bytes = 0
        self.counts = FragmentCounts()

    def take(self, time_ns: int, interface: int, packet: bytes) -> None:
        """Takes a fragment as bytes that start with its IP header."""
        piece = read_piece(packet)
        if piece is None or piece.protocol != self._protocol:
            self.counts.undecodable += 1
            return
        self.add(time_ns, interface, piece)

    def add(self, time_ns: int, interface: int, piece: Piece) -> None:
        """Takes a fragment whose headers have been parsed."""
        key = (interface, piece.key)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = WaitingFragments(time_ns)
        size = waiting.size
        if not waiting.add(piece):
            self.counts.undecodable += 1
            self._expire(key)
            return
        self._bytes += waiting.size - size
        self.counts.waiting += 1
        datagram = waiting.datagram()
        if datagram is None:
            while self._bytes > WAITING_BYTES_MAX or len(self._waiting) > WAITING_MAX:
                self._expire(next(iter(self._waiting)))
            return
        self._forget(key)
        if self._deliver(time_ns, interface, piece.key[0], piece.key[1], datagram):
            self.counts.reassembled += 1
            self.counts.used += waiting.count
        else:
            self.counts.undecodable += waiting.count

    def tick(self, now_ns: int) -> None:
        """Gives up the datagrams that have waited too long."""
        for key in [k for k, waiting in self._waiting.items() if now_ns - waiting.since_ns > WAIT_NS]:
            self._expire(key)

    def close(self) -> None:
        """Gives up all datagrams."""
        for key in list(self._waiting):
            self._expire(key)

    def _expire(self, key: tuple[int, tuple[bytes, bytes, int, int]]) -> None:
        self.counts.expired += self._forget(key)

    def _forget(self, key: tuple[int, tuple[bytes, bytes, int, int]]) -> int:
        waiting = self._waiting.pop(key)
        self._bytes -= waiting.size
        self.counts.waiting -= waiting.count
        return waiting.count


def read_piece(packet: View) -> Piece | None:
    """Reads the IP header of a packet. Returns None if there is none, or if it is damaged."""
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        return _read_ipv4(packet)
    if version == 6:
        return _read_ipv6(packet)
    return None


def _read_ipv4(packet: View) -> Piece | None:
    if len(packet) < IPV4.size:
        return None
    first, _, total, ident, fragment, _, protocol, _, source, dest = IPV4.unpack_from(packet)
    start = (first & 0x0F) * 4
    if not IPV4.size <= start <= total <= len(packet):
        return None
    data = bytes(packet[start:total])  # the rest is padding
    more, offset = fragment & 0x2000, (fragment & 0x1FFF) * 8
    if not data or (more and len(data) % 8):
        return None
    return Piece((V4_MAPPED + source, V4_MAPPED + dest, ident, 4), protocol, offset, not more, data)


def _read_ipv6(packet: View) -> Piece | None:
    if len(packet) < IPV6.size:
        return None
    _, length, following, _, source, dest = IPV6.unpack_from(packet)
    if len(packet) < IPV6.size + length:
        return None
    packet = packet[: IPV6.size + length]
    at = IPV6.size
    while following in BEFORE_FRAGMENT and at + 2 <= len(packet):
        following, size = packet[at], (packet[at + 1] + 1) * 8
        at += size
    if following != FRAGMENT or at + FRAGMENT_HEADER.size > len(packet):
        return None
    carried, _, fragment, ident = FRAGMENT_HEADER.unpack_from(packet, at)
    data = bytes(packet[at + FRAGMENT_HEADER.size :])
    if not data or (fragment & 1 and len(data) % 8):
        return None
    return Piece((source, dest, ident, 6), carried, fragment & 0xFFF8, not fragment & 1, data)
