"""Gathers the content of a message from its frames: inflates it, and checks that a text is UTF-8."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from sockfilter.model.problem import Problem
from sockfilter.protocols.coding import CodingError, TooLongError
from sockfilter.protocols.gathering import Gathering
from sockfilter.protocols.websocket.frames import TEXT

if TYPE_CHECKING:
    from sockfilter.model.body import Body
    from sockfilter.model.budget import Budget
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.protocols.websocket.inflating import Inflating

UTF_8 = codecs.getincrementaldecoder("utf-8")


class MessageContent:
    """The content of a message whose frames come one after another.

    Args:
        opcode: what the message is.
        began_ns: when its first byte passed.
        inflating: inflates it; None if it is not compressed.
        policy: what to keep of it.
        budget: the memory for that.

    Attributes:
        frames: frames so far.
        wire_len: bytes of payload so far.
        problems: what was found so far.
        wants: whether its bytes are needed; if not, their number is enough.
    """

    __slots__ = (
        "_gathering",
        "_inflating",
        "_is_known",
        "_limit",
        "_utf_8",
        "began_ns",
        "frames",
        "is_compressed",
        "opcode",
        "problems",
        "wants",
        "wire_len",
    )

    def __init__(
        self, opcode: int, began_ns: int, inflating: Inflating | None, policy: BodyPolicy, budget: Budget
    ) -> None:
        self.opcode = opcode
        self.began_ns = began_ns
        self.is_compressed = inflating is not None
        self._inflating = inflating
        self._gathering = Gathering(policy, budget)
        self._limit = policy.limit
        self._utf_8 = UTF_8() if opcode == TEXT else None
        self._is_known = True  # the length is known
        self.frames = 1
        self.wire_len = 0
        self.problems: list[Problem] = []
        if inflating is not None:
            inflating.begin()
        self._update()

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes."""
        return self._gathering.weight

    def add(self, data: bytes) -> None:
        """Takes bytes of the payload, without a mask."""
        self.wire_len += len(data)
        if self._inflating is None:
            self._take(data)
        elif self._is_known:
            self._inflate(data)

    def skip(self, size: int, problem: Problem | None) -> None:
        """Counts bytes of the payload that do not come. problem: why; None if they are not needed."""
        self.wire_len += size
        self._utf_8 = None
        if problem is not None:
            self.note(problem)
        if self._inflating is None:
            self._gathering.leave_out(size)
        elif self._is_known:
            self._lose()
        self._update()

    def note(self, problem: Problem) -> None:
        """Notes a problem."""
        if problem not in self.problems:
            self.problems.append(problem)

    def leave_as_sent(self) -> None:
        """Notes that the meaning of the content is not known, so that a text need not be UTF-8."""
        self._utf_8 = None

    def end(self) -> Body:
        """Ends the message and returns its content."""
        if self._inflating is not None and self._is_known:
            self._inflate(None)
        if self._utf_8 is not None and self._utf_8.getstate()[0]:
            self.note(Problem.BAD_FRAME)  # the last character is incomplete
        if self._gathering.is_cut and not self.problems:
            self.note(Problem.BODY_LIMIT)
        return self._gathering.body(self.wire_len, is_whole=self._is_known)

    def give_up(self) -> None:
        """Notes that the message will not end."""
        if self._inflating is not None:
            self._inflating.lose()

    def _take(self, data: bytes) -> None:
        """Takes a piece of the content."""
        if self._utf_8 is not None:
            try:
                self._utf_8.decode(data)
            except UnicodeDecodeError:
                self.note(Problem.BAD_FRAME)
                self._utf_8 = None
        self._gathering.add(data)
        self._update()

    def _update(self) -> None:
        """Bytes beyond the limit are not needed, unless they are inflated, or a text is checked."""
        is_full = self._gathering.is_cut or self._gathering.length >= self._limit
        self.wants = (self._inflating is not None and self._is_known) or self._utf_8 is not None or not is_full

    def _inflate(self, data: bytes | None) -> None:
        """Inflates bytes. None: the end of the message."""
        inflating = self._inflating
        assert inflating is not None  # checked by the callers
        try:
            for piece in inflating.end() if data is None else inflating.add(data):
                self._take(piece)
        except TooLongError:
            self.note(Problem.DECODED_LIMIT)
            self._lose()
        except CodingError:
            self.note(Problem.INFLATE_LOST if inflating.is_lost else Problem.BAD_FRAME)
            self._lose()

    def _lose(self) -> None:
        """Gives up the content."""
        assert self._inflating is not None  # only compressed content is lost
        self._is_known = False
        self._utf_8 = None
        self._inflating.lose()
