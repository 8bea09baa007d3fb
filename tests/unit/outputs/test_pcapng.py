"""What is written as pcapng, read by others: dpkt, scapy, tshark, capinfos."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from struct import pack, unpack_from

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader

from sockfilter.outputs import pcapng
from sockfilter.outputs.pcapng import COLLECTED_BYTES_MAX, PcapngWriter
from tests.support.exchanges import Collected
from tests.support.frames import IPV4, REQUEST, ethernet, ipv4, tcp
from tests.support.pcapng import blocks, options
from tests.support.skips import need_tool

TIME_NS = 1_700_000_000_123_456_789
FRAMES = [ethernet(IPV4, ipv4(tcp(REQUEST + bytes(size)))) for size in range(5)]


def written(frames: list[bytes] = FRAMES, wire_len: int = 0) -> bytes:
    sink = Collected()
    writer = PcapngWriter(sink, "sockfilter 1.2")
    number = writer.interface("eth0", 1)
    for place, frame in enumerate(frames):
        writer.packet(number, TIME_NS + place, memoryview(frame), wire_len or len(frame))
    writer.statistics(number, TIME_NS, 100, 3, 90)
    writer.flush()
    assert writer.size == len(sink.data)
    return sink.data


def test_dpkt_reads_it():
    packets = list(dpkt.pcapng.Reader(io.BytesIO(written())))
    assert [frame for _, frame in packets] == FRAMES
    assert packets[0][0] == pytest.approx(TIME_NS / 1e9)


def test_scapy_reads_it():
    for place, (frame, about) in enumerate(RawPcapNgReader(io.BytesIO(written(wire_len=900)))):
        assert frame == FRAMES[place]
        assert (about.linktype, about.wirelen, about.ifname) == (1, 900, b"eth0")
        assert about.tsresol == 10**9
        assert about.tshigh << 32 | about.tslow == TIME_NS + place


def test_tshark_and_capinfos_read_it(tmp_path: Path):
    path = tmp_path / "x.pcapng"
    path.write_bytes(written(wire_len=900))
    fields = ["frame.time_epoch", "frame.cap_len", "frame.len", "frame.interface_name", "tcp.dstport"]
    command = [need_tool("tshark"), "-r", path, "-T", "fields", *(part for name in fields for part in ("-e", name))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].split("\t") == [
        "1700000000.123456789",
        str(len(FRAMES[0])),
        "900",
        "eth0",
        "8000",
    ]
    about = subprocess.run([need_tool("capinfos"), "-M", path], capture_output=True, text=True, check=True).stdout
    for words in (
        "sockfilter 1.2",
        "nanoseconds (9)",
        "Number of stat entries = 1",
        "Name = eth0",
        "Number of packets = 5",
    ):
        assert words in about


def test_blocks_and_their_options():
    section, interface, *packets, statistics = blocks(written())
    assert section[0] == 0x0A0D0D0A
    assert section[1][:16] == pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    assert options(section[1][16:])[4] == b"sockfilter 1.2"
    assert interface == (1, pack("<HHI", 1, 0, 0) + b"\2\0\4\0eth0\x09\0\1\0\x09\0\0\0" + bytes(4))
    assert [kind for kind, _ in packets] == [6] * len(FRAMES)
    assert statistics[0] == 5
    assert statistics[1][:12] == pack("<III", 0, TIME_NS >> 32, TIME_NS & 0xFFFFFFFF)
    assert options(statistics[1][12:]) == {4: pack("<Q", 100), 5: pack("<Q", 3), 6: pack("<Q", 90)}


def test_interfaces_are_numbered():
    sink = Collected()
    writer = PcapngWriter(sink)
    assert [writer.interface("lo", 1), writer.interface("tun0", 101)] == [0, 1]
    writer.packet(1, TIME_NS, b"\x45", 1)
    writer.statistics(1, TIME_NS, 1, 0)
    writer.flush()
    *_, packet, statistics = blocks(sink.data)
    assert unpack_from("<I", packet[1]) == unpack_from("<I", statistics[1]) == (1,)
    assert set(options(statistics[1][12:])) == {4, 5}


def test_a_frame_without_a_time_is_said_to_have_none(tmp_path: Path):
    sink = Collected()
    writer = PcapngWriter(sink)
    for kind in (1, 1):
        writer.interface("eth0", kind)
    for frame in FRAMES:
        writer.packet(0, None, frame, len(frame))
    writer.flush()
    path = tmp_path / "x.pcapng"
    path.write_bytes(sink.data)
    assert [kind for kind, _ in blocks(sink.data)[3:]] == [3] * len(FRAMES)
    fields = ("-e", "frame.time_epoch", "-e", "frame.len")
    command = [need_tool("tshark"), "-r", path, "-T", "fields", *fields]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"\t{len(frame)}" for frame in FRAMES]


@pytest.mark.parametrize(("interface", "wire_len"), [(1, 0), (0, 900)], ids=["of another interface", "cut"])
def test_where_that_cannot_be_said_its_time_is_0(interface: int, wire_len: int):
    sink = Collected()
    writer = PcapngWriter(sink)
    for name in ("eth0", "eth1"):
        writer.interface(name, 1)
    writer.packet(interface, None, FRAMES[0], wire_len or len(FRAMES[0]))
    writer.flush()
    *_, (kind, packet) = blocks(sink.data)
    assert kind == 6
    assert unpack_from("<III", packet) == (interface, 0, 0)


@given(
    st.text(max_size=40),
    st.binary(max_size=40),
    st.integers(-(1 << 70), 1 << 70),
    st.integers(-9, 1 << 40),
    st.integers(-1, 1 << 70),
)
def test_any_values(name: str, frame: bytes, time_ns: int, wire_len: int, count: int):
    sink = Collected()
    writer = PcapngWriter(sink)
    number = writer.interface(name, 1)
    writer.packet(number, time_ns, frame, wire_len)
    writer.statistics(number, time_ns, count, count, count)
    writer.flush()
    assert [kind for kind, _ in blocks(sink.data)] == [0x0A0D0D0A, 1, 6, 5]


def test_a_name_that_is_not_text_and_one_that_is_endless():
    sink = Collected()
    writer = PcapngWriter(sink)
    writer.interface("\udcff", 1)
    writer.interface("x" * 70000, 1)
    writer.flush()
    _, first, second = blocks(sink.data)
    assert options(first[1][8:])[2] == b"?"
    assert len(options(second[1][8:])[2]) == 0xFFFF


def test_one_write_for_all_and_none_for_nothing():
    sink = Collected()
    writer = PcapngWriter(sink)
    writer.packet(writer.interface("lo", 1), TIME_NS, b"x", 1)
    assert not sink.data
    assert writer.size
    writer.flush()
    writer.flush()
    assert sink.writes == 1
    assert writer.size == len(sink.data)


def test_a_sink_that_takes_little_at_a_time():
    sink, whole = Collected(7), Collected()
    for each in (sink, whole):
        writer = PcapngWriter(each)
        writer.packet(writer.interface("lo", 1), TIME_NS, FRAMES[0], 99)
        writer.flush()
    assert sink.data == whole.data


def test_nothing_is_collected_without_bounds(monkeypatch: pytest.MonkeyPatch):
    assert COLLECTED_BYTES_MAX == 1 << 20
    monkeypatch.setattr(pcapng, "COLLECTED_BYTES_MAX", 2000)
    sink = Collected()
    writer = PcapngWriter(sink)
    number = writer.interface("lo", 1)
    for _ in range(100):
        writer.packet(number, TIME_NS, bytes(100), 100)
        assert writer.size - len(sink.data) < 2000
    assert sink.writes > 1


class TestSecrets:
    """Secrets of TLS come before the frames that wait for them, and after all that has been written."""

    LINES = b"CLIENT_RANDOM " + b"00" * 32 + b" " + b"11" * 48 + b"\n"

    def kinds(self, sink: Collected) -> list[int]:
        return [kind for kind, _ in blocks(sink.data)]

    def test_before_frames_that_wait(self) -> None:
        sink = Collected()
        writer = PcapngWriter(sink)
        number = writer.interface("lo", 1)
        writer.packet(number, TIME_NS, FRAMES[0], len(FRAMES[0]))
        writer.hold(1)
        writer.packet(number, TIME_NS, FRAMES[1], len(FRAMES[1]))
        writer.hold(2)
        writer.packet(number, TIME_NS, FRAMES[2], len(FRAMES[2]))
        writer.flush()
        before = [pcapng.SECTION, pcapng.INTERFACE, pcapng.PACKET]
        assert self.kinds(sink) == before
        writer.secrets(self.LINES)
        writer.secrets(self.LINES)
        writer.flush()
        before += [pcapng.SECRETS, pcapng.SECRETS]
        assert self.kinds(sink) == before
        writer.release(2)
        writer.flush()
        assert self.kinds(sink) == [*before, pcapng.PACKET]
        writer.release()
        writer.packet(number, TIME_NS, FRAMES[3], len(FRAMES[3]))
        writer.flush()
        assert self.kinds(sink) == [*before, pcapng.PACKET, pcapng.PACKET, pcapng.PACKET]
        assert writer.size == len(sink.data)

    @pytest.mark.parametrize("size", range(1, 9))
    def test_block_of_any_length(self, size: int) -> None:
        sink = Collected()
        writer = PcapngWriter(sink)
        writer.secrets(b"x" * size)
        writer.flush()
        (_, (kind, body)) = blocks(sink.data)
        assert kind == pcapng.SECRETS
        assert unpack_from("<II", body) == (pcapng.TLS_KEY_LOG, size)
        assert body[8 : 8 + size] == b"x" * size
