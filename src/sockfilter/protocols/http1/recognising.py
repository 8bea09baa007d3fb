"""Decides whether bytes may be a message of this end: by the first bytes, and by their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.message import Request, Response
from sockfilter.model.sequence import MASK
from sockfilter.protocols.http1 import head as heads
from sockfilter.protocols.http1.state import ParserState

if TYPE_CHECKING:
    from sockfilter.model.message import Message


class Recognising(ParserState):
    """Answers whether a message begins at an offset."""

    __slots__ = ()

    peer: Recognising

    def _head_at(self, start: int, raw: bytes) -> heads.HttpHead | None:
        """The head that begins at start. A malformed status line is accepted if a response must begin there."""
        head = heads.parse(raw)
        return heads.loose_response(raw) if head is None and self._is_awaited(start) else head

    def _is_awaited(self, start: int) -> bool:
        """Whether a response must begin at start."""
        return self._kind is Response and self._is_certain(start) and self._sink.awaits(self._ack)

    def _may_begin_loosely(self, data: bytes, start: int) -> bool:
        return self._is_awaited(start) and heads.may_begin_loosely(data, start)

    def _is_head_at(self, data: bytes, start: int, line_end: int) -> bool:
        """As _is_head(), but accepts a malformed status line if a response must begin at start."""
        return self._is_head(data, start, line_end) or self._head_at(start, data[start : line_end + 1]) is not None

    def _is_head(self, data: bytes, start: int, line_end: int) -> bool:
        """Whether a line is the first line of a message that this end may send."""
        head = heads.parse(data[start : line_end + 1])
        return head is not None and self._kind in (None, Request if head.method else Response)

    def _may_become_head(self, data: bytes, start: int) -> bool:
        """Whether an incomplete line may become one that _is_head() accepts.

        Any token is accepted as a method if a message must begin here, else only a registered method.
        """
        if self._kind is not Request and heads.may_begin_response(data, start):
            return True
        begins = heads.is_token if self._is_certain(start) else heads.may_begin_request
        return self._kind is not Response and begins(data, start)

    def _is_certain(self, start: int) -> bool:
        """Whether a message of this end must begin at start."""
        is_begun = self.boundary is not None or (self._conversation.is_whole and not self._conversation.has_messages)
        return (is_begun and not self._is_lost) or self._is_at_boundary(start)

    def _is_at_boundary(self, start: int) -> bool:
        return self.peer.boundary == (self._seq + start) & MASK

    def _may_be_meant_for_a_message(self, data: bytes, offset: int) -> bool:
        """Whether malformed bytes may be a message: a request that looks like one, or any bytes if a request waits."""
        if self._kind is Request:
            return heads.loose_request(data, offset) is not None
        return self._is_awaited(offset)

    def answers(self, kind: type[Message]) -> None:
        """Notes which kind of message the other end sends: this end sends the other kind."""
        self._kind = Request if kind is Response else Response

    def _may_send(self, kind: type[Message]) -> bool:
        """Notes which kind of message this end sends, by its first message. Returns False if it was known before."""
        if self._kind is not None:
            return False
        self._kind = kind
        self.peer.answers(kind)
        self._conversation.has_messages = True
        return True
