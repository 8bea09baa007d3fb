"""Finds where frames begin again, after bytes that were missed.

Three heads in a row, each where the frame before it ends, are taken for frames. So is a row that ends exactly where the
bytes of a segment end: senders write whole frames. The search reads each byte once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.protocols.http2.frames import FRAME_HEAD_BYTES, ROW, head_at, is_likely

if TYPE_CHECKING:
    from collections.abc import Iterator

# heads in a row that are enough if they end where the bytes end
ROW_TO_THE_END = 2
# Bytes that are kept while no row is found: three frames of the usual size, and the heads.
SEEK_BYTES_MAX = 64 << 10
# a size below 2^22, a kind of RFC 9113, and flags that one of them has; at every place
LIKELY = re.compile(rb"(?s)(?=[\x00-\x3f]..[\x00-\x09][\x00-\x2d]....)")


class Span(NamedTuple):
    """Bytes as they came.

    Attributes:
        data: the bytes.
        time_ns: when they passed, in the source's clock.
        seq, ack: the sequence number of the first byte, and the acknowledgement number.
    """

    data: bytes
    time_ns: int
    seq: int
    ack: int


class FrameSeeker:
    """Searches one direction.

    Args:
        size_max: the largest frame that is expected, in bytes.
    """

    __slots__ = ("_base", "_data", "_rows", "_scanned", "_size_max", "_spans")

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._spans: list[tuple[int, Span]] = []  # by the place of their first byte
        self._data = bytearray()
        self._base = 0  # the place of the first byte of _data
        self._scanned = 0  # the place from which no head was looked for
        self._rows: dict[int, tuple[int, int]] = {}  # by the place of the next head: where it began, and its heads

    @property
    def weight(self) -> int:
        """Bytes of memory that are kept."""
        return len(self._data) * 2

    @property
    def waiting(self) -> int:
        """Bytes in which no frame has been found yet."""
        return len(self._data)

    def add(self, span: Span) -> tuple[int, list[Span] | None]:
        """Takes bytes.

        Returns the number of bytes that belong to no frame that can be read, and the spans from the first frame on, or
        None if no frame has been found. The search is over when one has been found.
        """
        self._spans.append((self._base + len(self._data), span))
        self._data += span.data
        found = self._find()
        if found is not None:
            return found - self._base, list(self._from(found))
        return self._forget(), None

    def _find(self) -> int | None:
        data, base, rows = self._data, self._base, self._rows
        end = base + len(data)
        for match in LIKELY.finditer(data, self._scanned - base):
            place = base + match.start()
            head = head_at(data, match.start())
            if not is_likely(head, self._size_max):
                continue
            began, count = rows.pop(place, (place, 0))
            if count + 1 == ROW:
                return began
            following = place + FRAME_HEAD_BYTES + head.size
            if count + 1 > rows.get(following, (0, 0))[1]:
                rows[following] = began, count + 1
        self._scanned = max(base, end - FRAME_HEAD_BYTES + 1)
        began, count = rows.get(end, (0, 0))
        if count >= ROW_TO_THE_END or (count and began == self._spans[-1][0]):
            return began
        return None

    def _from(self, place: int) -> Iterator[Span]:
        for at, span in self._spans:
            if at + len(span.data) > place:
                skipped = max(0, place - at)
                yield span._replace(data=span.data[skipped:], seq=span.seq + skipped & 0xFFFFFFFF)

    def _forget(self) -> int:
        """Drops the oldest bytes, and rows that begin in them or whose next head has passed. Returns their number."""
        if len(self._data) <= SEEK_BYTES_MAX:
            return 0
        size = len(self._data) - SEEK_BYTES_MAX // 2
        del self._data[:size]
        self._base += size
        base, scanned = self._base, self._scanned
        self._rows = {at: row for at, row in self._rows.items() if row[0] >= base and at >= scanned}
        self._spans = [(at, span) for at, span in self._spans if at + len(span.data) > base]
        return size
