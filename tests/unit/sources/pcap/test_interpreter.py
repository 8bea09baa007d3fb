"""Classic BPF over frames of a capture file: the same as libpcap's interpreter, for its programs and for any other."""

from __future__ import annotations

import pytest

from sockfilter.sources.pcap.compiling import LINK_TYPES, Compiler
from tests.support.pcap_filters import FILTERS, accepted, accepted_by_libpcap, frames, need_libpcap, programs


@pytest.mark.parametrize("text", FILTERS)
def test_filters(text: str) -> None:
    need_libpcap()
    for program in Compiler(text).programs().values():
        for frame in frames(200):
            for wire_len in (None, len(frame) + 900):
                assert accepted(program, frame, wire_len) == accepted_by_libpcap(program, frame, wire_len), frame.hex()


def test_any_program() -> None:
    need_libpcap()
    some = frames(30)
    for number, program in enumerate(programs(1500)):
        frame = some[number % len(some)]
        assert accepted(program, frame) == accepted_by_libpcap(program, frame), (program, frame.hex())


def test_usual_filters_are_compiled_for_all_link_types() -> None:
    need_libpcap()
    assert set(Compiler("tcp port 80").programs()) == set(LINK_TYPES)
