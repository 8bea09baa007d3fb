"""Files that are cut short or damaged: what can be read is, and one error says what cannot."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sockfilter
from sockfilter.errors import CaptureFileError
from sockfilter.sources.files.source import FileSource
from sockfilter.sources.files.stream import READ_BYTES, Stream
from sockfilter.sources.narrowing import KernelFilter
from tests.support.captures import interface, old, one_exchange, pcap, pcapng, section

FORMS = {
    "pcap": pcap(one_exchange()),
    "pcapng": pcapng(one_exchange()),
    "gzip": gzip.compress(pcap(one_exchange()), mtime=0),
}
EACH = pytest.mark.parametrize("content", FORMS.values(), ids=FORMS.keys())


def read(content: bytes, path: Path) -> tuple[list[sockfilter.Exchange], str]:
    """The exchanges, and the error behind them; empty: none."""
    path.write_bytes(content)
    found = []
    try:
        found.extend(exchange for exchange in sockfilter.read(str(path)) if exchange)
    except CaptureFileError as error:
        return found, str(error)
    return found, ""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture"


def places(content: bytes) -> list[int]:
    """Each byte of the file's beginning with its first packet, and near where a packet ends; else every seventh."""
    near = {edge + by for edge in whole_sizes(content) for by in range(-5, 6)}
    return [at for at in range(len(content)) if at < 120 or at in near or at % 7 == 0]


@EACH
def test_cut_anywhere(content: bytes, path: Path):
    for size in places(content):
        path.write_bytes(content[:size])
        exchanges = []
        problem = ""
        try:
            for exchange in sockfilter.read(str(path)):
                exchanges.append(exchange)  # those before the error count
        except CaptureFileError as error:
            problem = str(error)
        assert problem or size in whole_sizes(content), size
        assert len(exchanges) <= 1


def whole_sizes(content: bytes) -> set[int]:
    """Where a file may end without anybody noticing: between two packets or blocks."""
    sizes = {len(content)}
    if content == FORMS["pcap"]:
        sizes |= {len(pcap(one_exchange()[:n])) for n in range(9)}
    if content == FORMS["pcapng"]:
        sizes |= {len(section()), *(len(pcapng(one_exchange()[:n])) for n in range(9))}
    return sizes


@EACH
def test_a_byte_changed(content: bytes, path: Path):
    for at in places(content):
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        read(bytes(damaged), path)


@given(st.binary(max_size=200), st.sampled_from(["", *FORMS]), st.integers(0, 600))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, form: str, at: int):
    start = FORMS[form][:at] if form else b""
    read(start + data, tmp_path_factory.mktemp("any") / "file")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"\xd4\xc3", "it is cut short"),
        (b"root:x:0:0:root:/root:/bin/bash", "it does not begin like a pcap file"),
        (FORMS["gzip"][:-20], "the gzip in it is cut short"),
        (FORMS["gzip"][:10] + b"\x07" * 40, "the gzip in it is damaged"),
        (section()[:8] + bytes(20), "a section begins without a byte-order mark"),
    ],
)
def test_words(content: bytes, words: str, path: Path):
    assert words in read(content, path)[1]


PACKET = pcapng(one_exchange()[:1])[len(section() + interface()) :]
BEFORE = section() + interface() + PACKET


