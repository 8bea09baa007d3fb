"""Reads protocols whose messages have no response: what a conversation and its two receivers have in common."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
from sockfilter.protocols.announcing import Announcing
from sockfilter.protocols.body import BodyKeeper
from sockfilter.protocols.without_exchanges import WithoutExchanges

if TYPE_CHECKING:
    from sockfilter.model.stream_message import StreamMessage
    from sockfilter.protocols.interface import Context, Handover, Receiver, Transport


class Reader(Announcing):
    """Reads one direction. A subclass reads packets, frames or lines in _read().

    Args:
        transport: the connection.
        context: what the protocol needs from its capture.
        end: the end that sends this direction.
    """

    __slots__ = (
        "_ack",
        "_buffer",
        "_context",
        "_end",
        "_is_lost",
        "_keeper",
        "_message",
        "_next",
        "_now",
        "_remaining",
        "_resumed",
        "_start_ns",
        "_successor",
        "_transport",
        "_wanted",
    )

    def __init__(self, transport: Transport, context: Context, end: int) -> None:
        super().__init__(partial(transport.announce, end))
        self._transport = transport
        self._context = context
        self._end = end
        self._buffer = bytearray()  # the beginning of what is not complete
        self._wanted = 0  # bytes that the buffer must have before the next attempt to read it
        self._start_ns = self._now = 0
        self._next = self._ack = 0  # the sequence number after the last span, and its acknowledgement number
        self._successor: Receiver | None = None  # takes all further bytes
        self._message: StreamMessage | None = None  # whose content is being read
        self._keeper: BodyKeeper | None = None  # keeps that content
        self._remaining = 0  # bytes of content that are still to come, before anything else
        self._is_lost = False  # the meaning of the next bytes is not known
        self._resumed: Problem | None = None  # why reading has begun again; None after the next message

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        return len(self._buffer) + (0 if self._keeper is None else self._keeper.weight)

    @property
    def is_idle(self) -> bool:
        """Whether the next byte begins something new."""
        return not (self._buffer or self._message is not None or self._is_lost)

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes."""
        self._now, self._next, self._ack = time_ns, (seq + len(data)) & MASK, ack
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return
            data = bytes(self._buffer)
            self._buffer.clear()
        else:
            self._start_ns = time_ns
        at, size = 0, len(data)
        while at < size:
            if self._successor is not None:
                self._pass_on(data, at)
                return
            if self._remaining:
                taken = min(self._remaining, size - at)
                self._remaining -= taken
                self._take_content(data[at : at + taken])
            elif self._is_lost:
                taken = self._seek(data, at)
            else:
                taken = self._read(data, at)
            if not taken:
                self._buffer += data[at:] if at else data
                break
            self._start_ns = time_ns
            at += taken
        self._update_ignoring()

    def skip(self, size: int, time_ns: int) -> None:
        """Counts bytes that passed and are not needed."""
        if not size:
            return
        self._now = time_ns
        self._remaining -= size
        self._pass_content(size)
        self._update_ignoring()

    def repeat(self, seq: int) -> None:
        """Ignores a retransmission."""

    def missing(self, size: int, problem: Problem) -> int:
        """Notes missing bytes. Content goes on after them, if it is longer. Returns how many of them it needed."""
        if self._successor is not None:
            return self._successor.missing(size, problem)
        of_content = min(size, self._remaining)
        needed = size - of_content
        if of_content:
            if self._wants_content:
                needed += of_content
            if needed or problem is not Problem.TRUNCATED:
                self._note_missing(problem)
            self._remaining -= of_content
            self._pass_content(of_content)
        if of_content < size:
            self._give_up(problem)
            self._lose(problem)
        self._update_ignoring()
        return needed

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow."""
        if self._successor is not None:
            self._successor.end(problem)
            return
        self._give_up(problem)
        self._remaining = 0
        self._update_ignoring()

    def _read(self, data: bytes, at: int) -> int:
        """Reads what begins at an offset. Returns how many bytes it took; 0 if it needs more, see _await()."""
        raise NotImplementedError

    def _seek(self, data: bytes, at: int) -> int:
        """Looks for a place where reading can begin again. Returns how many bytes it took."""
        raise NotImplementedError

    def _end_content(self) -> None:
        """Notes that the content that was announced by _remaining is complete."""
        raise NotImplementedError

    def _give_up(self, problem: Problem) -> None:
        """Ends what is not complete."""
        self._context.counts.unread_bytes += len(self._buffer)
        self._buffer.clear()
        if self._message is not None:
            self._message.add_problem(problem)
            self._finish(is_whole=False)

    def _pass_on(self, data: bytes, at: int) -> int:
        """Passes bytes on to the protocol that has taken over. They are the last ones of the span."""
        assert self._successor is not None  # checked by all callers
        rest = data[at:]
        self._successor.data(rest, self._now, (self._next - len(rest)) & MASK, self._ack)
        return len(rest)

    def hand_over(self, successor: Receiver) -> None:
        """Passes all further bytes to another protocol, and those that have waited."""
        self._successor = successor
        self.ignoring = 0
        waiting = bytes(self._buffer)
        self._buffer.clear()
        if waiting:
            self._pass_on(waiting, 0)

    def _await(self, size: int) -> int:
        """Waits until so many bytes have come, from the place that is being read."""
        self._wanted = size
        return 0

    def _lose(self, problem: Problem) -> None:
        """Notes that the meaning of the next bytes is not known, and why."""
        self._is_lost = True
        self._remaining = 0

    def _resume(self, problem: Problem | None = Problem.RESYNCHRONISED) -> None:
        """Reads again from here on. problem: what to note with the next message."""
        self._is_lost = False
        self._resumed = problem

    def _pass_by(self, size: int) -> int:
        """Counts bytes whose meaning is not known."""
        self._context.counts.unread_bytes += size
        return size

    def _begin(self, message: StreamMessage) -> None:
        """Begins a message with content."""
        self._message = message
        self._keeper = BodyKeeper(message, (), self._context.policy, self._context.budget)

    @property
    def _wants_content(self) -> bool:
        """Whether the bytes of the content are needed, and not only their number."""
        return self._keeper is not None and self._keeper.wants

    def _note_missing(self, problem: Problem) -> None:
        """Notes that bytes of the content are missing, and why."""
        if self._message is not None:
            self._message.add_problem(problem)

    def _take_content(self, data: bytes) -> None:
        if self._keeper is not None:
            self._keeper.add(data)
        if not self._remaining:
            self._end_content()

    def _pass_content(self, size: int) -> None:
        if self._keeper is not None:
            self._keeper.skip(size)
        if not self._remaining:
            self._end_content()

    def _finish(self, is_whole: bool) -> None:
        """Ends the message whose content is being read."""
        message, keeper = self._message, self._keeper
        self._message = self._keeper = None
        if message is not None:
            if keeper is not None:
                message.body = keeper.body(is_whole)
            self._emit(message)

    def _emit(self, message: StreamMessage) -> None:
        if self._resumed is not None:
            message.add_problem(self._resumed)
            self._resumed = None
        self._context.take(message)

    def _update_ignoring(self) -> None:
        self._ignore_next(0 if self._wants_content else self._remaining)


class MessageConversation(WithoutExchanges):
    """Both directions of a connection that two readers read.

    Args:
        before: what was read on the connection before, in another protocol; None if nothing.
        readers: one for each end.
    """

    __slots__ = ("_readers",)

    def __init__(self, before: Handover | None, readers: tuple[Reader, Reader]) -> None:
        super().__init__(before)
        self._readers = readers

    @property
    def receivers(self) -> tuple[Reader, Reader]:
        """One receiver for each end."""
        return self._readers

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        return sum(reader.weight for reader in self._readers)

    @property
    def is_idle(self) -> bool:
        """Whether both ends may begin something new."""
        return all(reader.is_idle for reader in self._readers)
