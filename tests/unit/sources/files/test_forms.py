"""Whatever form a capture file has, the same exchange comes out of it."""

from __future__ import annotations

import errno
import gzip
import os
import threading
from pathlib import Path
from struct import pack

import pytest

import sockfilter
from tests.support import captures
from tests.support.captures import SECOND, START_NS, enhanced, interface, one_exchange, pcap, pcapng, section
from tests.support.frames import REQUEST, RESPONSE, Talk
from tests.support.wire import account

PACKETS = one_exchange()
FORMS = {
    "pcap": pcap(PACKETS),
    "pcap big-endian": pcap(PACKETS, ">"),
    "pcap with FCS bits": pcap(PACKETS, link_type=captures.ETHERNET | 0x24000000),
    "pcapng": pcapng(PACKETS),
    "pcapng big-endian": pcapng(PACKETS, ">"),
    "gzip": gzip.compress(pcap(PACKETS)),
    "gzip of pcapng": gzip.compress(pcapng(PACKETS)),
    "gzip in members": b"".join(gzip.compress(part) for part in (pcapng(PACKETS)[:301], pcapng(PACKETS)[301:])),
    "old packet blocks": section() + interface() + b"".join(captures.old(*packet) for packet in PACKETS),
    "blocks nobody knows": b"".join(
        [section(), captures.block("<", 0x0BAD, b"x" * 9), interface(), captures.block("<", 5, bytes(12))]
        + [enhanced(*packet) for packet in PACKETS]
    ),
    "sections of both orders": b"".join(
        [section(), interface(), *(enhanced(*packet) for packet in PACKETS[:4]), section(">"), interface(">")]
        + [enhanced(*packet, order=">") for packet in PACKETS[4:]]
    ),
}


def read(content: bytes, tmp_path: Path) -> list[sockfilter.Exchange]:
    path = tmp_path / "file"
    path.write_bytes(content)
    return list(sockfilter.read(str(path)))


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())
def test_exact_to_the_nanosecond(content: bytes, tmp_path: Path):
    (exchange,) = read(content, tmp_path)
    assert exchange.request.raw == REQUEST
    assert exchange.response.raw + exchange.response.body == RESPONSE
    assert exchange.start_ns == START_NS + 3_000_000
    assert exchange.timing.connect == 0.001
    assert not exchange.problems


@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B2CD34])
@pytest.mark.parametrize("order", ["<", ">"])
def test_microseconds(magic: int, order: str, tmp_path: Path):
    (exchange,) = read(pcap(PACKETS, order, magic), tmp_path)
    assert exchange.start_ns == START_NS // 1000 * 1000 + 3_000_000


@pytest.mark.parametrize(
    ("resolution", "offset_s", "unit"),
    [(None, 0, 10**6), (6, 0, 10**6), (3, 0, 1000), (0, 0, 1), (9, 1_600_000_000, 10**9), (0x80 | 20, 0, 1 << 20)],
)
def test_resolutions(resolution: int | None, offset_s: int, unit: int, tmp_path: Path):
    stamps = [((ns // SECOND - offset_s) * unit + ns % SECOND * unit // SECOND, frame) for ns, frame in PACKETS]
    packets = b"".join(enhanced(stamp, frame) for stamp, frame in stamps)
    (exchange,) = read(section() + interface(resolution=resolution, offset_s=offset_s) + packets, tmp_path)
    assert abs(exchange.start_ns - START_NS - 3_000_000) <= SECOND // unit


def test_simple_packets_have_no_times(tmp_path: Path):
    file = section() + interface(snap=65535) + b"".join(captures.simple(frame) for _, frame in PACKETS)
    (exchange,) = read(file, tmp_path)
    assert exchange.complete


def test_interfaces_have_their_names_and_connections(tmp_path: Path):
    blocks = [section(), interface(name="eth0"), interface(name="wlan0"), interface()]
    blocks += [enhanced(ns, frame, number) for ns, frame in PACKETS for number in (0, 1, 2)]
    path = tmp_path / "file"
    path.write_bytes(b"".join(blocks))
    found = {exchange.connection.interface for exchange in sockfilter.read(str(path), all_hops=True)}
    assert found == {"eth0", "wlan0", "3"}


def test_frames_cut_at_a_snap_length(tmp_path: Path):
    talk = Talk()
    body = b"x" * 1000
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body
    packets = captures.timed(talk.whole(response=response) + talk.whole())
    first, *_ = read(pcap(packets, snap=200), tmp_path)
    assert first.response.body.wire_len == 1000
    assert [str(problem) for problem in first.problems] == ["truncated"]


def test_no_more_memory_than_a_frame_has_is_believed(tmp_path: Path):
    damaged = pcap(PACKETS) + pack("<IIII", 0, 0, 1 << 30, 1 << 30)
    path = tmp_path / "file"
    path.write_bytes(damaged)
    found = sockfilter.read(str(path))
    assert next(found).complete
    with pytest.raises(
        sockfilter.SockfilterError, match="a packet has an impossible length of 1073741824 bytes; what came before"
    ):
        next(found)


def test_pipe_that_is_still_being_written(tmp_path: Path):
    """Each exchange comes when it has ended, not when the file has."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    talk = Talk()
    first, second = captures.timed(talk.whole()), captures.timed(talk.whole())
    read_first = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            pipe.write(pcap(first))
            assert read_first.wait(10)
            pipe.write(pcap(second)[24:])

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    found = sockfilter.read(str(path))
    assert next(found).complete
    read_first.set()
    assert next(found).complete
    assert not list(found)
    writer.join()


def test_named_pipe_that_nobody_writes_yet(tmp_path: Path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found = []
    reader = threading.Thread(target=lambda: found.extend(sockfilter.read(str(path))), daemon=True)
    reader.start()
    # opening it for writing without a reader fails: once it does not, the reader has it open
    while True:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            assert error.errno == errno.ENXIO  # noqa: PT017
    os.write(fd, pcap(PACKETS))
    os.close(fd)
    reader.join(10)
    assert len(found) == 1


def test_live_and_read_say_the_same(tmp_path: Path):
    """The kernel's program and its twin for files: see also tests/e2e."""
    (one,), (other,) = read(pcap(PACKETS), tmp_path), read(pcapng(PACKETS), tmp_path)
    assert account(one) == account(other)
