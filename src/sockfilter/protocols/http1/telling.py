"""Reports messages that cannot be read as a whole: cut off, answered early, or malformed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.body import Body
from sockfilter.model.message import Request, Response
from sockfilter.model.problem import Problem
from sockfilter.model.sequence import distance
from sockfilter.protocols.body import BodyKeeper
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.recognising import Recognising
from sockfilter.protocols.http1.state import MORE, Doubted
from sockfilter.protocols.http1.states import DOUBTED, HEAD, LOST, SEEK

if TYPE_CHECKING:
    from sockfilter.model.message import Message


class Telling(Recognising):
    """Reports incomplete messages, and ends those that a message of the other direction shows to be over."""

    __slots__ = ()

    peer: Telling

    def _note_oddities(self, message: Message, head: heads.HttpHead) -> None:
        if self._is_lost:
            self._is_lost = False
            message.is_resumed = True
            if message.seq != self.peer.boundary:
                message.add_problem(Problem.RESYNCHRONISED)
        for problem in head.problems:
            message.add_problem(problem)

    def _tell(self, message: Message) -> None:
        """Reports a message of which no more bytes will be read."""
        self.boundary = message.ack
        self._sink.begin(message, self._end)
        message.end_ns = self._now
        self._sink.finish(message)

    def _begin_partial(self, raw: bytes, seq: int, problem: Problem) -> bool:
        """Reports a head whose rest will not come, with its start line and its complete fields.

        Returns False if the start line is incomplete or malformed.
        """
        raw = raw[: raw.rfind(b"\n", 0, heads.HEAD_BYTES_MAX) + 1]
        head = self._head_at(0, raw) if raw else None
        if head is None:
            return False
        kind = Request if head.method else Response
        if kind is not self._kind and not self._may_send(kind):
            return False
        message = kind(head, self._start_ns, (seq, self._ack))
        self._note_oddities(message, head)
        message.add_problem(problem)
        self._before(kind)
        self._tell(message)
        return True

    def _give_up_message(self, problem: Problem) -> bool:
        """Ends an incomplete message, because no more of it will be read. Returns whether it could be reported."""
        rest = self._end_message(problem)
        if rest is not None:
            self._sink.pass_by(len(rest), is_opaque=False)
        return rest is None

    def _end_message(self, problem: Problem) -> bytes | None:
        """Ends an incomplete message. Returns the buffered bytes if it cannot be reported, else None."""
        self._join()
        buffer, self._buffer, self._scanned = self._buffer, b"", 0
        if self._is_early:
            self._end_early(buffer, problem)
            return None
        if self._message is not None:
            self._message.add_problem(problem)
            self._finish(is_whole=False)
            return None
        is_told = bool(buffer) and self._state == HEAD and self._begin_partial(buffer, self._seq, problem)
        return None if is_told else buffer

    def answer(self, received: int) -> None:
        """Reports an incomplete request, because the other end begins a response and no other request waits for one.

        Args:
            received: the sequence number up to which the other end had received.
        """
        self._join()
        if self._doubted is not None:
            self.tell_doubted(received)
        elif self._state == HEAD and self._buffer and self._message is None and distance(self._seq, received) > 0:
            self._begin_early()

    def tell_doubted(self, received: int) -> None:
        """Reports a doubtful message as far as it can be parsed, if the other end has received its first byte.

        Args:
            received: the sequence number up to which the other end had received.
        """
        self._join()
        if self._doubted is not None and distance(self._doubted.seq, received) > 0:
            doubted, self._doubted = self._doubted, None
            self._begin_doubted(doubted, None)
        elif (
            self._state == HEAD
            and b"\n" not in self._buffer
            and not heads.may_begin_response(self._buffer, 0)
            and self._is_awaited(0)
            and distance(self._seq, received) > 0
        ):
            self._begin_unfinished(None)

    def _begin_unfinished(self, why: Problem | None) -> None:
        """Reports a response whose first line is incomplete."""
        raw, self._buffer, self._scanned = self._buffer, b"", 0
        self._state = DOUBTED[self._state]
        self._begin_doubted(Doubted(raw, self._start_ns, self._seq, self._ack), why)

    def _begin_doubted(self, doubted: Doubted, why: Problem | None) -> None:
        message: Message
        if self._kind is Request:
            head = heads.loose_request(doubted.raw, 0)
            if head is None:
                return
            message = Request(head, doubted.start_ns, (doubted.seq, doubted.ack))
        else:
            message = self._unreadable_response(doubted)
        message.add_problem(Problem.BAD_HEAD)
        if why is not None:
            message.add_problem(why)
        self._tell(message)

    def _unreadable_response(self, doubted: Doubted) -> Response:
        """Makes a malformed response: the bytes up to the first empty line are the head, the others the body."""
        raw = doubted.raw
        found = heads.HEAD_END.search(raw)
        end = found.end() if found else len(raw)
        # if the first line is cut, its status may be incomplete
        head = heads.loose_response(raw[:end]) if b"\r" in raw[:end] else None
        message = Response(head or heads.unreadable(raw[:end]), doubted.start_ns, (doubted.seq, doubted.ack))
        content = raw[end:][: self._conversation.policy.limit]
        message.body = Body(len(raw) - end, None, content)
        return message

    def _begin_early(self) -> None:
        """Reports a request that is answered before its head has ended."""
        raw = self._buffer
        head = heads.parse(raw[: raw.rfind(b"\n") + 1]) or heads.loose_request(raw, 0)
        if head is None or not head.method:
            return
        self._message = message = Request(head, self._start_ns, (self._seq, self._ack))
        self._is_early = True
        self._note_oddities(message, head)
        self.boundary = self._ack
        self._sink.begin(message, self._end)

    def _part_from_early(self, data: bytes, offset: int) -> int | None:
        """The offset of the next request, which ends the request that was answered early; None if that continues."""
        if self.peer.boundary is None:
            return None
        at = distance(self._seq, self.peer.boundary)
        if not offset < at < len(data):
            return None
        line_end = data.find(b"\n", at)
        if line_end < 0:
            return MORE if heads.may_begin_request(data, at) else None
        if not self._is_head(data, at, line_end):
            return None
        self._end_early(data[offset:at], None)
        return at

    def _end_early(self, raw: bytes, problem: Problem | None) -> None:
        """Ends a request that was answered early; the rest of its head does not come."""
        message = self._message
        assert message is not None  # set by _begin_early()
        self._is_early, self._scanned = False, 0
        head = heads.parse(raw[: raw.rfind(b"\n") + 1])
        if head is None or not head.method:
            message.add_problem(Problem.BAD_HEAD)
        else:
            message.head = head
        if problem is not None:
            message.add_problem(problem)
        self._finish(is_whole=False)

    def _let_go_of_doubted(self) -> None:
        """Drops doubtful bytes: the next message begins, and the other end has not answered them."""
        self._doubted = None
        self._lose(False, None)

    def _begin_unframed(self, message: Message, problem: Problem) -> None:
        """Begins a body without known framing: it ends where the next message is found."""
        self._message = message
        if self._keeper is None:
            self._keeper = BodyKeeper(message, (), self._conversation.policy, self._conversation.budget)
        self._is_cut = True
        self._lose(False, problem)

    def end_unframed(self) -> None:
        """Ends a message without known framing, because the other end has begun its next message."""
        if self._state == SEEK and self._message is not None:
            self._finish(is_whole=False)
            self._state = LOST[self._state]

    def _before(self, kind: type[Message]) -> None:
        """Ends or reports messages of the other direction that a new message of this direction shows to be over."""
        peer = self.peer
        if kind is Request:
            peer.end_unframed()
            peer.tell_doubted(self._ack)
        elif (peer._buffer or peer._doubted is not None) and not self._sink.has_open:
            peer.answer(self._ack)
