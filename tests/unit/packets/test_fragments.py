"""IP fragments in any order: the packet that was sent, or a count of what did not become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.packets import fragments
from sockfilter.packets.fragments import WAIT_NS, Reassembler, read_piece
from sockfilter.packets.records import ip_text
from tests.support.frames import (
    DESTINATION,
    ETHERNET_BYTES,
    FRAGMENT,
    HOP_BY_HOP,
    HOSTS4,
    HOSTS6,
    MORE_FRAGMENTS,
    ROUTING,
    UDP,
    extended,
    ipv4,
    ipv4_fragments,
    ipv6,
    ipv6_fragments,
)

DATA = bytes(range(200))
SIZE = 48


class Collector:
    """A reassembler, and what it delivers. wanted: what it is told of each packet."""

    def __init__(self, wanted: bool = True) -> None:
        self.packets: list[bytes] = []
        self.addresses: list[tuple[str, str]] = []
        self._wanted = wanted
        self.reassembler = Reassembler(self.deliver)
        self.taken = 0

    def deliver(self, time_ns: int, interface: int, source: bytes, dest: bytes, data: bytes) -> bool:
        self.packets.append(data)
        self.addresses.append((ip_text(source), ip_text(dest)))
        return self._wanted

    def take(self, *packets: bytes, time_ns: int = 0, interface: int = 1) -> Collector:
        for packet in packets:
            self.taken += 1
            self.reassembler.take(time_ns, interface, packet)
            self.check()
        return self

    def check(self) -> None:
        """Every fragment is accounted for."""
        counts = self.reassembler.counts
        assert counts.used + counts.waiting + counts.expired + counts.undecodable == self.taken

    def close(self) -> list[bytes]:
        self.reassembler.close()
        self.check()
        assert self.reassembler.counts.waiting == 0
        return self.packets


def pieces(version: int, data: bytes = DATA, size: int = SIZE, ident: int = 1) -> list[bytes]:
    """The fragments of a packet, from their IP headers on."""
    if version == 4:
        return [frame[ETHERNET_BYTES:] for frame in ipv4_fragments(data, size, ident=ident)]
    return [packet_with(data[at : at + size], at, at + size < len(data), ident) for at in range(0, len(data), size)]


def packet_with(piece: bytes, at: int, more: bool, ident: int = 1, carried: int = 6) -> bytes:
    """A fragment of IPv6."""
    header = bytes([carried, 0]) + (at | more).to_bytes(2, "big") + ident.to_bytes(4, "big")
    return ipv6(header + piece, 0, FRAGMENT)


VERSION = pytest.mark.parametrize("version", [4, 6])


@VERSION
def test_in_order(version: int):
    collector = Collector().take(*pieces(version))
    assert collector.close() == [DATA]
    assert collector.addresses == [HOSTS4 if version == 4 else HOSTS6]
    assert collector.reassembler.counts.reassembled == 1


def test_as_frames_are_made_elsewhere():
    packets = [frame[ETHERNET_BYTES:] for frame in ipv6_fragments(DATA, SIZE)]
    assert Collector().take(*packets).close() == [DATA]


@VERSION
@given(data=st.data())
def test_in_any_order_and_more_often(version: int, data: st.DataObject):
    size = data.draw(st.integers(1, 30)) * 8
    made = pieces(version, size=size)
    order = data.draw(st.permutations(made + data.draw(st.lists(st.sampled_from(made), max_size=5))))
    collector = Collector().take(*order)
    assert collector.packets[0] == DATA
    collector.close()


@VERSION
@given(data=st.data())
def test_of_several_packets_among_one_another(version: int, data: st.DataObject):
    sent = [bytes([i]) * 100 for i in range(4)]
    made = [piece for i, whole in enumerate(sent) for piece in pieces(version, whole, 24, ident=i)]
    collector = Collector().take(*data.draw(st.permutations(made)))
    assert sorted(collector.close()) == sent


def model(parts: list[tuple[int, int, bool]]) -> list[bytes]:
    """What comes of fragments from offset to offset in eights, byte by byte: all there, and nothing in two of them."""
    made, there = [], {}
    total = None
    for start, count, is_last in parts:
        places = range(start * 8, start * 8 + count * 8)
        same = there.get(places.start) == (places, is_last)
        taken = {place for held, _ in there.values() for place in held}
        end = max(taken, default=-1) + 1
        is_wrong = bool(taken & set(places)) or (total is not None and (places.stop > total or is_last))
        if not same and (is_wrong or (is_last and places.stop < end)):
            there, total = {}, None
            continue
        there[places.start] = (places, is_last)
        total = places.stop if is_last else total
        if total is not None and sum(len(held) for held, _ in there.values()) == total:
            made.append(DATA[:total])
            there, total = {}, None
    return made


@VERSION
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.booleans()), max_size=12))
def test_any_pieces_of_one_packet(version: int, parts: list[tuple[int, int, bool]]):
    collector = Collector()
    for start, count, is_last in parts:
        data = DATA[start * 8 : (start + count) * 8]
        if version == 4:
            collector.take(ipv4(data, fragment=start | (0 if is_last else MORE_FRAGMENTS)))
        else:
            collector.take(packet_with(data, start * 8, not is_last))
    assert collector.close() == model(parts)


@VERSION
def test_two_that_contradict_each_other_make_no_packet(version: int):
    made = pieces(version)
    other = pieces(version, DATA[::-1])
    collector = Collector().take(made[0], other[0], *made[1:])
    assert collector.close() == []
    assert collector.reassembler.counts.undecodable == 1


@pytest.mark.parametrize("cut", range(len(pieces(4)[0]) + 1))
@VERSION
def test_cut_at_every_byte(version: int, cut: int):
    packet = pieces(version)[0][:cut]
    assert (read_piece(packet) is not None) == (len(packet) >= len(pieces(version)[0]))


@VERSION
def test_padding_behind_a_fragment_is_not_of_it(version: int):
    assert Collector().take(*(piece + b"\xaa" * 20 for piece in pieces(version))).close() == [DATA]


@pytest.mark.parametrize("kinds", [(HOP_BY_HOP,), (ROUTING,), (HOP_BY_HOP, DESTINATION, ROUTING)])
def test_extension_headers_before_the_fragments(kinds: tuple[int, ...]):
    collector = Collector()
    for at in range(0, len(DATA), SIZE):
        plain = packet_with(DATA[at : at + SIZE], at, at + SIZE < len(DATA))[40:]
        first, data = extended(plain, *kinds, following=FRAGMENT)
        collector.take(ipv6(data, 0, first))
    assert collector.close() == [DATA]


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x50" * 60,
        ipv4(DATA, protocol=UDP, fragment=MORE_FRAGMENTS),
        ipv4(DATA, words=4, fragment=MORE_FRAGMENTS),
        ipv4(DATA, total=19, fragment=MORE_FRAGMENTS),
        ipv4(DATA[:9], fragment=MORE_FRAGMENTS),
        ipv4(b"", fragment=MORE_FRAGMENTS),
        ipv4(DATA, fragment=0x1FFF),
        packet_with(DATA, 0, True, carried=UDP),
        packet_with(DATA[:9], 0, True),
        packet_with(b"", 0, True),
        packet_with(DATA, 0xFFF8, False),
        ipv6(DATA),
        ipv6(b"\0" * 8, 0, FRAGMENT, length=9),
    ],
)
def test_what_is_no_fragment_of_tcp(packet: bytes):
    collector = Collector().take(packet)
    assert collector.close() == []
    assert collector.reassembler.counts.undecodable == 1


def test_what_nobody_wants_is_counted():
    collector = Collector(wanted=False).take(*pieces(4))
    assert collector.reassembler.counts.undecodable == len(pieces(4))
    assert collector.reassembler.counts.reassembled == 0


@VERSION
def test_one_that_stays_away(version: int):
    collector = Collector().take(*pieces(version)[:-1], time_ns=5)
    collector.reassembler.tick(5 + WAIT_NS)
    assert collector.reassembler.counts.waiting == 4
    collector.reassembler.tick(6 + WAIT_NS)
    assert collector.reassembler.counts.expired == 4
    assert collector.take(pieces(version)[-1]).close() == []


def test_each_interface_has_its_own():
    collector = Collector()
    for piece in pieces(4):
        collector.take(piece, interface=1).take(piece, interface=2)
    assert collector.close() == [DATA, DATA]


def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fragments, "WAITING_MAX", 3)
    collector = Collector()
    for ident in range(5):
        collector.take(pieces(4, ident=ident)[0])
    assert collector.reassembler.counts.waiting == 3
    collector.take(*pieces(4, ident=0)[1:], *pieces(4, ident=4)[1:])
    assert collector.close() == [DATA]


def test_there_is_room_for_so_many_bytes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fragments, "WAITING_BYTES_MAX", 3 * SIZE)
    collector = Collector().take(*(pieces(4, ident=ident)[0] for ident in range(5)))
    assert collector.reassembler.counts.waiting == 3


@given(st.lists(st.binary(max_size=60), max_size=5), st.booleans())
def test_any_bytes(packets: list[bytes], is_ip: bool):
    made = [(ipv4(b"", fragment=MORE_FRAGMENTS)[:20] + packet)[:60] if is_ip else packet for packet in packets]
    Collector().take(*made).close()
