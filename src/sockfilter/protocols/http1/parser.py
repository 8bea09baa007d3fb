"""One direction of an HTTP/1 connection: spans and gaps become messages.

States and what leads from one to another are in states.py; READERS, at the end, has the method of each state, which
takes bytes from an offset on and says how far it came. What the parser needs of the other direction comes from what
both share: which request a response answers, and where a message must begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
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

# what is left of a body that is not needed, from which telling the source costs less than it spares
BULK_BYTES = 128 << 10


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
            self.ignoring = 0  # with what follows, another stretch may begin
        while offset < size:
            taken = READERS[self._state](self, data, offset)
            if taken == MORE:
                self._buffer = data[offset:] if offset else data
                self._seq = (self._seq + offset) & MASK
                break
            if not offset:
                # what follows came with this span, not with what had been waiting
                self._start_ns, self._ack = time_ns, ack
            offset = taken
        if self._keeper is not None or self.ignoring or self._announced or self._state == IGNORE:
            self._update_ignoring()

    def skip(self, size: int, time_ns: int) -> None:
        """Takes note of bytes that passed and are not needed."""
        self._now = time_ns
        self._pass_over(size)
        self._update_ignoring()

    def repeat(self, seq: int) -> None:
        """Takes note of bytes that were sent again, from a sequence number on."""
        self._sink.repeat(self._end, seq)

    def missing(self, size: int, problem: Problem) -> int:
        """Takes note of bytes that cannot be had. A body goes on where its framing reaches beyond them.

        Returns how many of them were needed: those of bodies that are to be kept or decoded, and of all else.
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
        """Takes note that no more bytes follow."""
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
        """What comes has to show that it is HTTP."""
        self._give_up_message(Problem.CLOSED)
        self._state = TUNNELLED[self._state]
        self._update_ignoring()

    def leave(self) -> None:
        """No message of this end goes on in this protocol."""
        self._buffer = self._end_message(Problem.CLOSED) or b""
        self._state = REPLACED[self._state]

    def hand_over(self, successor: Receiver) -> None:
        """What waits, and what comes from here on, is for another protocol."""
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
        """Bytes are missing beyond the message that has begun."""
        if self._state == PROBE:
            self._give_up_message(problem)  # what waits to be told
            self._sink.lose(self._end, True, problem)
        else:
            is_told = self._give_up_message(problem)
            self._lose(not is_told, problem)

    def _reach(self) -> int:
        """Coming bytes of which it is known that they are body."""
        return self._remaining if self._state in (LENGTH, CHUNK) else 0

    def _miss_body(self, size: int, problem: Problem) -> int:
        assert self._message is not None  # within reach of a body
        assert self._keeper is not None
        needed = size if self._keeper.wants else 0
        # what passed and is not wanted is not missed
        if problem is not Problem.TRUNCATED or needed:
            self._message.add_problem(problem)
            self._is_cut = True
        self._pass_over(size)
        return needed

    def _pass_over(self, size: int) -> None:
        """Bytes of the body that are not here; size is within reach."""
        if not size:  # an acknowledgement
            return
        if self._keeper is None:  # nothing but bodies and what is not HTTP is ignored
            self._sink.pass_by(size, is_opaque=True)
            return
        self._keeper.skip(size)
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
        before = self.ignoring
        if self._state == IGNORE:
            self.ignoring = ENDLESS
        elif self._keeper is None or self._keeper.wants:
            self.ignoring = 0
        else:
            self.ignoring = ENDLESS if self._state == UNTIL_CLOSE else self._reach()
        if self.ignoring > before and self.ignoring >= BULK_BYTES:
            self._announced = True
            self._announce(self.ignoring)
        elif self._announced and not self.ignoring:
            # not a byte before: what is missing then may be what the source was told to leave out
            self._announced = False
            self._announce(0)


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
