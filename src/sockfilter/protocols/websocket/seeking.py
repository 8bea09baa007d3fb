"""Finds the frames again after a gap: where three heads in a row are those that the sender may send."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.protocols.websocket.frames import (
    CONTROL,
    CONTROL_BYTES_MAX,
    FIN,
    KINDS,
    RSV,
    RSV1,
    FrameHead,
    head_at,
)

if TYPE_CHECKING:
    from sockfilter.protocols.websocket.extensions import Extensions

# heads that must follow one another: any bytes look like three of them once in 60 000 times at most
HEADS_MIN = 3
# Bytes that wait for the heads after them: some full segments. Beyond this, the frames found so far are not told.
WAITING_BYTES_MAX = 64 << 10


class FoundFrames(NamedTuple):
    """Where frames begin again.

    Attributes:
        data: the bytes from there on.
        passed: bytes before them, which are not read.
        time_ns: when data began to pass.
    """

    data: bytes
    passed: int
    time_ns: int


def is_allowed(head: FrameHead, extensions: Extensions) -> bool:
    """Whether a frame with this head is possible (RFC 6455, 5.2 and 5.5).

    Args:
        head: the head.
        extensions: the extensions of the connection.
    """
    opcode = head.opcode
    if opcode not in KINDS or head.length >> 63:
        return False
    if head.first & RSV and not extensions.has_others:
        may_compress = extensions.deflates and 0 < opcode < CONTROL
        if not may_compress or head.first & RSV != RSV1:
            return False
    return opcode < CONTROL or (head.length <= CONTROL_BYTES_MAX and head.first & FIN != 0)


def is_proper(head: FrameHead, is_masked: bool | None) -> bool:
    """Whether the length is as short as possible, and the mask is there or not as the sender's end demands (5.1).

    Args:
        head: the head of a possible frame.
        is_masked: whether its sender must mask; None if not known.
    """
    return not head.is_longer and (is_masked is None or bool(head.mask) == is_masked)


class FrameSeeking:
    """Looks for frames. A frame is looked for where a segment begins, because most messages begin there.

    Args:
        extensions: the extensions of the connection.
        is_masked: whether this end must mask; None if not known.
    """

    __slots__ = (
        "_extensions",
        "_heads",
        "_is_masked",
        "_is_walking",
        "_next",
        "_passed",
        "_start",
        "_time_ns",
        "_waiting",
    )

    def __init__(self, extensions: Extensions, is_masked: bool | None) -> None:
        self._extensions = extensions
        self._is_masked = is_masked
        self._waiting = b""
        self._is_walking = False  # frames may have begun in the bytes that wait
        self._heads = 0  # heads in a row
        # offsets in the bytes that wait, which may lie beyond them: of the first frame to be told, and of the next head
        self._start = self._next = 0
        self._passed = 0
        self._time_ns = 0  # when the first frame to be told began to pass

    @property
    def weight(self) -> int:
        """Bytes of memory that wait."""
        return len(self._waiting)

    def take(self, data: bytes, time_ns: int) -> FoundFrames | None:
        """Takes the next segment. Returns where frames begin; None if that is not known yet."""
        if self._is_walking:
            if self._start >= len(self._waiting):
                self._time_ns = time_ns
            before, self._waiting = len(self._waiting), self._waiting + data
            found = self._walk()
            if self._is_walking or found is not None:
                return found
            self._passed += before
        self._waiting, self._time_ns = data, time_ns
        self._heads = self._start = self._next = 0
        self._is_walking = True
        found = self._walk()
        if found is None and not self._is_walking:
            self._passed += len(data)
            self._waiting = b""
        return found

    def drop(self) -> int:
        """Begins again, because bytes are missing here. Returns the number of bytes that were not read."""
        passed = self._passed + len(self._waiting)
        self._waiting, self._is_walking, self._passed = b"", False, 0
        return passed

    def _walk(self) -> FoundFrames | None:
        """Follows the heads in the bytes that wait, until there are enough of them or one is none."""
        while self._next <= len(self._waiting):
            head = head_at(self._waiting, self._next)
            if head is None:
                break
            if not (is_allowed(head, self._extensions) and is_proper(head, self._is_masked)):
                self._is_walking = False
                return None
            self._heads += 1
            if self._heads >= HEADS_MIN:
                found = FoundFrames(self._waiting[self._start :], self._passed + self._start, self._time_ns)
                self.drop()
                return found
            self._next += head.size + head.length
        if len(self._waiting) > WAITING_BYTES_MAX:
            self._give_up_first()
        return None

    def _give_up_first(self) -> None:
        """Drops the frames that were found, because too many bytes wait. The next head stays."""
        dropped = min(self._next, len(self._waiting))
        self._passed += dropped
        self._waiting = self._waiting[dropped:]
        self._next -= dropped
        self._start = self._next
