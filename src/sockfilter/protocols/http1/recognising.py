"""What may be a message of this end: by its first bytes, and by where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.message import Request, Response
from sockfilter.model.sequence import MASK
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.state import ParserState

if TYPE_CHECKING:
    from sockfilter.model.message import Message


class Recognising(ParserState):
    """Questions about what stands at an offset."""

    __slots__ = ()

    peer: Recognising

    def _head_at(self, start: int, raw: bytes) -> heads.HttpHead | None:
        """What begins here, read the more tolerantly where an answer is waited for, and must begin."""
        head = heads.parse(raw)
        return heads.loose_response(raw) if head is None and self._is_awaited(start) else head

    def _is_awaited(self, start: int) -> bool:
        """Whether an answer must begin here."""
        return self._kind is Response and self._is_certain(start) and self._sink.awaits(self._ack)

    def _may_begin_loosely(self, data: bytes, start: int) -> bool:
        return self._is_awaited(start) and heads.may_begin_loosely(data, start)

    def _is_head_at(self, data: bytes, start: int, line_end: int) -> bool:
        """As _is_head(), but read the more tolerantly where an answer must begin."""
        return self._is_head(data, start, line_end) or self._head_at(start, data[start : line_end + 1]) is not None

    def _is_head(self, data: bytes, start: int, line_end: int) -> bool:
        """Whether a first line is one of a message that this end may send."""
        head = heads.parse(data[start : line_end + 1])
        return head is not None and self._kind in (None, Request if head.method else Response)

    def _may_become_head(self, data: bytes, start: int) -> bool:
        """The same of as much of it as there is. Where no message begins for certain, not every token is a method."""
        if self._kind is not Request and heads.may_begin_response(data, start):
            return True
        begins = heads.is_token if self._is_certain(start) else heads.may_begin_request
        return self._kind is not Response and begins(data, start)

    def _is_certain(self, start: int) -> bool:
        """Whether a message of this end must begin here."""
        is_begun = self.boundary is not None or (self._conversation.is_whole and not self._conversation.has_messages)
        return (is_begun and not self._is_lost) or self._is_at_boundary(start)

    def _is_at_boundary(self, start: int) -> bool:
        return self.peer.boundary == (self._seq + start) & MASK

    def _may_be_meant_for_a_message(self, data: bytes, offset: int) -> bool:
        """A request that speaks of HTTP, or, where one waits for its response, any answer."""
        if self._kind is Request:
            return heads.loose_request(data, offset) is not None
        return self._is_awaited(offset)

    def answers(self, kind: type[Message]) -> None:
        """The other end sends messages of a kind: this one sends the other kind."""
        self._kind = Request if kind is Response else Response

    def _may_send(self, kind: type[Message]) -> bool:
        """One end asks, the other answers: the first message of either says which."""
        if self._kind is not None:
            return False
        self._kind = kind
        self.peer.answers(kind)
        self._conversation.has_messages = True
        return True
