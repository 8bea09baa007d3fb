"""The conversation of AMQP 0-9-1: a connection of a client and a broker, with its channels."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sockfilter.model.budget import MESSAGE_BYTES
from sockfilter.model.problem import Problem
from sockfilter.model.stream_message import StreamMessage
from sockfilter.protocols.amqp.methods import METHODS, read_arguments, read_properties, read_size
from sockfilter.protocols.body import BodyKeeper
from sockfilter.protocols.cursor import Cursor, Malformed
from sockfilter.protocols.reading import MessageConversation, Reader

if TYPE_CHECKING:
    from sockfilter.protocols.amqp.methods import Fields
    from sockfilter.protocols.interface import Context, Handover, Transport

# 4.2.2: with this, a client begins; a broker sends it if it refuses the client's version
PROTOCOL_HEADER = b"AMQP"
PROTOCOL_HEADER_BYTES = 8
# 4.2.3: type, channel, size; and the octet after the payload
FRAME_HEAD_BYTES = 7
FRAME_END = 0xCE
METHOD, HEADER, BODY = 1, 2, 3
# with heartbeats, which say nothing else
FRAMES = frozenset((METHOD, HEADER, BODY, 8))
# Bytes of a frame with a method or a content header. Frames of content have any size: 128 KiB unless agreed otherwise.
FRAME_BYTES_MAX = 256 << 10
# Contents of one direction that are under way at a time, each on a channel: as many as RabbitMQ allows channels.
CHANNELS_MAX = 2047
# measured: bytes of memory that fields take for each byte that they have in a frame
FIELDS_WEIGHT = 20
# after lost bytes, so many frames in a row show where frames begin
CONSISTENT_FRAMES = 3
# the end of a frame, before the first octet of the next one
FRAME_START = re.compile(rb"\xce(?=[\x01\x02\x03\x08]..)", re.DOTALL)


class Content:
    """A method whose content is under way.

    Attributes:
        message: the method's message.
        left: bytes of the content that are still to come; None before the content header.
        keeper: keeps them.
        head_bytes: bytes of the frames of its method and its content header.
    """

    __slots__ = ("head_bytes", "keeper", "left", "message")

    def __init__(self, message: StreamMessage, head_bytes: int) -> None:
        self.message = message
        self.head_bytes = head_bytes
        self.left: int | None = None
        self.keeper: BodyKeeper | None = None

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        kept = 0 if self.keeper is None else self.keeper.weight
        return MESSAGE_BYTES + FIELDS_WEIGHT * self.head_bytes + kept


class AmqpReader(Reader):
    """Reads the frames of one end."""

    __slots__ = ("_content", "_contents", "_frame_bytes", "_frame_channel", "_has_begun", "_is_at_end")

    def __init__(self, transport: Transport, context: Context, end: int) -> None:
        super().__init__(transport, context, end)
        self._contents: dict[int, Content] = {}  # by channel
        self._content: Content | None = None  # to which the frame that is being read belongs
        self._frame_bytes = self._frame_channel = 0
        self._has_begun = False
        self._is_at_end = False  # the next octet ends a frame

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        return len(self._buffer) + sum(content.weight for content in self._contents.values())

    @property
    def is_idle(self) -> bool:
        """Whether the next byte begins a frame, and no content is under way."""
        return super().is_idle and not self._contents and not self._is_at_end

    def _read(self, data: bytes, at: int) -> int:
        if self._is_at_end:
            self._is_at_end = False
            return 1 if data[at] == FRAME_END else self._stop(data, at)
        if not self._has_begun and data[at : at + 4] == PROTOCOL_HEADER[: len(data) - at]:
            return self._read_protocol_header(data, at)
        if len(data) - at < FRAME_HEAD_BYTES:
            return self._await(FRAME_HEAD_BYTES)
        self._has_begun = True
        kind, channel = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
        size = int.from_bytes(data[at + 3 : at + 7], "big")
        if kind not in FRAMES:
            return self._stop(data, at)
        if kind == BODY or size > FRAME_BYTES_MAX:
            return self._begin_frame(kind, channel, size)
        end = at + FRAME_HEAD_BYTES + size
        if end >= len(data):
            return self._await(end + 1 - at)
        if data[end] != FRAME_END:
            return self._stop(data, at)
        cursor = Cursor(data, at + FRAME_HEAD_BYTES, end)
        if kind == METHOD:
            self._read_method(channel, cursor)
        elif kind == HEADER:
            self._read_header(channel, cursor)
        return end + 1 - at

    def _read_protocol_header(self, data: bytes, at: int) -> int:
        if len(data) - at < PROTOCOL_HEADER_BYTES:
            return self._await(PROTOCOL_HEADER_BYTES)
        self._has_begun = True
        if self._transport.model.client_end is None:
            self._transport.model.client_end = self._end
        return PROTOCOL_HEADER_BYTES

    def _stop(self, data: bytes, at: int) -> int:
        """Stops reading frames, because these bytes are none."""
        self._give_up(Problem.BAD_FRAME)
        self._lose(Problem.BAD_FRAME)
        return self._pass_by(len(data) - at)

    def _read_method(self, channel: int, cursor: Cursor) -> None:
        if cursor.left < 4:
            self._context.counts.unread_bytes += cursor.left
            return
        start = cursor.at
        class_id, method_id = cursor.number(2), cursor.number(2)
        method = METHODS.get((class_id, method_id))
        name = f"{class_id}.{method_id}" if method is None else method.name
        message = StreamMessage(self._transport.model, "amqp", self._end, name, self._start_ns)
        message.channel = channel
        fields: Fields = {}
        message.fields = fields
        try:
            if method is None:
                raise Malformed
            read_arguments(method, cursor, fields)
        except Malformed:
            message.add_problem(Problem.BAD_FRAME)
        self._break_off(channel, Problem.CLOSED if name.startswith("channel.close") else Problem.BAD_FRAME)
        if method is None or not method.has_content:
            self._emit(message)
            return
        if len(self._contents) >= CHANNELS_MAX:
            self._break_off(next(iter(self._contents)), Problem.EVICTED)
        self._contents[channel] = Content(message, cursor.end - start)

    def _read_header(self, channel: int, cursor: Cursor) -> None:
        content = self._contents.get(channel)
        if content is None or content.left is not None:  # its method is missing
            self._break_off(channel, Problem.BAD_FRAME)
            self._context.counts.unread_bytes += cursor.left
            return
        content.head_bytes += cursor.left
        fields: Fields = dict(content.message.fields)
        try:
            content.left = read_size(cursor)
            content.keeper = BodyKeeper(content.message, (), self._context.policy, self._context.budget)
            read_properties(cursor, fields)
        except Malformed:
            content.message.add_problem(Problem.BAD_FRAME)
        content.message.fields = fields
        if not content.left:
            self._complete(channel)

    def _begin_frame(self, kind: int, channel: int, size: int) -> int:
        """Begins a frame of content, or one that is too long to be read. One octet after its payload ends it."""
        content = self._contents.get(channel) if kind == BODY else None
        if content is None or content.left is None:
            self._break_off(channel, Problem.BAD_FRAME if kind == BODY else Problem.HEAD_TOO_LONG)
            self._context.counts.unread_bytes += size
        else:
            self._content, self._message, self._keeper = content, content.message, content.keeper
        self._frame_channel, self._frame_bytes = channel, size
        self._remaining = size
        if not size:
            self._end_content()
        return FRAME_HEAD_BYTES

    def _end_content(self) -> None:
        """Notes that the payload of a frame has ended."""
        content = self._content
        self._content = self._message = self._keeper = None
        self._is_at_end = True
        if content is None:
            return
        assert content.left is not None  # it has a header
        content.left -= self._frame_bytes
        if content.left < 0:
            content.message.add_problem(Problem.BAD_FRAME)
        if content.left <= 0:
            self._complete(self._frame_channel)

    def _complete(self, channel: int) -> None:
        content = self._contents.pop(channel)
        if content.keeper is not None:
            content.message.body = content.keeper.body(complete=True)
        self._emit(content.message)

    def _break_off(self, channel: int, problem: Problem) -> None:
        """Reports a method whose content has not come, if there is one on a channel."""
        content = self._contents.pop(channel, None)
        if content is not None:
            content.message.add_problem(problem)
            if content.keeper is not None:
                content.message.body = content.keeper.body(complete=False)
            self._emit(content.message)

    def _give_up(self, problem: Problem) -> None:
        self._content = self._message = self._keeper = None
        super()._give_up(problem)
        for channel in tuple(self._contents):
            self._break_off(channel, problem)

    def _lose(self, problem: Problem) -> None:
        super()._lose(problem)
        self._is_at_end = False
        self._has_begun = True

    def _seek(self, data: bytes, at: int) -> int:
        """Begins again where frames follow one another: where a segment begins, or after the end of a frame."""
        if self._are_frames(data, at):
            self._resume()
            return self._read(data, at)
        for found in FRAME_START.finditer(data, at):
            if self._are_frames(data, found.end()):
                self._resume()
                return self._pass_by(found.end() - at)
        return self._pass_by(len(data) - at)

    def _are_frames(self, data: bytes, at: int) -> bool:
        """Whether several frames follow one another, or frames that end where the segment ends."""
        for _ in range(CONSISTENT_FRAMES):
            end = at + FRAME_HEAD_BYTES + int.from_bytes(data[at + 3 : at + 7], "big")
            if end >= len(data) or data[at] not in FRAMES or data[end] != FRAME_END:
                return False
            number = int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 9 : at + 11], "big")
            if data[at] == METHOD and number not in METHODS:
                return False
            at = end + 1
            if at == len(data):
                return True
        return True


class AmqpConversation(MessageConversation):
    """Both directions of a connection of AMQP.

    Args:
        transport: the connection.
        context: what it needs from its capture.
        before: what was read on the connection before, in another protocol; None if nothing.
    """

    __slots__ = ()

    def __init__(self, transport: Transport, context: Context, before: Handover | None = None) -> None:
        super().__init__(before, (AmqpReader(transport, context, 0), AmqpReader(transport, context, 1)))
