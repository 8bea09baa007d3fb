"""Filters that libpcap refuses, in its words and with the place; and machines without libpcap."""

from __future__ import annotations

import pytest

from sockfilter.errors import InvalidArgument
from sockfilter.sources.pcap import compiling
from sockfilter.sources.pcap.compiling import ETHERNET, Compiler, LibpcapMissing
from tests.support.pcap_filters import need_libpcap


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("tcp port", "can't parse filter expression: syntax error", "port"),
        ("tcp port 80 and and", "can't parse filter expression: syntax error", "and and"),
        ("port no-such-service", "unknown port 'no-such-service'", "no-such-service"),
        ("tcp port 80 and net 10.0.0.0/99", "mask length must be <= 32", "and net 10.0.0.0/99"),
    ],
)
def test_what_libpcap_refuses(text: str, words: str, place: str) -> None:
    need_libpcap()
    with pytest.raises(InvalidArgument) as refusal:
        Compiler(text).program(ETHERNET)
    said, line, mark = str(refusal.value).split("\n")
    assert said.startswith("libpcap refuses the filter: ")
    assert words in said
    assert line[4:] == text
    assert line[mark.index("^") : len(mark)] == place


def test_without_libpcap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "LIBRARIES", ("libpcap-that-is-not-there.so",))
    compiling._library.cache_clear()
    try:
        with pytest.raises(
            LibpcapMissing, match=r"it is not installed; apt install libpcap0\.8, or dnf install libpcap"
        ):
            Compiler("tcp port 80")
    finally:
        compiling._library.cache_clear()
