"""Reads bodies by their framing: a length, chunks, or until the connection closes (RFC 9112, 6 and 7)."""

from __future__ import annotations

import re

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.protocols.body import BodyKeeper
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.opening import Opening
from sockfilter.protocols.http1.state import CR, LF, MORE
from sockfilter.protocols.http1.states import (
    ANSWERED_SIMPLY,
    BODY_COMES,
    CHUNK_BEGINS,
    CHUNK_CLOSED,
    CHUNK_READ,
    CHUNK_SIZE,
    FOUND,
    LAST_CHUNK,
)

# bytes of a chunk's size line with its extensions; servers refuse longer lines
CHUNK_LINE_BYTES_MAX = 16 << 10
# hexadecimal digits of a chunk's size: 60 bits
CHUNK_DIGITS_MAX = 15
# RFC 9112, 7.1, without the line ending; int() would accept signs and underscores
CHUNK_SIZE_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\n]*|\r?$)")
# a size with a sign, with the prefix 0x, or with other bytes after it
ODD_CHUNK_SIZE_LINE = re.compile(rb"[ \t]*\+?(?:0[xX])?([0-9A-Fa-f]+)(?![0-9A-Za-z])")
# the beginning of either
PART_OF_CHUNK_SIZE = re.compile(rb"[ \t\r]*\+?(?:[0-9A-Fa-f]|$)")
HEX_DIGITS = re.compile(rb"[0-9A-Fa-f]")
# bytes of the trailer section: the same limit as for a head
TRAILER_BYTES_MAX = heads.HEAD_BYTES_MAX


