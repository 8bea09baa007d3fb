"""Reads heads: whole, in pieces, too long, or malformed."""

from __future__ import annotations

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.seeking import Seeking
from sockfilter.protocols.http1.state import CR, LF, MORE
from sockfilter.protocols.http1.states import HEAD

# A buffer of this many bytes waits for the end of a line, or of a head. Spans without one are gathered after the buffer
# until they have a quarter of its size. Joining each span at once would copy the buffer for each of many short spans.
BULKY_BYTES = 32 << 10
GATHERED_PART = 4


class Opening(Seeking):
    """Reads in the state HEAD."""

    __slots__ = ()

    peer: Opening

    def _read_head(self, data: bytes, offset: int) -> int:
        if self._is_early:
            taken = self._part_from_early(data, offset)
            if taken is not None:
                return taken
        end = data.find(b"\r\n\r\n", offset + self._scanned) + 4
        head = heads.read(data[offset:end]) if end >= 4 else None
        if head is None:
            return self._read_unusual_head(data, offset)
        self._scanned = 0
        kind = Request if head.method else Response
        if kind is not self._kind and not self._may_send(kind):
            return self._not_a_message(data, offset)
        return self._begin(kind, head, data, offset, end)

    def _gathers(self, data: bytes) -> bool:
        """Gathers a span that need not be parsed yet. Returns False after joining the gathered spans to the buffer."""
        size, waiting = self._gathered_bytes + len(data), len(self._buffer)
        is_due = size * GATHERED_PART > waiting or waiting + size > heads.HEAD_BYTES_MAX
        if is_due or (b"\n" in data and self._may_end(data)):
            self._join()
            return False
        self._gathered.append(data)
        self._gathered_bytes = size
        return True

    def _may_end(self, data: bytes) -> bool:
        """Whether the buffered line or head may end in a span that has a line feed."""
        if self._state != HEAD or self._is_early or b"\n" not in self._buffer:
            return True
        before = b"".join((self._buffer[-2:], *self._gathered[-2:]))[-2:]
        return heads.HEAD_END.search(before + data) is not None

    def _read_unusual_head(self, data: bytes, offset: int) -> int:
        """Reads a head that is incomplete, has bare line feeds, or is malformed."""
        if data[offset] in (CR, LF):  # empty lines before a message are ignored (RFC 9112, 2.2)
            return len(data) - len(data[offset:].lstrip(b"\r\n"))
        found = heads.HEAD_END.search(data, offset + self._scanned)
        if not found:
            return self._await_head(data, offset)
        self._scanned = 0
        if found.end() - offset > heads.HEAD_BYTES_MAX and self._is_head_at(data, offset, data.find(b"\n", offset)):
            return self._cut_head(data, offset)
        head = self._head_at(offset, data[offset : found.end()])
        kind = Request if head is not None and head.method else Response
        if head is None or (kind is not self._kind and not self._may_send(kind)):
            return self._not_a_message(data, offset)
        return self._begin(kind, head, data, offset, found.end())

    def _await_head(self, data: bytes, offset: int) -> int:
        """Waits for the rest of a head, if this can be a head and is not too long."""
        line_end = data.find(b"\n", offset)
        if line_end < 0:
            may_be = self._may_become_head(data, offset) or self._may_begin_loosely(data, offset)
        else:
            # the first line is checked once, when it is complete
            may_be = line_end < offset + self._scanned or self._is_head_at(data, offset, line_end)
        if not may_be:
            return self._not_a_message(data, offset)
        size = len(data) - offset
        if size > heads.HEAD_BYTES_MAX:
            return self._cut_head(data, offset)
        # up to three bytes of the end may have come already
        self._scanned = max(0, size - 3)
        return MORE

    def _cut_head(self, data: bytes, offset: int) -> int:
        self._scanned = 0
        if self._is_early:
            self._end_early(data[offset:], Problem.HEAD_TOO_LONG)
            self._lose(False, Problem.HEAD_TOO_LONG)
            return len(data)
        is_told = self._begin_partial(data[offset:], (self._seq + offset) & MASK, Problem.HEAD_TOO_LONG)
        self._lose(not is_told, Problem.HEAD_TOO_LONG)
        return len(data)
