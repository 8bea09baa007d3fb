"""Reads the body of an event stream: each event is a message when the empty line after it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.problem import Problem
from sockfilter.model.stream_message import StreamMessage
from sockfilter.protocols.gathering import Gathering
from sockfilter.protocols.sse.lines import EventLines

if TYPE_CHECKING:
    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange
    from sockfilter.protocols.interface import Context

PROTOCOL = "sse"
# the name of an event that has none
UNNAMED = "message"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventReader:
    """Reads one event stream by the rules of the standard (WHATWG HTML, 9.2.5 and 9.2.6).

    Args:
        exchange: the exchange that opened the stream; None if not known.
        end: the end that sends it.
        connection: the connection.
        context: takes the messages, and says what to keep of them.
    """

    __slots__ = (
        "_began_ns",
        "_connection",
        "_context",
        "_counts",
        "_data",
        "_end",
        "_exchange",
        "_has_data",
        "_id",
        "_is_first",
        "_is_resumed",
        "_is_seeking",
        "_lines",
        "_name",
        "_number",
    )

    def __init__(self, exchange: Exchange | None, end: int, connection: Connection, context: Context) -> None:
        self._exchange = exchange
        self._end = end
        self._connection = connection
        self._context = context
        self._lines = EventLines(context.policy.limit)
        self._data = Gathering(context.policy, context.budget)
        self._has_data = False
        self._name = ""
        self._id: str | None = None  # the last id that was set; None if there was none, or if it is not known
        self._counts = True  # the place of the next event is known
        self._number = 0
        self._is_first = True  # the next line is the first of the stream
        self._is_seeking = False  # bytes are missing before: the next event begins after an empty line
        self._is_resumed = False  # events may be missing before the next one
        self._began_ns: int | None = None

    def data(self, data: bytes, time_ns: int) -> None:
        """Takes the next bytes of the stream."""
        for line, length, began_ns in self._lines.split(data, time_ns):
            if self._is_first:
                self._is_first = False
                if line.startswith(BYTE_ORDER_MARK):
                    line, length = line[3:], length - 3  # noqa: PLW2901  # the mark is not part of it
            if not length:
                self._dispatch()
            elif not self._is_seeking:
                if self._began_ns is None:
                    self._began_ns = began_ns
                self._take(line, length)

    def missing(self, problem: Problem) -> None:
        """Drops the present event, because bytes of it are missing. The next one begins after an empty line."""
        self._lines.skip()
        self._forget()
        self._id = None
        self._is_first = self._counts = False
        self._number = 0
        self._is_seeking = self._is_resumed = True

    def end(self, is_whole: bool) -> None:
        """Drops an event without the empty line after it, as the standard does."""
        self._forget()

    def _take(self, line: bytes, length: int) -> None:
        """Takes a line that is not empty. length: its bytes, of which the last may not have been kept."""
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        is_cut = length > len(line)
        if name == b"data":
            if self._has_data:
                self._data.add(b"\n")
            self._has_data = True
            self._data.add(value)
            if is_cut:
                self._data.leave_out(length - len(line))
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = None if is_cut else value.decode("utf-8", "replace")

    def _dispatch(self) -> None:
        """Ends the present event at an empty line. Without data it is no event."""
        if self._has_data:
            length = self._data.length
            is_cut = self._data.is_cut
            message = StreamMessage(
                self._connection,
                PROTOCOL,
                self._end,
                self._name or UNNAMED,
                self._began_ns or 0,
                self._data.body(length),
                self._exchange,
            )
            message.event_id = self._id
            if is_cut:
                message.add_problem(Problem.BODY_LIMIT)
            if self._is_resumed:
                message.add_problem(Problem.RESYNCHRONISED)
                self._is_resumed = False
            if self._counts:
                self._number += 1
            message.number = self._number
            self._context.take(message)
        self._forget()
        self._is_seeking = False

    def _forget(self) -> None:
        self._data.clear()
        self._has_data = False
        self._name = ""
        self._began_ns = None
