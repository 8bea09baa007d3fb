"""The kernel's records: what is in them comes out where it belongs."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from sockfilter.model import Endpoint
from sockfilter.model.flow import FlowStart
from sockfilter.packets.records import (
    COLD,
    FRAGMENT,
    HOT,
    INDEX,
    MARK_EARLY0,
    MARK_EARLY1,
    MARK_ISN0,
    MARK_ISN1,
    RECORD_BYTES,
    SEGMENT,
    RecordDecoder,
    ends_of,
    ip_text,
)
from tests.support.wire import Wire

KEY = bytes(10) + b"\xff\xff\n\0\0\2" + bytes(10) + b"\xff\xff\n\0\0\1" + b"\0\x50\x9c\x40" + INDEX.pack(7)
ENDS = (Endpoint("10.0.0.2", 80), Endpoint("10.0.0.1", 40000))
FRAME = b"<head>payload<padding>"
STREAM = 6


@dataclass
class Taken:
    """What the decoder passes on."""

    takers: dict[int, object] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    opened: list[tuple[int, FlowStart, int]] = field(default_factory=list)
    segments: list[tuple[object, ...]] = field(default_factory=list)
    fragments: list[tuple[int, int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.decoder = RecordDecoder(self.takers, self.ended, self.open, self.fragment, "if{}".format)  # type: ignore[arg-type]

    def open(self, stream: int, start: FlowStart, time_ns: int) -> object:
        self.opened.append((stream, start, time_ns))
        return self.segment

    def segment(self, *told: object) -> None:
        *numbers, kept, view, start = told
        self.segments.append((*numbers, bytes(view[start : start + kept])))

    def fragment(self, *told: object) -> None:
        self.fragments.append(told)

    def decode(self, *records: bytes, between: bytes = b"-" * 5) -> Taken:
        memory, offsets = b"", []
        for record in records:
            memory += between
            offsets.append(len(memory))
            memory += record
        self.decoder.decode(memoryview(memory), offsets)
        return self


def record(
    *,
    time_ns: int = 99,
    length: int = 7,
    kept: int = 7,
    at: int = 6,
    kind: int = SEGMENT,
    marks: int = 0,
    isn: tuple[int, int] = (11, 12),
    times: tuple[int, int] = (0, 0),
    flags: int = 0x18,
) -> bytes:
    hot = HOT.pack(time_ns, STREAM, 1000, 2000, length, kept, len(FRAME), len(FRAME), at, flags, kind)
    made = hot + COLD.pack(marks, 0, 0x0800, 0, 0, *isn, 0, *times) + KEY
    assert len(made) == RECORD_BYTES
    return made + FRAME


def test_a_segment_of_a_stream_that_is_known():
    taken = Taken()
    taken.takers[STREAM] = taken.segment
    taken.decode(record())
    assert taken.segments == [(99, 1000, 2000, 0x18, 7, b"payload")]
    assert not taken.opened


def test_a_segment_that_opens_a_stream():
    taken = Taken().decode(record(marks=MARK_ISN0 | MARK_ISN1, times=(50, 60)))
    assert taken.opened == [(STREAM, FlowStart(KEY, ENDS, "if7", (11, 12), 50, 60), 99)]
    assert taken.segments == [(99, 1000, 2000, 0x18, 7, b"payload")]


@pytest.mark.parametrize(
    ("marks", "isn"),
    [
        (0, (None, None)),
        (MARK_ISN0, (11, None)),
        (MARK_ISN1, (None, 12)),
        (MARK_ISN0 | MARK_ISN1 | MARK_EARLY0, (None, 12)),
        (MARK_ISN0 | MARK_ISN1 | MARK_EARLY1, (11, None)),
        (MARK_EARLY0 | MARK_EARLY1, (None, None)),
    ],
)
def test_what_is_known_of_the_opening(marks: int, isn: tuple[int | None, int | None]):
    """Where an end has said something before, its SYN does not tell where its bytes begin."""
    ((_, start, _),) = Taken().decode(record(marks=marks)).opened
    assert start.isn == isn
    assert (start.syn_ns, start.synack_ns) == (None, None)


@pytest.mark.parametrize(("kept", "data"), [(7, b"payload"), (3, b"pay"), (0, b"")])
def test_a_segment_of_which_not_all_was_kept(kept: int, data: bytes):
    assert Taken().decode(record(kept=kept)).segments == [(99, 1000, 2000, 0x18, 7, data)]


def test_a_fragment_is_its_frame_from_the_ip_header_on():
    taken = Taken().decode(record(kind=FRAGMENT))
    assert taken.fragments == [(99, 7, b"payload<padding>")]
    assert not taken.opened


def test_the_end_of_a_connection_that_nobody_knows_is_counted():
    taken = Taken().decode(record(length=0, kept=0, flags=0x11))
    assert taken.decoder.unknown_control == 1
    assert not taken.opened
    assert not taken.segments


def test_and_it_is_in_the_ledger():
    wire = Wire()
    wire.connection().fin(0)
    assert not wire.read()
    assert wire.ledger.segments.control == 1


def test_a_batch_is_read_in_its_order():
    taken = Taken().decode(*(record(time_ns=i) for i in (5, 3, 9)))
    assert [told[0] for told in taken.segments] == [5, 3, 9]
    assert taken.decoder.last_ns == 9


def test_an_empty_batch_is_none():
    assert Taken().decode().decoder.last_ns == 0


def test_what_is_taken_outlives_the_rings_memory():
    taken = Taken()
    memory = bytearray(record(kind=FRAGMENT) + record())
    taken.decoder.decode(memoryview(memory), [0, RECORD_BYTES + len(FRAME)])
    memory[:] = bytes(len(memory))
    assert taken.fragments == [(99, 7, b"payload<padding>")]
    assert taken.opened[0][1].key == KEY


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (bytes(10) + b"\xff\xff\x7f\0\0\1", "127.0.0.1"),
        (bytes(15) + b"\1", "::1"),
        (bytes(16), "::"),
        (bytes(12) + b"\x7f\0\0\1", "::127.0.0.1"),
        (b"\xfe\x80" + bytes(13) + b"\x0a", "fe80::a"),
    ],
)
def test_addresses_as_people_write_them(address: bytes, text: str):
    assert ip_text(address) == text


def test_ends_are_in_the_order_of_the_key():
    assert ends_of(KEY) == ENDS
