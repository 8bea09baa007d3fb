"""Reads the replies of a server (RFC 5321, 4.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sockfilter.model.sequence import MASK
from sockfilter.protocols.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.problem import Problem
    from sockfilter.protocols.interface import Context, Transport

# bytes of a line; RFC 5321, 4.5.3.1.5 allows 512
LINE_BYTES_MAX = 4 << 10
# bytes of the text of a reply that are kept
TEXT_BYTES_MAX = 4 << 10
REPLY = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)


class ServerReader(Reader):
    """Reads replies.

    Args:
        transport: the connection.
        context: what the protocol needs from its capture.
        end: the end that sends them.
        answer: takes the code and the text of each reply, and the acknowledgement number that came with its end. The
            text is None if it is not wholly known.
        lose: is called when replies may be missing, with the sequence number after the missing bytes.
    """

    __slots__ = ("_answer", "_is_cut", "_is_part", "_lose_replies", "_text")

    def __init__(
        self,
        transport: Transport,
        context: Context,
        end: int,
        answer: Callable[[int, str | None, int], None],
        lose: Callable[[int], None],
    ) -> None:
        super().__init__(transport, context, end)
        self._answer = answer
        self._lose_replies = lose
        self._text = b""
        self._is_cut = False  # the beginning of this line was passed over
        self._is_part = False  # lines of this reply may be missing

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes. Those that do not end a line are only gathered."""
        if self._buffer and b"\n" not in data and len(self._buffer) + len(data) <= LINE_BYTES_MAX:
            self._buffer += data
            return
        self._wanted = 0
        super().data(data, time_ns, seq, ack)

    def missing(self, size: int, problem: Problem) -> int:
        """Notes missing bytes."""
        self._next = (self._next + size) & MASK
        return super().missing(size, problem)

    def _read(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at) + 1
        if not end and len(data) - at <= LINE_BYTES_MAX:
            return self._await(0)
        line = data[at : end or len(data)].rstrip(b"\r\n")
        is_cut, self._is_cut = self._is_cut, not end
        if not is_cut:
            self._read_line(line[:LINE_BYTES_MAX])
        return (end or len(data)) - at

    def _read_line(self, line: bytes) -> None:
        found = REPLY.fullmatch(line)
        if found is None:
            self._context.counts.unread_bytes += len(line)
            return
        if len(self._text) < TEXT_BYTES_MAX:
            self._text += (b"\n" if self._text else b"") + (found[3] or b"")
        if found[2] != b"-":
            text = None if self._is_part else self._text.decode("utf-8", "backslashreplace")
            self._text, self._is_part = b"", False
            self._answer(int(found[1]), text, self._ack)

    def _seek(self, data: bytes, at: int) -> int:
        """Begins again at a line."""
        self._resume()
        self._is_cut = REPLY.match(data, at) is None
        self._is_part = self._is_part or self._is_cut
        return self._read(data, at)

    def _lose(self, problem: Problem) -> None:
        super()._lose(problem)
        self._is_part = self._is_part or bool(self._text)
        self._text = b""
        self._lose_replies(self._next)
