"""Files that are cut short or damaged: what can be read is, and one error says what cannot."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sockfilter
from sockfilter.errors import CaptureFileError
from sockfilter.sources.files.source import FileSource
from sockfilter.sources.files.stream import READ_BYTES, Stream
from sockfilter.sources.narrowing import Narrowing
from tests.support.captures import one_exchange, pcap, pcapng, section

FORMS = {"pcap": pcap(one_exchange()), "pcapng": pcapng(one_exchange()), "gzip": gzip.compress(pcap(one_exchange()))}
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


@EACH
def test_cut_at_every_byte(content: bytes, path: Path):
    for size in range(len(content)):
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
def test_each_byte_changed(content: bytes, path: Path):
    for at in range(len(content)):
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
        (b"root:x:0:0:root:/root:/bin/bash", "it begins like no pcap file"),
        (FORMS["gzip"][:-20], "the gzip in it is cut short"),
        (FORMS["gzip"][:10] + b"\x07" * 40, "the gzip in it is damaged"),
        (section()[:8] + bytes(20), "a section begins without the mark of its byte order"),
    ],
)
def test_words(content: bytes, words: str, path: Path):
    assert words in read(content, path)[1]


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
    assert "damaged" in error or "a packet says" in error


def test_a_small_gzip_that_holds_much_is_read_piece_by_piece(path: Path):
    path.write_bytes(gzip.compress(bytes(READ_BYTES * 5 + 1)))
    stream, sizes = Stream(str(path)), []
    while not stream.is_over:
        sizes.append(len(stream.read()))
    assert sum(sizes) == READ_BYTES * 5 + 1
    assert max(sizes) == READ_BYTES


def test_gzip_members_that_a_read_cuts_apart(path: Path, monkeypatch: pytest.MonkeyPatch):
    packed = gzip.compress(FORMS["pcap"][:99]) + gzip.compress(FORMS["pcap"][99:])
    for size in range(2, 200):
        monkeypatch.setattr("sockfilter.sources.files.stream.READ_BYTES", size)
        found, error = read(packed, path)
        assert (len(found), error) == (1, ""), size


def test_a_file_that_was_read_keeps_no_memory_until_the_collector_comes(path: Path):
    path.write_bytes(FORMS["pcap"])
    source = FileSource(str(path), Narrowing(), lambda kind, frame: None, lambda *packet: None)
    source.drain_all(lambda view, offsets: None)
    counters = source.counters()
    source.close()
    source.close()
    assert source.counters() == counters
    assert counters[0] == len(one_exchange())
