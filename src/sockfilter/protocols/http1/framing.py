"""Bodies as they are framed: by a length, in chunks, until the end (RFC 9112, 6 and 7)."""

from __future__ import annotations

from sockfilter.model.message import Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.body import BodyKeeper
from sockfilter.protocols.http1.opening import Opening
from sockfilter.protocols.http1.state import CHUNK, CHUNK_END, CHUNK_SIZE, CR, HEAD, LF, MORE, TRAILER, UNTIL_CLOSE

# a chunk's size line with its extensions; servers refuse what is longer
CHUNK_LINE_BYTES_MAX = 16 << 10
# 60 bits of a chunk's size
CHUNK_DIGITS_MAX = 15
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
        """Where the body of a response should begin, and the request that would tell whether it has one is missing.

        It has none if the next response begins there.
        """
        if heads.may_begin_response(data, offset):
            line_end = data.find(b"\n", offset)
            if line_end < 0 and len(data) - offset <= heads.HEAD_BYTES_MAX:
                return MORE
            if line_end >= 0 and self._is_head(data, offset, line_end):
                self._finish(is_whole=True)
                return self._read_head(data, offset)
        self._state = self._body_state
        return offset

    def _read_simple(self, data: bytes, offset: int) -> int:
        """What answers a request of HTTP/0.9: a response with a head, from servers that are younger, or a bare body."""
        if heads.may_begin_response(data, offset):
            line_end = data.find(b"\n", offset)
            if line_end < 0 and len(data) - offset <= heads.HEAD_BYTES_MAX:
                return MORE
            if line_end >= 0 and self._is_head(data, offset, line_end):
                self._state = HEAD
                return self._read_head(data, offset)
        return self._begin_simple_response(offset)

    def _begin_simple_response(self, offset: int) -> int:
        """RFC 1945, 6: its body alone, until close."""
        self._message = Response(heads.simple_response(), self._start_ns, (self._seq + offset) & MASK, self._ack)
        self._is_cut = False
        self._talk.begin(self._message, self._end)
        self._keeper = BodyKeeper(self._message, (), self._talk.policy)
        self._state = UNTIL_CLOSE
        return offset

    def _read_chunk_size(self, data: bytes, offset: int) -> int:
        """RFC 9112, 7.1: hexadecimal digits, and extensions that nobody uses."""
        end = data.find(b"\n", offset)
        if (len(data) if end < 0 else end) - offset > CHUNK_LINE_BYTES_MAX:
            return self._bad_chunk(data, offset)
        if end < 0:
            return MORE
        size = data[offset:end].partition(b";")[0].strip(b" \t\r")
        # int() would take signs and underscores
        if not size or len(size) > CHUNK_DIGITS_MAX or size.strip(b"0123456789abcdefABCDEF"):
            return self._bad_chunk(data, offset)
        self._add_framing(data, offset, end + 1)
        self._remaining = int(size, 16)
        self._state = CHUNK if self._remaining else TRAILER
        return end + 1

    def _read_chunk(self, data: bytes, offset: int) -> int:
        taken = min(len(data) - offset, self._remaining)
        self._add(data, offset, offset + taken)
        self._remaining -= taken
        if not self._remaining:
            self._state = CHUNK_END
        return offset + taken

    def _read_chunk_end(self, data: bytes, offset: int) -> int:
        end = offset + 1 + (data[offset] == CR)
        if end > len(data):
            return MORE
        if data[end - 1] != LF:
            return self._bad_chunk(data, offset)
        self._add_framing(data, offset, end)
        self._state = CHUNK_SIZE
        return end

    def _read_trailer(self, data: bytes, offset: int) -> int:
        """RFC 9112, 7.1.2: fields, or none, and an empty line."""
        end = offset + 1 + (data[offset] == CR)
        if end > len(data):
            return MORE
        assert self._keeper is not None  # there is a body in this state
        if data[end - 1] == LF:
            self._keeper.add_framing(data[offset:end])
        else:
            found = heads.HEAD_END.search(data, offset + self._scanned)
            size = (found.end() if found else len(data)) - offset
            if size > TRAILER_BYTES_MAX:
                return self._bad_chunk(data, offset)
            if not found:
                self._scanned = max(0, size - 3)
                return MORE
            self._scanned = 0
            end = found.end()
            self._keeper.add_trailer(data[offset:end])
        self._finish(is_whole=True)
        return end

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
        self._give_up_message(Problem.BAD_CHUNK)
        self._lose(False, Problem.BAD_CHUNK)
        return self._seek(data, offset)
