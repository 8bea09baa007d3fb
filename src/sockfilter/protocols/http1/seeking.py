"""Handles bytes that are not a message, and looks for the next message."""

from __future__ import annotations

from sockfilter.model.sequence import MASK, distance
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.beginning import MessageStart
from sockfilter.protocols.http1.state import MORE, Doubted
from sockfilter.protocols.http1.states import DOUBTED, FOUND, OVER, PROBE
from sockfilter.protocols.interface import TooFewBytes

# bytes that are kept of a doubtful message: as many as servers accept for a head
DOUBTED_BYTES_MAX = 16 << 10
# bytes that one end may send while nothing says that the connection is HTTP
UNKNOWN_BYTES_MAX = 64 << 10


class Seeking(MessageStart):
    """Reads in the states in which it is not known whether a message begins."""

    __slots__ = ()

    peer: Seeking

    def _not_a_message(self, data: bytes, offset: int) -> int:
        """Handles bytes that are not a message where one should begin."""
        self._scanned = 0
        if self._is_early:
            self._end_early(data[offset:], None)
            self._lose(False, None)
            return self._seek(data, offset)
        if not self._conversation.has_messages and not self._is_lost:
            return self._not_known_as_http(data, offset)
        if self._is_certain(offset) and self._may_be_meant_for_a_message(data, offset):
            return self._doubt(data, offset)
        self._lose(False, None)
        return self._seek(data, offset)

    def _not_known_as_http(self, data: bytes, offset: int) -> int:
        """Handles the first bytes of an end if they are not a message, and no message of the other end was seen."""
        simple = heads.simple_request(data, offset) if self._conversation.is_whole else None
        if simple is not None:
            return self._begin_simple(simple, offset)
        try:
            if self._conversation.give_way(data[offset:]):
                return self._read(data, offset)
        except TooFewBytes:
            return MORE
        if self.peer._doubted is None and heads.loose_request(data, offset) is not None:
            return self._doubt(data, offset)
        is_begun = self._conversation.is_whole or offset < self._joined or heads.may_begin(data, offset)
        if is_begun or self.peer._doubted is not None:
            # the kernel recognised HTTP by fewer bytes, or by later bytes that came first
            return self._reject(data)
        self._lose(False, None)
        return self._seek(data, offset)

    def _reject(self, data: bytes) -> int:
        self._state = OVER[self._state]
        self._conversation.reject()
        return len(data)

    def _doubt(self, data: bytes, offset: int) -> int:
        """Keeps bytes that may be a malformed message. If the other end answers it or goes on, it is a message."""
        self._doubted = Doubted(b"", self._start_ns, (self._seq + offset) & MASK, self._ack)
        self._state = DOUBTED[self._state]
        return self._seek(data, offset)

    def _still_doubt(self, data: bytes) -> bool:
        """Takes more bytes of a doubtful message. Returns whether the connection may still be HTTP."""
        assert self._doubted is not None  # checked by the only caller
        raw = self._doubted.raw
        if len(raw) < DOUBTED_BYTES_MAX:
            self._doubted = self._doubted._replace(raw=(raw + data)[:DOUBTED_BYTES_MAX])
        far = distance(self._doubted.seq, (self._seq + len(data)) & MASK)
        return self._conversation.has_messages or far <= UNKNOWN_BYTES_MAX

    def _seek(self, data: bytes, offset: int) -> int:
        """Looks for the next message, and continues there.

        A message must have a valid start line. It must begin where a segment begins, with a registered method or
        HTTP/1., or where the other direction says that a message begins.
        """
        boundary = self.peer.boundary
        at_boundary = distance(self._seq, boundary) if boundary is not None else 0
        for start in sorted({0, self._joined, at_boundary}):
            if offset <= start < len(data) and self._resumes(data, start):
                self._pass(data, offset, start)
                if self._message is not None:
                    self._finish(is_whole=False)
                self._state = FOUND[self._state]
                return start if start > offset else self._read(data, start)
        if self._doubted is not None and not self._still_doubt(data[offset:]):
            return self._reject(data)
        self._pass(data, offset, len(data))
        return len(data)

    def _pass(self, data: bytes, start: int, end: int) -> None:
        """Takes bytes whose meaning is unknown: part of a message without framing, or of no message."""
        if self._keeper is not None:
            self._keeper.add(data[start:end], self._now)
        else:
            self._sink.pass_by(end - start, is_opaque=False)

    def _resumes(self, data: bytes, start: int) -> bool:
        line_end = data.find(b"\n", start)
        if line_end < 0:
            return self._may_become_head(data, start)
        is_likely = heads.may_begin(data, start) or self._is_at_boundary(start)
        return is_likely and self._is_head(data, start, line_end)

    def _probe(self, data: bytes, offset: int) -> int:
        """Finds out whether a tunnel carries HTTP, another known protocol, or neither."""
        start = len(data) - len(data[offset:].lstrip(b"\r\n"))
        if start > offset:  # an extra empty line after the proxy's response
            self._sink.pass_by(start - offset, is_opaque=True)
            return start
        try:
            if self.peer._state == PROBE and self._conversation.give_way(data[offset:]):
                return self._read(data, offset)
        except TooFewBytes:
            return MORE
        if heads.may_begin(data, offset):
            if heads.is_short_start(data, offset):
                return MORE
            self._state = FOUND[self._state]
        else:
            self._state = OVER[self._state]
        return self._read(data, offset)

    def _pass_on(self, data: bytes, offset: int) -> int:
        """Passes bytes on to the protocol that has taken over."""
        self._successor.data(data[offset:], self._now, (self._seq + offset) & MASK, self._ack)
        return len(data)

    def _ignore(self, data: bytes, offset: int) -> int:
        self._sink.pass_by(len(data) - offset, is_opaque=True)
        return len(data)
