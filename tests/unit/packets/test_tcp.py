"""TCP headers of packets that came in fragments: a segment of the right stream, or a word of why not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model.connection import Endpoint
from sockfilter.model.flow import FlowStart
from sockfilter.packets.records import INDEX
from sockfilter.packets.tcp import OWN_STREAM, TcpDecoder
from tests.support.frames import ACK, PSH, REQUEST, RESPONSE, SYN, tcp

CLIENT = bytes(10) + b"\xff\xff\n\x09\0\1"
SERVER = bytes(10) + b"\xff\xff\n\x09\0\2"
HOSTS = (CLIENT, SERVER)


class Streams:
    """What the decoder finds and opens. known: a flow's stream by its key."""

    def __init__(self, wanted: bool = True) -> None:
        self.known: dict[bytes, int] = {}
        self.takers: dict[int, object] = {}
        self.opened: list[tuple[int, FlowStart]] = []
        self.segments: list[tuple[object, ...]] = []
        self.decoder = TcpDecoder(
            self.takers,  # type: ignore[arg-type]  # what it takes is not looked at
            self.known.get,
            self.open,  # type: ignore[arg-type]
            "if{}".format,
            lambda first, second: wanted,
        )

    def open(self, stream: int, start: FlowStart, time_ns: int) -> object:
        self.opened.append((stream, start))
        self.known[start.key] = stream
        for end in (stream & ~1, stream | 1):
            self.takers[end] = lambda *told, end=end: self.segment(end, *told)
        return self.takers[stream]

    def segment(self, stream: int, *told: object) -> None:
        *numbers, kept, view, start = told
        self.segments.append((stream & 1, *numbers, bytes(view[start : start + kept])))

    def take(self, data: bytes, end: int = 0) -> bool:
        return self.decoder.take(5, 7, HOSTS[end], HOSTS[1 - end], data)


def test_both_directions_are_one_flow():
    streams = Streams()
    assert streams.take(tcp(REQUEST, 0, seq=10, ack=20))
    assert streams.take(tcp(RESPONSE, 1, seq=20, ack=30), 1)
    # the server has the lower port, and comes first
    assert streams.segments == [
        (1, 5, 10, 20, PSH | ACK, len(REQUEST), REQUEST),
        (0, 5, 20, 30, PSH | ACK, len(RESPONSE), RESPONSE),
    ]
    ((stream, start),) = streams.opened
    assert start.ends == (Endpoint("10.9.0.2", 8000), Endpoint("10.9.0.1", 40000))
    assert (start.interface, start.isn) == ("if7", (None, None))
    assert start.key[-4:] == INDEX.pack(7)
    assert stream & OWN_STREAM


@pytest.mark.parametrize("swapped", [False, True])
def test_equal_ports_are_told_apart_by_address(swapped: bool):
    streams = Streams()
    for end in (1, 0) if swapped else (0, 1):
        streams.take(tcp(b"x", end, ports=(80, 80)), end)
    assert sorted(segment[0] for segment in streams.segments) == [0, 1]
    assert len(streams.opened) == 1


def test_a_flow_that_the_kernel_knows_keeps_its_number():
    streams = Streams()
    streams.take(tcp(REQUEST))
    key = streams.opened[0][1].key
    streams.known[key] = 6
    streams.take(tcp(RESPONSE, 1), 1)
    assert streams.opened[1][0] == 6


@pytest.mark.parametrize("cut", range(len(tcp(b"data", options=b"\1" * 12)) + 1))
def test_cut_at_every_byte(cut: int):
    """The header says how long it is; what is behind it is payload."""
    streams, whole = Streams(), tcp(b"data", options=b"\1" * 12)
    assert streams.take(whole[:cut]) == (cut >= 32)
    assert [segment[-1] for segment in streams.segments] == [b"data"[: cut - 32]] * (cut > 32)


@pytest.mark.parametrize(("words", "is_one"), [(0, False), (4, False), (5, True), (6, True), (15, False)])
def test_header_lengths(words: int, is_one: bool):
    assert Streams().take(tcp(b"12345678", words=words)) == is_one


def test_what_is_not_wanted_is_no_segment():
    streams = Streams(wanted=False)
    assert not streams.take(tcp(REQUEST))
    assert not streams.opened


def test_a_segment_without_payload_opens_nothing():
    streams = Streams()
    assert streams.take(tcp(flags=SYN))
    assert not streams.opened
    streams.take(tcp(b"x"))
    assert streams.take(tcp(flags=ACK))
    assert [segment[-1] for segment in streams.segments] == [b"x", b""]


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes):
    streams = Streams()
    is_one = streams.take(data)
    assert is_one or not streams.segments
    assert all(data.endswith(bytes(segment[-1])) for segment in streams.segments)
