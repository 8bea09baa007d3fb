"""The parser of one direction of an HTTP/1 connection: it makes messages of spans and gaps.

The states and the events are in states.py. READERS, at the end, has the method of each state: it takes bytes from an
offset on, and returns the offset up to which it has read. The parser learns from the other direction which request a
response answers, and where a message must begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
from sockfilter.protocols.announcing import BULK_BYTES
from sockfilter.protocols.http1.framing import Framing
from sockfilter.protocols.http1.opening import BULKY_BYTES
from sockfilter.protocols.http1.state import MORE
from sockfilter.protocols.http1.states import (
    BODY_COMES,
    CHUNK,
    CHUNK_READ,
    HANDED_OVER,
    HEAD,
    IGNORE,
    LENGTH,
    MAYBE,
    OVER,
    PROBE,
    REPLACED,
    SEEK,
    SIMPLE,
    TUNNELLED,
    UNTIL_CLOSE,
)
from sockfilter.protocols.interface import ENDLESS

if TYPE_CHECKING:
    from sockfilter.protocols.interface import Receiver


class Parser(Framing):
    """Reads the messages of one direction."""

    __slots__ = ()

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next span."""
        self._now = time_ns
        if self._buffer:
            if len(self._buffer) >= BULKY_BYTES and self._gathers(data):
                return
            self._joined = len(self._buffer)
            data = self._buffer + data
            self._buffer = b""
        else:
            self._joined = 0
            self._start_ns, self._seq, self._ack = time_ns, seq, ack
        offset, size = 0, len(data)
        if size > self.ignoring:
            self.ignoring = 0  # more came than was ignored: other bytes to ignore may follow
        while offset < size:
            taken = READERS[self._state](self, data, offset)
            if taken == MORE:
                self._buffer = data[offset:] if offset else data
                self._seq = (self._seq + offset) & MASK
                break
            if not offset:
                # the next bytes came with this span, not with the buffered ones
                self._start_ns, self._ack = time_ns, ack
            offset = taken
        if self._keeper is not None or self.ignoring or self._announced or self._state == IGNORE:
            self._update_ignoring()

    def skip(self, size: int, time_ns: int) -> None:
        """Counts bytes that passed and are not needed."""
        self._now = time_ns
        self._pass_over(size)
        self._update_ignoring()

    def repeat(self, seq: int) -> None:
        """Notes a retransmission that begins at a sequence number."""
        self._sink.repeat(self._end, seq)

    def missing(self, size: int, problem: Problem) -> int:
        """Notes missing bytes. A body continues after them if its framing reaches further.

        Returns how many of them were needed. Only bytes of a body that is neither kept nor decoded are not needed.
        """
        if self._state == IGNORE:
            return 0
        if self._state == HANDED_OVER:
            return self._successor.missing(size, problem)
        of_body = size if self._state == UNTIL_CLOSE else min(size, self._reach())
        needed = size - of_body
        if of_body:
            needed += self._miss_body(of_body, problem)
        if of_body < size:
            self._miss_messages(problem)
        self._update_ignoring()
        return needed

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow."""
        self._join()
        if self._state in MAYBE and isinstance(self._message, Request) and not self._buffer:
            self._finish_without_body()
        elif self._state in MAYBE:
            self._state, data, self._buffer = BODY_COMES[self._state], self._buffer, b""
            if data:
                self._read(data, 0)
        elif self._state == SIMPLE and self._buffer:
            data, self._buffer = self._buffer, b""
            self._begin_simple_response(0)
            self._read_until_close(data, 0)
        if self._doubted is not None and self._kind is Response and self._sink.has_open:
            self.tell_doubted((self._doubted.seq + 1) & MASK)
        elif self._state == HEAD and self._buffer and b"\n" not in self._buffer and self._is_awaited(0):
            self._begin_unfinished(problem)
        is_until_close = self._state == UNTIL_CLOSE or (self._state == SEEK and self._message is not None)
        if is_until_close and problem is Problem.CLOSED:
            self._finish(is_whole=True)
        else:
            self._give_up_message(problem)
        self._state = OVER[self._state]
        self._update_ignoring()
        if problem is Problem.CLOSED:
            self._sink.ended(self._end)

    def tunnel(self) -> None:
        """Begins to look for HTTP in a tunnel."""
        self._give_up_message(Problem.CLOSED)
        self._state = TUNNELLED[self._state]
        self._update_ignoring()

    def leave(self) -> None:
        """Ends the message of this end, because another protocol takes over. The bytes after it stay in the buffer."""
        self._buffer = self._end_message(Problem.CLOSED) or b""
        self._state = REPLACED[self._state]

    def hand_over(self, successor: Receiver) -> None:
        """Passes the buffered bytes, and all further ones, to another protocol."""
        self._successor = successor
        before, self.ignoring = self.ignoring, 0
        if successor.ignoring > before and successor.ignoring >= BULK_BYTES:
            self._announce(successor.ignoring)
        elif self._announced and not successor.ignoring:
            self._announce(0)
        self._announced = False
        waiting, self._buffer = self._buffer, b""
        if waiting:
            successor.data(waiting, self._start_ns, self._seq, self._ack)

    def _read(self, data: bytes, offset: int) -> int:
        return READERS[self._state](self, data, offset)

    def _miss_messages(self, problem: Problem) -> None:
        """Handles missing bytes that reach beyond the present message."""
        if self._state == PROBE:
            self._give_up_message(problem)  # counts the buffered bytes
            self._sink.lose(self._end, True, problem)
        else:
            is_told = self._give_up_message(problem)
            self._lose(not is_told, problem)

    def _reach(self) -> int:
        """The number of further bytes that are certainly part of the body or chunk."""
        return self._remaining if self._state in (LENGTH, CHUNK) else 0

    def _miss_body(self, size: int, problem: Problem) -> int:
        assert self._message is not None  # the missing bytes are within a body
        assert self._keeper is not None
        needed = size if self._keeper.wants else 0
        # bytes that were seen and are not wanted are no loss
        if problem is not Problem.TRUNCATED or needed:
            self._message.add_problem(problem)
            self._is_cut = True
        self._pass_over(size, problem)
        return needed

    def _pass_over(self, size: int, problem: Problem | None = None) -> None:
        """Counts bytes of the body that were not passed to data(); size is at most that of _reach().

        Args:
            size: their number.
            problem: why they are missing; None if they are not needed.
        """
        if not size:  # an acknowledgement
            return
        if self._keeper is None:  # bytes are ignored only within bodies, and when they are not HTTP
            self._sink.pass_by(size, is_opaque=True)
            return
        self._keeper.skip(size, problem)
        if self._state == UNTIL_CLOSE:
            return
        self._remaining -= size
        if self._remaining:
            return
        if self._state == LENGTH:
            self._finish(is_whole=True)
        else:
            self._state = CHUNK_READ[self._state]

    def _update_ignoring(self) -> None:
        if self._state == IGNORE:
            self._ignore_next(ENDLESS)
        elif self._keeper is None or self._keeper.wants:
            self._ignore_next(0)
        else:
            self._ignore_next(ENDLESS if self._state == UNTIL_CLOSE else self._reach())


READERS = (
    Parser._read_head,
    Parser._read_length,
    Parser._read_chunk_size,
    Parser._read_chunk,
    Parser._read_chunk_end,
    Parser._read_trailer,
    Parser._read_until_close,
    Parser._read_doubtful,
    Parser._read_doubtful,
    Parser._read_doubtful,
    Parser._seek,
    Parser._probe,
    Parser._read_simple,
    Parser._ignore,
    Parser._pass_on,
)
