"""Any frames of any link type: through the decoders one by one, and through the kernel's program and the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.captures.file import read
    from sockfilter.packets.fragments import Reassembler, read_piece
    from sockfilter.packets.inside import Inside
    from sockfilter.packets.links import LINKS, network
    from sockfilter.packets.tcp import TcpDecoder
    from sockfilter.packets.tunnels import PROTOCOLS, STEPS, carried, inner
    from sockfilter.sources.files.packet import Damaged
    from sockfilter.sources.files.pcap import HEADER_BYTES, PcapFormat
    from tests.kernel.test_anything import originals
    from tests.support import captures
    from tests.support.frames import ETHERNET_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.sources.files.packet import Packet

LINK_TYPES = [*sorted(LINKS), 147]  # and one that is not known
ETHER_TYPES = [0x0004, *sorted(STEPS)]
PROTOCOL_NUMBERS = sorted(PROTOCOLS)
LAYERS_MAX = 16
# of a packet in a file, in sum: what one costs is more than what a byte does
PACKET_BYTES = 60


def decode(link_type: int, frame: bytes) -> None:
    found = network(link_type, memoryview(frame))
    for _ in range(LAYERS_MAX):
        if not found:
            break
        assert 0 <= found[1] <= len(frame)
        reassembler.take(0, 1, frame[found[1] :])
        read_piece(frame[found[1] :])
        inside.step(0, 1, found[0], memoryview(frame), found[1])
        found = inner(found[0], memoryview(frame), found[1])
    number = frame[-1] if frame else 0
    inner(ETHER_TYPES[number % len(ETHER_TYPES)], memoryview(frame), 0)
    carried(PROTOCOL_NUMBERS[number % len(PROTOCOL_NUMBERS)], memoryview(frame), 0)
    tcp.take(0, 1, bytes(16), bytes(15) + b"\1", frame)


tcp = TcpDecoder({}, lambda key: None, lambda stream, flow, now: lambda *segment: None, str, lambda a, b: True)
reassembler = Reassembler(tcp.take)
inside = Inside()


def test(data: bytes) -> None:
    """The first byte is the link type; the second, how many bytes of each frame were not kept."""
    if len(data) < 2:
        return
    link_type, cut = LINK_TYPES[data[0] % len(LINK_TYPES)], data[1]
    frames = [frame for _, frame in harness.pieces(data[2:], 0)]
    for frame in frames:
        decode(link_type, frame)
    reassembler.close()
    assert not reassembler.counts.waiting
    snap = max((len(frame) for frame in frames), default=0) - cut if cut else 1 << 18
    with harness.file_of(captures.pcap(captures.timed(frames), link_type=link_type, snap=max(0, snap))) as path:
        for exchange in read(path):
            assert exchange.complete or exchange.problems


def endless(data: bytes, size: int) -> budget.Run:
    """Some of the frames come again and again."""
    choice = budget.chosen(data)
    frames = [frame for _, frame in harness.pieces(data[2:], 0)]
    start, end = choice.span(len(frames))
    again = frames[start:end]
    times = size // sum(len(frame) + PACKET_BYTES for frame in again) if again else 0
    link_type = LINK_TYPES[data[0] % len(LINK_TYPES)] if data else 1
    goes_on = [*frames[:start], *again * times, *frames[start:]]
    file = captures.pcap(captures.timed(goes_on), link_type=link_type)

    def consume() -> None:
        with harness.file_of(file) as path:
            for _ in read(path):
                pass

    return consume


def seed(link_type: int, frames: list[bytes]) -> bytes:
    return bytes([LINK_TYPES.index(link_type), 0]) + b"".join(harness.piece(b"", frame) for frame in frames)


def seeds() -> Iterator[bytes]:
    yield seed(1, originals())
    for frame in originals():
        yield seed(1, [frame])
        yield seed(101, [frame[ETHERNET_BYTES:]])
    for file in harness.capture_files():
        try:
            form = PcapFormat(file)
            found: list[Packet] = []
            form.read(file, HEADER_BYTES, found)
        except Damaged:
            continue
        if form.interfaces[0].link_type in LINKS:
            yield seed(form.interfaces[0].link_type, [file[p.at : p.at + p.length] for p in found[:24]])


if __name__ == "__main__":
    harness.run("packets", test, seeds(), endless)
