"""Heads as they come in: whole, in pieces, longer than any, or none."""

from __future__ import annotations

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.seeking import Seeking
from sockfilter.protocols.http1.state import CR, LF, MORE
from sockfilter.protocols.http1.states import HEAD

# What waits with so many bytes waits for the end of a line, or of a head. Spans without one are gathered behind it
# until they are a quarter of it: if each were joined to all before, many short ones would be copied again and again.
BULKY_BYTES = 32 << 10
GATHERED_PART = 4


class Opening(Seeking):
    """The state in which a head is awaited."""

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
        """Whether a span has come that need not be looked at yet; if not, what was gathered is in the buffer."""
        size, waiting = self._gathered_bytes + len(data), len(self._buffer)
        is_due = size * GATHERED_PART > waiting or waiting + size > heads.HEAD_BYTES_MAX
        if is_due or (b"\n" in data and self._may_end(data)):
            self._join()
            return False
        self._gathered.append(data)
        self._gathered_bytes = size
        return True

    def _may_end(self, data: bytes) -> bool:
        """Whether what waits may end in a span that has an end of line."""
        if self._state != HEAD or self._is_early or b"\n" not in self._buffer:
            return True
        before = b"".join((self._buffer[-2:], *self._gathered[-2:]))[-2:]
        return heads.HEAD_END.search(before + data) is not None

    def _read_unusual_head(self, data: bytes, offset: int) -> int:
        """One that is not whole, or has bare line feeds, or is none."""
        if data[offset] in (CR, LF):  # empty lines before a message are let pass (RFC 9112, 2.2)
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
        """The head is not whole: is it one at all, and may it still become whole?"""
        line_end = data.find(b"\n", offset)
        if line_end < 0:
            may_be = self._may_become_head(data, offset) or self._may_begin_loosely(data, offset)
        else:
            # the first line is looked at once, when it is whole
            may_be = line_end < offset + self._scanned or self._is_head_at(data, offset, line_end)
        if not may_be:
            return self._not_a_message(data, offset)
        size = len(data) - offset
        if size > heads.HEAD_BYTES_MAX:
            return self._cut_head(data, offset)
        # the end may straddle: three bytes of it may be here already
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