def changed(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


@pytest.mark.parametrize(
    ("content", "record", "at", "words"),
    [
        (changed(BEFORE + PACKET * 2, len(BEFORE) + 8, b"\7"), len(BEFORE), 8, "an interface that is not described"),
        (
            changed(BEFORE + PACKET * 2, len(BEFORE) + 20, b"\xff\7"),
            len(BEFORE),
            20,
            "a packet has an impossible length of",
        ),
        (changed(BEFORE + PACKET * 2, len(BEFORE) + 4, b"\2"), len(BEFORE), 4, "a block has an impossible length of"),
        (changed(BEFORE + PACKET * 2, len(BEFORE + PACKET) - 4, b"\0"), len(BEFORE), len(PACKET) - 4, "two lengths"),
        (changed(BEFORE + section() * 2, len(BEFORE) + 8, b"\0"), len(BEFORE), 8, "byte-order mark"),
        ((BEFORE + PACKET)[:-9], len(BEFORE), len(PACKET) - 9, "it is cut short"),
        (BEFORE + old(5, b"frame")[:8] + b"\7" + old(5, b"frame")[9:], len(BEFORE), 8, "that is not described"),
        (changed(FORMS["pcap"], 24 + 8, b"\xff" * 4), 24, 8, "a packet has an impossible length of"),
        (changed(FORMS["pcap"], 24 + 70 + 8, b"\xff" * 4), 24 + 70, 8, "a packet has an impossible length of"),
        (FORMS["pcap"][: 24 + 70 + 3], 24 + 70, 3, "it is cut short"),
    ],
    ids=[
        *("interface", "length", "block", "second length", "section", "pcapng cut", "old packet", "first", "second"),
        "pcap cut",
    ],
)
@pytest.mark.parametrize("is_zipped", [False, True], ids=["as it is", "in gzip"])
def test_places(content: bytes, record: int, at: int, words: str, path: Path, is_zipped: bool):
    """Where reading ended, and which byte is the reason."""
    error = read(gzip.compress(content, mtime=0) if is_zipped else content, path)[1]
    of = " of its unzipped content" if is_zipped else ""
    assert f", from byte {record}{of} on: at byte {record + at}, " in error
    assert words in error
    assert error.endswith("; what came before was read")


def test_a_place_far_behind_what_is_read_at_once(path: Path):
    packets = one_exchange() * 3000
    content = pcap(packets)
    assert len(content) > READ_BYTES
    damaged = changed(content, len(content) - len(packets[-1][1]) - 16 + 8, b"\xff" * 4)
    record = len(content) - len(packets[-1][1]) - 16
    assert f"from byte {record} on: at byte {record + 8}, " in read(damaged, path)[1]
    assert f"from byte {record} of its unzipped content on" in read(gzip.compress(damaged, mtime=0), path)[1]


def test_places_in_a_gzip_that_is_damaged_itself(path: Path):
    """The byte is one of the file; from where on nothing was read, is said of what is in it."""
    content = pcap(one_exchange() * 300)
    packed = gzip.compress(content, mtime=0)
    middle = len(packed) // 2
    error = read(packed[:middle], path)[1]
    assert f"the gzip in it is cut short, at byte {middle} of the file; what came before was read" in error
    assert re.search(r"from byte \d+ of its unzipped content on: the gzip", error)
    # a block of a kind that there is not (RFC 1951, 3.2.3)
    damaged = gzip.compress(b"", mtime=0)[:10] + b"\x07" + bytes(99)
    assert "the gzip in it is damaged at byte 10 of the file" in read(damaged, path)[1]
    error = read(changed(packed, len(packed) - 8, b"\0\0\0\0"), path)[1]  # its checksum
    (place,) = map(int, re.findall(r"is damaged at byte (\d+) of the file", error))
    assert len(packed) - 8 <= place < len(packed)


def test_what_comes_before_a_damaged_byte_in_a_gzip_is_unzipped(path: Path):
    stored = zlib.compressobj(0, wbits=31)  # as it is, in blocks
    packed = stored.compress(FORMS["pcap"]) + stored.flush(zlib.Z_FULL_FLUSH)
    found, error = read(packed + b"\x07" + bytes(99), path)
    assert len(found) == 1
    assert f"at byte {len(packed)} of the file" in error


def test_no_such_file(tmp_path: Path):
    with pytest.raises(CaptureFileError, match=r"opening the capture file .*nothing: No such file or directory"):
        list(sockfilter.read(str(tmp_path / "nothing")))


def test_folder(tmp_path: Path):
    with pytest.raises(CaptureFileError, match="Is a directory"):
        list(sockfilter.read(str(tmp_path)))


def test_what_comes_before_the_damage_in_a_gzip_is_read(path: Path):
    packed = bytearray(gzip.compress(pcap(one_exchange() * 500)))
    middle = len(packed) // 2
    packed[middle : middle + 9] = bytes(9)
    found, error = read(bytes(packed), path)
    assert len(found) > 150
    assert "damaged" in error or "a packet has" in error


def test_a_small_gzip_that_holds_much_is_read_piece_by_piece(path: Path):
    path.write_bytes(gzip.compress(bytes(READ_BYTES * 5 + 1)))
    stream, sizes = Stream(str(path)), []
    while not stream.is_over:
        sizes.append(len(stream.read()))
    assert sum(sizes) == READ_BYTES * 5 + 1
    assert max(sizes) == READ_BYTES


def test_gzip_members_that_a_read_cuts_apart(path: Path, monkeypatch: pytest.MonkeyPatch):
    packed = gzip.compress(FORMS["pcap"][:99], mtime=0) + gzip.compress(FORMS["pcap"][99:])
    for size in range(2, 200):
        monkeypatch.setattr("sockfilter.sources.files.stream.READ_BYTES", size)
        found, error = read(packed, path)
        assert (len(found), error) == (1, ""), size


def test_a_file_that_was_read_keeps_no_memory_until_the_collector_comes(path: Path):
    path.write_bytes(FORMS["pcap"])
    source = FileSource(str(path), KernelFilter(), lambda kind, frame: None, lambda *packet: None)
    source.drain_all(lambda view, offsets: None)
    counters = source.counters()
    source.close()
    source.close()
    assert source.counters() == counters
    assert counters[0] == len(one_exchange())
