"""Reads the frames of one direction, and passes on each message when its last byte has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.body import NO_BODY, Body
from sockfilter.model.policy import BodyPolicy
from sockfilter.model.problem import Problem
from sockfilter.model.stream_message import Close, StreamMessage
from sockfilter.protocols.announcing import Announcing
from sockfilter.protocols.decoders import CodingError
from sockfilter.protocols.websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    CONTROL,
    CONTROL_BYTES_MAX,
    FIN,
    LENGTH,
    LENGTH_16,
    LENGTH_64,
    MASK_BYTES,
    MASKED,
    PING,
    PONG,
    RSV,
    RSV1,
    TEXT,
    MessageFrameHead,
    head_at,
    kind_of,
    unmask,
)
from sockfilter.protocols.websocket.inflating import Inflating
from sockfilter.protocols.websocket.message import MessageContent
from sockfilter.protocols.websocket.seeking import FrameSeeking, is_allowed, is_proper

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model.connection import Connection
    from sockfilter.model.exchange import Exchange
    from sockfilter.protocols.interface import Context
    from sockfilter.protocols.websocket.extensions import Extensions

PROTOCOL = "websocket"
# bytes of a close's code (RFC 6455, 5.5.1)
CODE_BYTES = 2
# a control message is kept whole until its end, because a close has its code in it
CONTROL_POLICY = BodyPolicy(CONTROL_BYTES_MAX)
# The first bytes of frames that are whole messages of which the payload is the content, and the names of the messages.
WHOLE = {FIN | TEXT: "text", FIN | BINARY: "binary", FIN | PING: "ping", FIN | PONG: "pong"}
WHOLE_OR_DEFLATED = {**WHOLE, FIN | RSV1 | TEXT: "text", FIN | RSV1 | BINARY: "binary"}
DATA_KINDS = frozenset(("text", "binary"))
# Bytes of a compressed message that is inflated at once: to 4 MB at most, as deflate's ratio is at most 1032.
SHORT_BYTES_MAX = 4096
# bodies of which nothing is kept, by their length, and the number that are cached: 100 KB
EMPTY_MAX = 1024
_empty: dict[int, Body] = {}


class FrameReceiver(Announcing):
    """Takes the bytes of one direction.

    Args:
        end: the end that sends them.
        connection: the connection.
        exchange: the exchange that opened the WebSocket; None if not known.
        extensions: the extensions of the connection.
        context: takes the messages, and says what to keep of them.
        announce: tells the source how many of the next bytes are not needed.
    """

    __slots__ = (
        "_connection",
        "_content",
        "_context",
        "_end",
        "_exchange",
        "_extensions",
        "_frame",
        "_frame_at",
        "_inflating",
        "_is_bad",
        "_is_masked",
        "_is_resumed",
        "_limit",
        "_may_continue",
        "_message",
        "_rest",
        "_rest_ns",
        "_seeking",
        "_take",
        "_whole",
    )

    def __init__(
        self,
        end: int,
        connection: Connection,
        exchange: Exchange | None,
        extensions: Extensions,
        context: Context,
        announce: Callable[[int], None],
    ) -> None:
        super().__init__(announce)
        self._end = end
        self._connection = connection
        self._exchange = exchange
        self._extensions = extensions
        self._context = context
        self._take, self._limit = context.take, context.policy.limit
        client = connection.client_end
        self._is_masked = None if client is None else end == client
        keeps_window = extensions.keeps_window[end if client is None or not client else 1 - end]
        self._inflating = Inflating(keeps_window) if extensions.deflates else None
        self._whole = WHOLE if self._inflating is None else WHOLE_OR_DEFLATED
        self._message: MessageContent | None = None  # the data message that has begun
        self._frame: MessageFrameHead | None = None  # the frame that has begun
        self._frame_at = 0  # bytes of its payload so far
        self._content: MessageContent | None = None  # the message of that frame
        self._rest = b""  # part of a head
        self._rest_ns = 0
        self._is_bad = False  # the last frame was not possible
        self._seeking: FrameSeeking | None = None  # looks for frames after a gap
        self._is_resumed = False  # messages may be missing before the next one
        self._may_continue = False  # the next data frame may continue a message whose beginning was missed

    @property
    def is_between(self) -> bool:
        """Whether the next byte begins a message."""
        return not self._rest and self._frame is None and self._message is None and self._seeking is None

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        contents = {self._message, self._content}
        parts = (self._inflating, self._seeking, *contents)
        return len(self._rest) + sum(part.weight for part in parts if part is not None)

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes."""
        began_ns = time_ns
        if self._seeking is not None:
            found = self._seeking.take(data, time_ns)
            if found is None:
                return
            data, began_ns = found.data, found.time_ns
            self._leave_unread(found.passed)
            self._seeking = None
        elif self._rest:
            data, began_ns, self._rest = self._rest + data, self._rest_ns, b""
        offset, size = 0, len(data)
        while offset < size:
            if self._frame is not None:
                offset = self._read_payload(data, offset)
                continue
            end = self._read_whole(data, offset, size, began_ns)
            if not end:
                head = head_at(data, offset)
                if head is None:
                    self._rest, self._rest_ns = data[offset:], began_ns
                    break
                end = offset + head.size
                if not self._begin(head, began_ns):
                    self._seek(data[offset:], time_ns)
                    break
            offset = end
            began_ns = time_ns
        if self.ignoring or self._announced or self._frame is not None:
            self._update_ignoring()

    def skip(self, size: int, time_ns: int) -> None:
        """Counts bytes that passed and are not needed; they are of the payload."""
        if self._frame is not None:
            self._pass_over(size, None)
        self._update_ignoring()

    def repeat(self, seq: int) -> None:
        """Ignores a retransmission."""

    def missing(self, size: int, problem: Problem) -> int:
        """Notes missing bytes. A frame continues after them if its payload reaches further.

        Returns how many of them were needed.
        """
        needed = size
        if self._frame is not None and self._content is not None:
            of_frame = min(size, self._frame.length - self._frame_at)
            is_wanted = self._content.wants
            if not is_wanted:
                needed -= of_frame
            # bytes that were seen and are not wanted are no loss
            self._pass_over(of_frame, problem if is_wanted or problem is not Problem.TRUNCATED else None)
            size -= of_frame
        if size:
            self._lose()
        self._update_ignoring()
        return needed

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow. A message without an end is not told."""
        self._drop()
        if self._seeking is not None:
            self._leave_unread(self._seeking.drop())
        self._update_ignoring()

    def _read_whole(self, data: bytes, offset: int, size: int, began_ns: int) -> int:
        """Reads the frame at an offset if it is the usual one: a whole message that has come whole, and is not large.

        Returns the offset behind it; 0 if it is another.
        """
        kind = self._whole.get(data[offset])
        if kind is None or offset + 4 > size or (self._message is not None and data[offset] & CONTROL == 0):
            return 0
        second = data[offset + 1]
        length, start = second & LENGTH, offset + 2
        if length >= LENGTH_16:
            if length == LENGTH_64 or data[offset] & CONTROL:
                return 0
            length, start = data[start] << 8 | data[start + 1], start + 2
            if length < LENGTH_16:
                return 0
        is_masked = second & MASKED != 0
        if is_masked is not self._is_masked:
            return 0
        end = start + length + (MASK_BYTES if is_masked else 0)
        if end > size:
            return 0
        if is_masked:
            payload = unmask(data[start + MASK_BYTES : end], data[start : start + MASK_BYTES])
        else:
            payload = data[start:end]
        if data[offset] & RSV1:
            return end if length <= SHORT_BYTES_MAX and self._inflate(kind, payload, began_ns) else 0
        if kind == "text" and not payload.isascii():
            try:
                payload.decode()
            except UnicodeDecodeError:
                return 0
        limit = self._limit
        if limit:
            body = Body(length, length, payload if length <= limit else payload[:limit])
        else:
            body = _empty.get(length, NO_BODY)
            if body is NO_BODY:
                body = _keep_empty(length)
        message = StreamMessage(self._connection, PROTOCOL, self._end, kind, began_ns, body, self._exchange)
        message.frames = 1
        message.compressed = False
        if self._is_resumed:
            self._note_resumed(message)
        self._is_bad = False
        self._take(message)
        return end

    def _inflate(self, kind: str, payload: bytes, began_ns: int) -> bool:
        """Passes on a short compressed message. Returns False, with nothing changed, if its window is not known."""
        inflating = self._inflating
        if inflating is None or inflating.is_lost:
            return False
        problem = None
        try:
            content = inflating.whole(payload)
            body = Body(len(payload), len(content), content if len(content) <= self._limit else content[: self._limit])
            if kind == "text" and not content.isascii():
                content.decode()
        except CodingError:
            inflating.lose()
            problem, body = Problem.BAD_FRAME, Body(len(payload), None, b"")
        except UnicodeDecodeError:
            problem = Problem.BAD_FRAME
        message = StreamMessage(self._connection, PROTOCOL, self._end, kind, began_ns, body, self._exchange)
        message.frames, message.compressed = 1, True
        if problem is not None:
            message.problems = (problem,)
        if self._is_resumed:
            self._note_resumed(message)
        self._is_bad = False
        self._take(message)
        return True

    def _begin(self, head: MessageFrameHead, began_ns: int) -> bool:
        """Begins a frame. Returns False if it cannot be one, and the last could not either."""
        is_possible = is_allowed(head, self._extensions)
        if not is_possible and (self._is_bad or head.length >> 63):
            return False
        self._is_bad = not is_possible
        if not is_possible or head.opcode >= CONTROL:
            content = self._new(head.opcode, began_ns, None)
        else:
            content = self._of_message(head, began_ns)
        if not is_possible or not is_proper(head, self._is_masked):
            content.note(Problem.BAD_FRAME)
        self._frame, self._frame_at, self._content = head, 0, content
        if not head.length:
            self._end_frame()
        return True

    def _of_message(self, head: MessageFrameHead, began_ns: int) -> MessageContent:
        """The data message of a frame: the one that has begun, or a new one."""
        message = self._message
        if head.opcode == CONTINUATION and message is not None:
            message.frames += 1
            return message
        if message is not None:  # its last frame does not come
            self._leave_unread(message.wire_len)
            message.give_up()
        is_compressed = head.first & RSV1 != 0 and self._inflating is not None
        made = self._message = self._new(head.opcode, began_ns, self._inflating if is_compressed else None)
        if head.opcode != CONTINUATION:
            self._may_continue = False
        if message is not None or (head.opcode == CONTINUATION and not self._may_continue):
            made.note(Problem.BAD_FRAME)
        if head.first & RSV & ~(RSV1 if is_compressed else 0):
            made.note(Problem.UNKNOWN_CODING)
            made.leave_as_sent()
        return made

    def _new(self, opcode: int, began_ns: int, inflating: Inflating | None) -> MessageContent:
        context = self._context
        policy = CONTROL_POLICY if opcode >= CONTROL else context.policy
        return MessageContent(opcode, began_ns, inflating, policy, context.budget)

    def _read_payload(self, data: bytes, offset: int) -> int:
        """Reads bytes of the payload. Returns the offset behind them."""
        frame, content = self._frame, self._content
        assert frame is not None  # checked by the caller
        assert content is not None  # set with it
        end = min(len(data), offset + frame.length - self._frame_at)
        if content.wants:
            content.add(unmask(data[offset:end], frame.mask, self._frame_at))
        else:
            content.skip(end - offset, None)
        self._frame_at += end - offset
        if self._frame_at == frame.length:
            self._end_frame()
        return end

    def _pass_over(self, size: int, problem: Problem | None) -> None:
        """Counts bytes of the payload that do not come."""
        frame, content = self._frame, self._content
        assert frame is not None  # checked by the callers
        assert content is not None  # set with it
        content.skip(size, problem)
        self._frame_at += size
        if self._frame_at == frame.length:
            self._end_frame()

    def _end_frame(self) -> None:
        frame, content = self._frame, self._content
        assert frame is not None  # called at its end
        assert content is not None
        self._frame = self._content = None
        if content is self._message:
            if not frame.is_final:
                return
            self._message = None
            if content.opcode == CONTINUATION and self._may_continue:
                self._may_continue = False
                self._leave_unread(content.wire_len)  # the end of a message whose beginning was missed
                return
        self._tell(content)

    def _tell(self, content: MessageContent) -> None:
        body = content.end()
        limit = self._limit
        shown = body if len(body) <= limit else Body(body.wire_len, body.length, body[:limit])
        message = StreamMessage(
            self._connection, PROTOCOL, self._end, kind_of(content.opcode), content.began_ns, shown, self._exchange
        )
        message.frames = content.frames
        message.compressed = content.is_compressed
        if content.opcode == CLOSE:
            message.close = _close(body, content)
        message.problems = tuple(content.problems)
        if self._is_resumed:
            self._note_resumed(message)
        self._take(message)

    def _note_resumed(self, message: StreamMessage) -> None:
        self._is_resumed = False
        # a control message may stand between the frames of a message whose beginning was missed
        self._may_continue = self._may_continue and message.kind not in DATA_KINDS
        message.add_problem(Problem.RESYNCHRONISED)

    def _lose(self) -> None:
        """Notes that the meaning of the next bytes is unknown."""
        self._drop()
        if self._inflating is not None:
            self._inflating.lose()
        if self._seeking is None:
            self._seeking = FrameSeeking(self._extensions, self._is_masked)
        self._leave_unread(self._seeking.drop())
        self._is_resumed = self._may_continue = True

    def _seek(self, data: bytes, time_ns: int) -> None:
        """Looks for frames, because what came is none."""
        self._lose()
        assert self._seeking is not None  # set by _lose()
        self._seeking.take(data, time_ns)

    def _drop(self) -> None:
        """Drops the message that has begun."""
        for content in {self._message, self._content}:
            if content is not None:
                self._leave_unread(content.wire_len)
                content.give_up()
        self._leave_unread(len(self._rest))
        self._message = self._content = self._frame = None
        self._rest = b""
        self._is_bad = False

    def _leave_unread(self, size: int) -> None:
        self._context.counts.unread_bytes += size

    def _update_ignoring(self) -> None:
        is_wanted = self._frame is None or self._content is None or self._content.wants
        self._ignore_next(0 if is_wanted or self._frame is None else self._frame.length - self._frame_at)


def _keep_empty(length: int) -> Body:
    """A body of which nothing is kept. Many messages have the same length."""
    body = Body(length, length, b"")
    if len(_empty) < EMPTY_MAX:
        _empty[length] = body
    return body


def _close(body: Body, content: MessageContent) -> Close:
    """The code and the reason of a close (RFC 6455, 5.5.1)."""
    if len(body) < CODE_BYTES:
        if len(body) == body.length == 1:
            content.note(Problem.BAD_FRAME)
        return Close(None, "" if len(body) == body.length else None)
    code = int.from_bytes(body[:CODE_BYTES], "big")
    if len(body) != body.length:  # bytes are missing
        return Close(code, None)
    try:
        reason = body[CODE_BYTES:].decode()
    except UnicodeDecodeError:
        content.note(Problem.BAD_FRAME)
        reason = body[CODE_BYTES:].decode("utf-8", "replace")
    return Close(code, reason)