class Framing(Opening):
    """Reads in the states within a body."""

    __slots__ = ()

    def _read_length(self, data: bytes, offset: int) -> int:
        taken = min(len(data) - offset, self._remaining)
        self._add(data, offset, offset + taken)
        self._remaining -= taken
        if not self._remaining:
            self._finish(is_whole=True)
        return offset + taken

    def _read_until_close(self, data: bytes, offset: int) -> int:
        self._add(data, offset, len(data))
        return len(data)

    def _read_doubtful(self, data: bytes, offset: int) -> int:
        """Finds out whether a body comes at all: if the next message of this end begins here, there is no body.

        For a response this is unknown if its request is not known. For a request it is unknown if the server has
        refused the body.
        """
        if self._may_be_without_body(data, offset):
            line_end = data.find(b"\n", offset)
            if line_end < 0 and len(data) - offset <= heads.HEAD_BYTES_MAX:
                return MORE
            if line_end >= 0 and self._is_head(data, offset, line_end):
                self._finish_without_body()
                return self._read_head(data, offset)
        self._state = BODY_COMES[self._state]
        return offset

    def _may_be_without_body(self, data: bytes, offset: int) -> bool:
        if isinstance(self._message, Response):
            return heads.may_begin_response(data, offset)
        # the client leaves the body out only if it had received the refusal
        return distance(self._refused_at, self._ack) > 0 and heads.may_begin_request(data, offset)

    def _finish_without_body(self) -> None:
        assert self._message is not None  # its body is in doubt
        if isinstance(self._message, Request):
            self._message.add_problem(Problem.BODY_NOT_SENT)
        self._finish(is_whole=isinstance(self._message, Response))

    def _read_simple(self, data: bytes, offset: int) -> int:
        """Reads the response to a request of HTTP/0.9: only a body, or, from newer servers, a response with a head."""
        if heads.may_begin_response(data, offset):
            line_end = data.find(b"\n", offset)
            if line_end < 0 and len(data) - offset <= heads.HEAD_BYTES_MAX:
                return MORE
            if line_end >= 0 and self._is_head(data, offset, line_end):
                self._state = FOUND[self._state]
                return self._read_head(data, offset)
        return self._begin_simple_response(offset)

    def _begin_simple_response(self, offset: int) -> int:
        """Begins a response that is only a body, and ends with the connection (RFC 1945, 6)."""
        self._message = Response(heads.simple_response(), self._start_ns, ((self._seq + offset) & MASK, self._ack))
        self._is_cut = False
        self._sink.begin(self._message, self._end)
        self._keeper = BodyKeeper(self._message, (), self._conversation.policy, self._conversation.budget)
        self._state = ANSWERED_SIMPLY[self._state]
        return offset

    def _read_chunk_size(self, data: bytes, offset: int) -> int:
        """Reads a chunk's size in hexadecimal digits, and ignores its extensions (RFC 9112, 7.1)."""
        end = data.find(b"\n", offset)
        if (len(data) if end < 0 else end) - offset > CHUNK_LINE_BYTES_MAX:
            return self._bad_chunk(data, offset)
        if end < 0:
            return MORE if PART_OF_CHUNK_SIZE.match(data, offset) else self._bad_chunk(data, offset)
        found = CHUNK_SIZE_LINE.match(data, offset, end)
        if found is None:
            return self._read_odd_chunk_size(data, offset, end)
        return self._begin_chunk(data, offset, end, found[1])

    def _begin_chunk(self, data: bytes, offset: int, end: int, digits: bytes) -> int:
        digits = digits.lstrip(b"0")
        if len(digits) > CHUNK_DIGITS_MAX:
            return self._bad_chunk(data, offset)
        self._add_framing(data, offset, end + 1)
        self._remaining = int(digits or b"0", 16)
        self._state = (CHUNK_BEGINS if self._remaining else LAST_CHUNK)[self._state]
        return end + 1

    def _read_odd_chunk_size(self, data: bytes, offset: int, end: int) -> int:
        """Accepts an extra empty line, a prefix, or junk after the size, as some clients do."""
        assert self._message is not None  # called within its body
        is_empty = not data[offset:end].strip(b"\r")
        found = ODD_CHUNK_SIZE_LINE.match(data, offset, end)
        assert self._keeper is not None
        # before the first chunk, the body is probably not chunked at all
        if not self._keeper.wire_len or (not is_empty and found is None):
            return self._bad_chunk(data, offset)
        self._message.add_problem(Problem.BAD_CHUNK)
        if found is not None:
            return self._begin_chunk(data, offset, end, found[1])
        self._add_framing(data, offset, end + 1)
        return end + 1

    def _read_chunk(self, data: bytes, offset: int) -> int:
        taken = min(len(data) - offset, self._remaining)
        self._add(data, offset, offset + taken)
        self._remaining -= taken
        if not self._remaining:
            self._state = CHUNK_READ[self._state]
        return offset + taken

    def _read_chunk_end(self, data: bytes, offset: int) -> int:
        end = offset + 1 + (data[offset] == CR)
        if end > len(data):
            return MORE
        if data[end - 1] != LF:
            return self._read_chunk_without_end(data, offset)
        self._add_framing(data, offset, end)
        self._state = CHUNK_CLOSED[self._state]
        return end

    def _read_chunk_without_end(self, data: bytes, offset: int) -> int:
        """Handles a chunk without a line ending after it: the next size may follow directly."""
        assert self._message is not None  # called within its body
        end = data.find(b"\n", offset, offset + CHUNK_LINE_BYTES_MAX)
        if end < 0 and len(data) - offset < CHUNK_LINE_BYTES_MAX and HEX_DIGITS.match(data, offset):
            return MORE
        if end < 0 or CHUNK_SIZE_LINE.match(data, offset, end) is None:
            return self._bad_chunk(data, offset)
        self._message.add_problem(Problem.BAD_CHUNK)
        self._state = CHUNK_CLOSED[self._state]
        return offset

    def _read_trailer(self, data: bytes, offset: int) -> int:
        """Reads the trailer section: fields, if any, and an empty line (RFC 9112, 7.1.2).

        Some senders omit the empty line. The first line of a message then ends the section.
        """
        assert self._keeper is not None  # there is a body in this state
        at = offset + self._scanned
        while (line_end := data.find(b"\n", at)) >= 0:
            if line_end + 1 - offset > TRAILER_BYTES_MAX:
                return self._bad_chunk(data, offset)
            if data[at:line_end].strip(b"\r") == b"":
                self._end_trailer(data[offset : line_end + 1], is_empty=at == offset)
                self._finish(is_whole=True)
                return line_end + 1
            if self._is_head(data, at, line_end):
                self._end_trailer(data[offset:at], is_empty=at == offset)
                return self._end_broken(at)
            at = line_end + 1
        if len(data) - offset > TRAILER_BYTES_MAX:
            return self._bad_chunk(data, offset)
        self._scanned = at - offset
        return MORE

    def _end_trailer(self, data: bytes, is_empty: bool) -> None:
        assert self._keeper is not None  # there is a body in this state
        self._scanned = 0
        if is_empty:
            self._keeper.add_framing(data)
        else:
            self._keeper.add_trailer(data)

    def _end_broken(self, offset: int) -> int:
        """Ends the message, because the next one begins within its chunked coding."""
        assert self._message is not None  # called within its body
        self._message.add_problem(Problem.BAD_CHUNK)
        self._finish(is_whole=False)
        return offset

    def _add(self, data: bytes, start: int, end: int) -> None:
        keeper = self._keeper
        assert keeper is not None  # there is a body in these states
        if keeper.wants:
            keeper.add(data[start:end], self._now)
        else:
            keeper.wire_len += end - start

    def _add_framing(self, data: bytes, start: int, end: int) -> None:
        assert self._keeper is not None  # there is a body in these states
        self._keeper.add_framing(data[start:end])

    def _bad_chunk(self, data: bytes, offset: int) -> int:
        assert self._message is not None  # called within its body
        assert self._keeper is not None
        self._scanned = 0
        line_end = data.find(b"\n", offset)
        if line_end >= 0 and self._is_head(data, offset, line_end):
            return self._end_broken(offset)
        if self._state == CHUNK_SIZE and not self._keeper.wire_len:
            # the body is not chunked although the head says so: all that follows is the body
            self._message.add_problem(Problem.BAD_CHUNK)
            self._begin_unframed(self._message, Problem.BAD_CHUNK)
        else:
            self._give_up_message(Problem.BAD_CHUNK)
            self._lose(False, Problem.BAD_CHUNK)
        return self._seek(data, offset)
