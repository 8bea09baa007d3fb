"""Files that are cut short or damaged: what can be read is, and one error says what cannot."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sockfilter
from sockfilter.errors import CaptureFileError
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
