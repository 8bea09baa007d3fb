"""Bodies as they are framed: by a length, in chunks, until the end (RFC 9112, 6 and 7)."""

from __future__ import annotations

import re

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK, distance
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.body import BodyKeeper
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

# a chunk's size line with its extensions; servers refuse what is longer
CHUNK_LINE_BYTES_MAX = 16 << 10
# 60 bits of a chunk's size
CHUNK_DIGITS_MAX = 15
# RFC 9112, 7.1, without the end of line; int() would take signs and underscores
CHUNK_SIZE_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\n]*|\r?$)")
# the same with a sign, a prefix, or anything behind
ODD_CHUNK_SIZE_LINE = re.compile(rb"[ \t]*\+?(?:0[xX])?([0-9A-Fa-f]+)(?![0-9A-Za-z])")
# what may become one or the other
PART_OF_CHUNK_SIZE = re.compile(rb"[ \t\r]*\+?(?:[0-9A-Fa-f]|$)")
HEX_DIGITS = re.compile(rb"[0-9A-Fa-f]")
# trailers; as long as a head may be
TRAILER_BYTES_MAX = heads.HEAD_BYTES_MAX


class Framing(Opening):
    """The states within a body."""

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
        """Where a body should begin that may not be there: it is not, if the next message of this end begins there.

        Of a response, the request that would tell is missing; of a request, the server has refused its body.
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
        # the client had received the refusal before it sent this
        return distance(self._refused_at, self._ack) > 0 and heads.may_begin_request(data, offset)

    def _finish_without_body(self) -> None:
        assert self._message is not None  # its body is in doubt
        if isinstance(self._message, Request):
            self._message.add_problem(Problem.BODY_NOT_SENT)
        self._finish(is_whole=isinstance(self._message, Response))

    def _read_simple(self, data: bytes, offset: int) -> int:
        """What answers a request of HTTP/0.9: a response with a head, from servers that are younger, or a bare body."""
        if heads.may_begin_response(data, offset):
            line_end = data.find(b"\n", offset)
            if line_end < 0 and len(data) - offset <= heads.HEAD_BYTES_MAX:
                return MORE
            if line_end >= 0 and self._is_head(data, offset, line_end):
                self._state = FOUND[self._state]
                return self._read_head(data, offset)
        return self._begin_simple_response(offset)

    def _begin_simple_response(self, offset: int) -> int:
        """RFC 1945, 6: its body alone, until close."""
        self._message = Response(heads.simple_response(), self._start_ns, ((self._seq + offset) & MASK, self._ack))
        self._is_cut = False
        self._sink.begin(self._message, self._end)
        self._keeper = BodyKeeper(self._message, (), self._conversation.policy, self._conversation.budget)
        self._state = ANSWERED_SIMPLY[self._state]
        return offset

    def _read_chunk_size(self, data: bytes, offset: int) -> int:
        """RFC 9112, 7.1: hexadecimal digits, and extensions that nobody uses."""
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
        """An empty line too many, a prefix, or junk behind the size: some clients read on, and so does this."""
        assert self._message is not None  # called within its body
        is_empty = not data[offset:end].strip(b"\r")
        found = ODD_CHUNK_SIZE_LINE.match(data, offset, end)
        assert self._keeper is not None
        # without a chunk before, it is the likelier that there are none
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
        """The line behind a chunk is missing: the next size may stand there."""
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
        """RFC 9112, 7.1.2: fields, or none, and an empty line.

        Some leave the empty line out. What is no field then, but the first line of a message, begins the next.
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
        """The next message stands where the rest of the chunked coding should."""
        assert self._message is not None  # called within its body
        self._message.add_problem(Problem.BAD_CHUNK)
        self._finish(is_whole=False)
        return offset

    def _add(self, data: bytes, start: int, end: int) -> None:
        keeper = self._keeper
        assert keeper is not None  # there is a body in these states
        if keeper.wants:
            keeper.add(data[start:end])
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
            # it was said to be chunked and is not: what comes is the body
            self._message.add_problem(Problem.BAD_CHUNK)
            self._begin_unframed(self._message, Problem.BAD_CHUNK)
        else:
            self._give_up_message(Problem.BAD_CHUNK)
            self._lose(False, Problem.BAD_CHUNK)
        return self._seek(data, offset)
