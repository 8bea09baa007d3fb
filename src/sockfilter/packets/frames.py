"""Turns records into the frames that go to a capture file."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.packets.records import (
    COLD,
    FLOW_AT,
    FLOW_BYTES,
    FRAGMENT,
    FRAME,
    HOT,
    INDEX,
    MARK_BARE,
    MARK_VLAN,
    OF_NO_PACKET,
    RECORD_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# the LINKTYPE registry
ETHERNET, RAW = 1, 101
# the VLAN tag follows the two addresses
ADDRESSES_BYTES = 12
TAG = Struct("!HH")
# Connections that are remembered: those that may still become HTTP, and those that are. As many as in the kernel's
# table.
CONNECTIONS_MAX = 65536
# frames that are kept of a connection until it turns out to be HTTP
OPENING_FRAMES_MAX = 8

Frame = tuple[int, int, int, bytes, int]  # interface index, link type, time, frame, its bytes on the wire


class FrameRecord(NamedTuple):
    """A record as a capture file needs it.

    Attributes:
        key: the flow.
        stream: the source's number of the connection; 0 if the record has none.
        kind: SEGMENT, FRAGMENT or FRAME.
        flags: the flags of the TCP segment.
        frame: the frame.
    """

    key: bytes
    stream: int
    kind: int
    flags: int
    frame: Frame


def frame_record(view: memoryview, at: int) -> FrameRecord:
    """Reads a record.

    Args:
        view: the memory of the ring.
        at: where the record begins in it.
    """
    time_ns, stream, _, _, _, _, wire_len, kept, _, flags, kind = HOT.unpack_from(view, at)
    marks, _, _, tci, tag_kind, *_ = COLD.unpack_from(view, at + HOT.size)
    frame = bytes(view[at + RECORD_BYTES : at + RECORD_BYTES + kept])
    if marks & MARK_VLAN and not marks & MARK_BARE:
        frame = frame[:ADDRESSES_BYTES] + TAG.pack(tag_kind, tci) + frame[ADDRESSES_BYTES:]
        wire_len += TAG.size
    key = bytes(view[at + FLOW_AT : at + FLOW_AT + FLOW_BYTES])
    (index,) = INDEX.unpack_from(key, FLOW_BYTES - INDEX.size)
    found = (index, RAW if marks & MARK_BARE else ETHERNET, time_ns, frame, wire_len)
    return FrameRecord(key, stream & ~1, kind, flags, found)


class FrameTaker:
    """Takes records, and passes on the frames of HTTP connections, with the frames of the handshake first.

    Args:
        write: takes the interface index, the link type, the time in the source's clock, the frame, and its bytes on
            the wire.
    """

    def __init__(self, write: Callable[[int, int, int, bytes, int], None]) -> None:
        self._write = write
        self._followed: dict[bytes, None] = {}
        self._openings: dict[bytes, list[Frame]] = {}

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records.

        Args:
            view: the memory of the ring.
            offsets: where the records begin in it.
        """
        for at in offsets:
            record = frame_record(view, at)
            key, kind, found = record.key, record.kind, record.frame
            if kind in OF_NO_PACKET:
                continue
            if kind == FRAME and key not in self._followed:
                self._wait(key, found)
                continue
            if kind != FRAGMENT and key not in self._followed:
                self._follow(key)
            self._write(*found)

    def _wait(self, key: bytes, frame: Frame) -> None:
        opening = self._openings.setdefault(key, [])
        if len(opening) < OPENING_FRAMES_MAX:
            opening.append(frame)
        if len(self._openings) > CONNECTIONS_MAX:
            del self._openings[next(iter(self._openings))]

    def _follow(self, key: bytes) -> None:
        self._followed[key] = None
        if len(self._followed) > CONNECTIONS_MAX:
            del self._followed[next(iter(self._followed))]
        for frame in self._openings.pop(key, ()):
            self._write(*frame)
