"""Reads one direction of a connection: frames, header blocks, and where frames begin again after a gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sockfilter.model.problem import Problem
from sockfilter.model.sequence import MASK
from sockfilter.protocols.http2 import frames
from sockfilter.protocols.http2.frames import (
    DATA,
    FRAME_BYTES_USUAL,
    FRAME_HEAD_BYTES,
    STREAM,
    UNPACK_HEAD,
    FrameHead,
    head_at,
    is_sound,
)
from sockfilter.protocols.http2.hpack import HpackDecoder
from sockfilter.protocols.http2.seeking import FrameSeeker, Span

if TYPE_CHECKING:
    from sockfilter.ledger import MessageCounts
    from sockfilter.model.flow import LeftOut
    from sockfilter.protocols.http2.messages import StreamMessages

# Bytes of a header block before it is decoded. Servers accept 8 to 64 KiB.
BLOCK_BYTES_MAX = 256 << 10
# CONTINUATION frames of one header block; a frame may be empty
CONTINUATIONS_MAX = 1_024
# kinds of frames with fragments of header blocks
HEADS = frozenset((frames.HEADERS, frames.PUSH_PROMISE, frames.CONTINUATION))
# bytes of PUSH_PROMISE before its header block, of the priority in HEADERS, and of the length of padding
PROMISE_BYTES, PRIORITY_BYTES, PAD_BYTES = 4, 5, 1


class BothDirections(Protocol):
    """What the receivers of both directions share.

    Attributes:
        messages: takes the parts of messages.
        counts: the counters of messages.
    """

    messages: StreamMessages
    counts: MessageCounts

    def take_settings(self, end: int, settings: dict[int, int]) -> None:
        """Takes the SETTINGS of an end."""


class HeaderBlock:
    """A header block whose fragments are coming.

    Attributes:
        stream: the stream of the first frame.
        promised: the promised stream; 0 if the first frame is HEADERS.
        is_last: the first frame has END_STREAM.
        start_ns, seq, ack: of the first byte of the first frame.
        fragments: the fragments so far.
        size: bytes of them; none are added once it is too long.
        continuations: how many CONTINUATION frames there were.
    """

    __slots__ = ("ack", "continuations", "fragments", "is_last", "promised", "seq", "size", "start_ns", "stream")

    def __init__(self, stream: int, promised: int, is_last: bool, start_ns: int, seq: int, ack: int) -> None:
        self.stream = stream
        self.promised = promised
        self.is_last = is_last
        self.start_ns, self.seq, self.ack = start_ns, seq, ack
        self.fragments: list[bytes] = []
        self.size = self.continuations = 0

    @property
    def is_too_long(self) -> bool:
        """Whether it is longer than a limit."""
        return self.size > BLOCK_BYTES_MAX or self.continuations > CONTINUATIONS_MAX


class Http2Receiver:
    """Reads the frames that one end sends.

    Args:
        shared: what both directions share.
        end: the end.
        is_whole: whether the first byte that it takes begins a frame, and no header block was before it. Otherwise the
            first bytes decide.

    Attributes:
        ignoring: 0: it needs all bytes, as the next frame may begin anywhere.
    """

    __slots__ = (
        "_ack",
        "_begins_anywhere",
        "_block",
        "_content_left",
        "_data_ends",
        "_data_stream",
        "_end",
        "_have",
        "_is_at_start",
        "_needed",
        "_now",
        "_pad_left",
        "_parts",
        "_seeker",
        "_seq",
        "_shared",
        "_start_ns",
        "frame_bytes_max",
        "hpack",
        "ignoring",
    )

    def __init__(self, shared: BothDirections, end: int, is_whole: bool) -> None:
        self._shared = shared
        self._end = end
        self.hpack = HpackDecoder(is_whole)
        self.ignoring = 0
        self.frame_bytes_max = FRAME_BYTES_USUAL
        self._is_at_start = is_whole
        self._parts: list[bytes] = []  # bytes of a frame that is not whole
        self._have = self._needed = 0  # bytes in _parts, and how many are needed to go on
        self._content_left = self._pad_left = 0  # of the DATA frame, or of a frame that is passed over
        self._data_stream = 0  # the stream of the DATA frame; 0 if a frame is passed over
        self._data_ends = False  # the DATA frame has END_STREAM
        self._block: HeaderBlock | None = None
        self._begins_anywhere = not is_whole
        self._seeker: FrameSeeker | None = None
        self._now = self._start_ns = self._seq = self._ack = 0

    @property
    def weight(self) -> int:
        """Bytes of memory that are kept."""
        block = 0 if self._block is None else self._block.size
        seeker = 0 if self._seeker is None else self._seeker.weight
        return self._have + block + seeker + self.hpack.weight

    @property
    def is_between(self) -> bool:
        """Whether the next byte begins a frame."""
        return not (self._have or self._content_left or self._pad_left or self._seeker or self._block)

    @property
    def has_begun(self) -> bool:
        """Whether its first bytes have been read."""
        return not (self._is_at_start or self._begins_anywhere)

    def resume(self, content_left: int, data_stream: int, data_ends: bool) -> None:
        """Continues after frames that were read elsewhere.

        Args:
            content_left: bytes of the present DATA frame that are still to come.
            data_stream: its stream.
            data_ends: whether it has END_STREAM.
        """
        self._content_left, self._data_stream, self._data_ends = content_left, data_stream, data_ends

    def note_time(self, now_ns: int) -> None:
        """Notes when the last bytes passed, in the source's clock."""
        self._now = now_ns

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        """Takes the next bytes."""
        rest: Span | None
        if not self._needed and self._seeker is None and not self._begins_anywhere:
            self._now = self._start_ns = time_ns
            self._seq, self._ack = seq, ack
            rest = self._read(data, time_ns, ack)
            if rest is None:
                return
        else:
            if self._begins_anywhere:
                self._begin(data)
            rest = Span(data, time_ns, seq, ack)
        self._take_all([rest])

    def _take_all(self, pending: list[Span]) -> None:
        """Takes spans, and those that are left of them. The last one comes first."""
        while pending:
            span = pending.pop()
            if self._seeker is not None:
                pending += reversed(self._seek(span))
            else:
                rest = self._take(*span)
                if rest is not None:
                    pending.append(rest)

    def _begin(self, data: bytes) -> None:
        """Looks at the first bytes: whether they are the first of the direction."""
        self._begins_anywhere = False
        begins = frames.PREFACE.startswith(data[: len(frames.PREFACE)])
        if not begins and len(data) >= FRAME_HEAD_BYTES:
            head = head_at(data, 0)
            begins = head.kind == frames.SETTINGS and not head.flags and is_sound(head)
        if begins:
            self.hpack = HpackDecoder(True)
            self._is_at_start = True
        else:
            self._seeker = FrameSeeker(self.frame_bytes_max)

    def _take(self, data: bytes, time_ns: int, seq: int, ack: int) -> Span | None:
        """Takes bytes. Returns those after a place from which on they have no meaning."""
        self._now = time_ns
        if self._needed:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._needed:
                return None
            data = b"".join(self._parts)
            self._parts.clear()
            self._have = self._needed = 0
        else:
            self._start_ns, self._seq, self._ack = time_ns, seq, ack
        return self._read(data, time_ns, ack)

    def skip(self, size: int, time_ns: int) -> None:
        """Takes no bytes: it needs all of them, and ignores none."""

    def pass_over(self, left_out: LeftOut) -> int:
        """Takes the size of content that was left out. Returns how many bytes of it were needed.

        It says where frames begin, so that they are known again if they were not.
        """
        content = left_out.size - left_out.heads * FRAME_HEAD_BYTES
        if not self._continues_with(left_out, content):
            self._lose(Problem.GAP)
        if self._seeker is not None:
            self._shared.messages.pairing.pass_by(self._seeker.waiting, is_opaque=False)
            self._seeker = None
        self._begins_anywhere = False
        self._now = left_out.time_ns
        self._shared.counts.frames["data"] += left_out.heads
        self._data_stream, self._data_ends, self._content_left = left_out.stream, False, left_out.ahead
        return self._shared.messages.miss(self._end, left_out.stream, max(0, content), Problem.TRUNCATED)

    def _continues_with(self, left_out: LeftOut, content: int) -> bool:
        """Whether bytes that were left out fit behind what has been read."""
        if self._needed or self._pad_left or self._block or self._is_at_start or self._seeker or self._begins_anywhere:
            return False
        if self._content_left and self._data_stream != left_out.stream:
            return False
        return content >= self._content_left if left_out.heads else self._content_left - content == left_out.ahead

    def repeat(self, seq: int) -> None:
        """Notes a retransmission. It delays all streams."""
        self._shared.messages.pairing.repeat()

    def missing(self, size: int, problem: Problem) -> int:
        """Notes missing bytes. Returns how many were needed."""
        if self._seeker is None:
            if size <= self._content_left + self._pad_left:
                return self._miss_content(size, problem)
            if self._needed > FRAME_HEAD_BYTES and size <= self._needed - self._have:
                self._miss_frame(size)
                return size
        self._begins_anywhere = False
        self._lose(problem)
        return size

    def end(self, problem: Problem) -> None:
        """Notes that no more bytes follow."""
        self._drop()
        if self._seeker is not None:
            self._shared.messages.pairing.pass_by(self._seeker.waiting, is_opaque=False)
            self._seeker = None
        self._shared.messages.cut(self._end, self._now, problem)

    def _read(self, data: bytes, time_ns: int, ack: int) -> Span | None:
        """Reads frames. The first began at _start_ns, _seq and _ack; the others came now."""
        offset, size, seq = 0, len(data), self._seq
        while offset < size:
            end = self._read_usual(data, offset) if size - offset > FRAME_HEAD_BYTES else 0
            if end:
                offset = end
            elif self._content_left or self._pad_left:
                offset = self._read_content(data, offset)
            else:
                taken = self._read_frame(data, offset)
                if taken < 0:  # more bytes are needed
                    rest = data[offset:]
                    self._parts.append(rest)
                    self._have = len(rest)
                    self._seq = (seq + offset) & MASK
                    return None
                if self._seeker is not None:
                    # what was lost is at least one byte: the search must not find the same head again
                    self._shared.messages.pairing.pass_by(1, is_opaque=False)
                    return Span(data[offset + 1 :], time_ns, (seq + offset + 1) & MASK, ack)
                offset = taken
            self._start_ns, self._seq, self._ack = time_ns, (seq + offset) & MASK, ack
        return None

    def _read_usual(self, data: bytes, offset: int) -> int:
        """Reads a frame if it is whole and usual: a header block without continuations, or content without padding.

        Returns the offset behind it, or 0.
        """
        if self._content_left or self._pad_left or self._block is not None or self._is_at_start:
            return 0
        high, low, kind, flags, stream = UNPACK_HEAD(data, offset)
        begin = offset + FRAME_HEAD_BYTES
        end = begin + (high << 8 | low)
        if end > len(data) or not stream & STREAM or end - begin > FRAME_BYTES_USUAL:
            return 0
        shared = self._shared
        if kind == DATA and not flags & ~frames.END_STREAM:
            shared.counts.frames["data"] += 1
            if flags:
                shared.messages.whole(self._end, stream & STREAM, data[begin:end], self._now)
            else:
                shared.messages.data(self._end, stream & STREAM, data[begin:end], self._now)
            return end
        if kind != frames.HEADERS or flags & ~frames.END_STREAM != frames.END_HEADERS:
            return 0
        counts = shared.counts
        counts.frames["headers"] += 1
        counts.header_blocks += 1
        block = self.hpack.decode(data[begin:end])
        place = (self._seq, self._ack, stream & STREAM)
        is_last = bool(flags & frames.END_STREAM)
        shared.messages.head(self._end, stream & STREAM, block, place, self._start_ns, self._now, is_last)
        return end

    def _read_frame(self, data: bytes, offset: int) -> int:
        """Reads a frame, or the beginning of DATA. Returns the offset behind what it has read; -1: it needs more."""
        available = len(data) - offset
        if self._is_at_start:
            return self._read_preface(data, offset)
        if available < FRAME_HEAD_BYTES:
            self._needed = FRAME_HEAD_BYTES
            return -1
        head = head_at(data, offset)
        if self._block is not None and head.kind != frames.CONTINUATION:  # RFC 9113, 4.3
            self._break_block()
        if head.kind == DATA and head.stream:
            return self._begin_data(data, offset, head)
        if not is_sound(head):
            self._lose(Problem.BAD_FRAME)
            return offset
        if head.size > BLOCK_BYTES_MAX or head.kind not in HANDLERS:
            return self._pass_frame(offset, head)
        whole = FRAME_HEAD_BYTES + head.size
        if available < whole:
            self._needed = whole
            return -1
        self._count(head.kind)
        if head.kind == frames.CONTINUATION and self._block is None:
            self._break_block()
        HANDLERS[head.kind](self, head, data[offset + FRAME_HEAD_BYTES : offset + whole])
        return offset + whole

    def _read_preface(self, data: bytes, offset: int) -> int:
        """Reads the client's preface, if the direction begins with it."""
        if frames.PREFACE.startswith(data[offset : offset + len(frames.PREFACE)]):
            if len(data) - offset < len(frames.PREFACE):
                self._needed = len(frames.PREFACE)
                return -1
            offset += len(frames.PREFACE)
            self._shared.messages.client_end = self._end
        self._is_at_start = False
        return offset

    def _count(self, kind: int) -> None:
        name = frames.NAMES[kind] if kind < len(frames.NAMES) else "other"
        self._shared.counts.frames[name] += 1

    def _begin_data(self, data: bytes, offset: int, head: FrameHead) -> int:
        begin, size, padding = offset + FRAME_HEAD_BYTES, head.size, 0
        if head.flags & frames.PADDED:
            if len(data) <= begin:
                self._needed = FRAME_HEAD_BYTES + PAD_BYTES
                return -1
            padding = data[begin] + PAD_BYTES
            begin += PAD_BYTES
            if padding > size:
                self._lose(Problem.BAD_FRAME)
                return offset
        self._count(DATA)
        self._data_stream = head.stream
        self._data_ends = bool(head.flags & frames.END_STREAM)
        self._content_left = size - padding
        self._pad_left = padding - PAD_BYTES if padding else 0
        if not self._content_left:
            self._end_content()
        return begin

    def _read_content(self, data: bytes, offset: int) -> int:
        if self._content_left:
            end = offset + self._content_left
            piece = data[offset:end]
            self._content_left -= len(piece)
            if self._data_stream:
                self._shared.messages.data(self._end, self._data_stream, piece, self._now)
            if not self._content_left:
                self._end_content()
            return offset + len(piece)
        taken = min(self._pad_left, len(data) - offset)
        self._pad_left -= taken
        return offset + taken

    def _end_content(self) -> None:
        if self._data_stream and self._data_ends:
            self._shared.messages.end(self._end, self._data_stream, self._now)

    def _miss_content(self, size: int, problem: Problem) -> int:
        """Passes over missing bytes within a frame whose end is known. Returns how many were needed."""
        missed = min(size, self._content_left)
        self._content_left -= missed
        self._pad_left -= size - missed
        if not missed or not self._data_stream:
            return 0
        needed = self._shared.messages.miss(self._end, self._data_stream, missed, problem)
        if not self._content_left:
            self._end_content()
        return needed

    def _miss_frame(self, size: int) -> None:
        """Passes over the rest of a frame of which bytes are missing."""
        head = head_at(b"".join(self._parts), 0)
        left = self._needed - self._have - size
        self._drop()
        self._data_stream, self._content_left = 0, left
        if head.kind in HEADS:
            self._break_block(Problem.GAP, head.stream)

    def _pass_frame(self, offset: int, head: FrameHead) -> int:
        """Passes over a frame that is not needed, or that is too long to be kept."""
        self._count(head.kind)
        self._data_stream, self._content_left = 0, head.size
        if head.kind in HEADS:
            self._break_block(stream=head.stream)
        return offset + FRAME_HEAD_BYTES

    def _take_headers(self, head: FrameHead, payload: bytes) -> None:
        fragment = self._unpadded(head, payload)
        skipped = PRIORITY_BYTES if head.flags & frames.HAS_PRIORITY else 0
        if fragment is None or len(fragment) < skipped:
            self._break_block()
            return
        is_last = bool(head.flags & frames.END_STREAM)
        self._begin_block(head, 0, is_last, fragment[skipped:])

    def _take_promise(self, head: FrameHead, payload: bytes) -> None:
        fragment = self._unpadded(head, payload)
        if fragment is None or len(fragment) < PROMISE_BYTES:
            self._break_block()
            return
        promised = int.from_bytes(fragment[:PROMISE_BYTES], "big") & STREAM
        self._begin_block(head, promised, False, fragment[PROMISE_BYTES:])

    def _begin_block(self, head: FrameHead, promised: int, is_last: bool, fragment: bytes) -> None:
        self._block = HeaderBlock(head.stream, promised, is_last, self._start_ns, self._seq, self._ack)
        self._add_fragment(head, fragment)

    def _take_continuation(self, head: FrameHead, payload: bytes) -> None:
        block = self._block
        if block is None:  # its beginning was missed
            return
        if head.stream != block.stream:
            self._break_block()
            return
        block.continuations += 1
        self._add_fragment(head, payload)

    def _add_fragment(self, head: FrameHead, fragment: bytes) -> None:
        block = self._block
        assert block is not None  # called within a block
        if not block.is_too_long:
            block.fragments.append(fragment)
            block.size += len(fragment)
        if head.flags & frames.END_HEADERS:
            self._block = None
            self._end_block(block)

    def _end_block(self, block: HeaderBlock) -> None:
        counts, messages = self._shared.counts, self._shared.messages
        decoded = self.hpack.decode(block.fragments[0] if len(block.fragments) == 1 else b"".join(block.fragments))
        counts.header_blocks += 1
        if block.is_too_long:
            self.hpack.lost()
            decoded = decoded._replace(is_valid=False)
        if block.promised:
            place = (block.seq, block.ack, block.promised)
            messages.promise(self._end, block.promised, decoded, place, block.start_ns, self._now)
            return
        place = (block.seq, block.ack, block.stream)
        messages.head(self._end, block.stream, decoded, place, block.start_ns, self._now, block.is_last)

    def _break_block(self, problem: Problem = Problem.BAD_FRAME, stream: int = 0) -> None:
        """Notes a header block that cannot be decoded as a whole: its fields are lost, and the table with them."""
        if self._block is not None:
            stream = self._block.stream
        self._block = None
        self.hpack.lost()
        self._shared.messages.pairing.lose(problem)
        self._shared.messages.miss_head(self._end, stream)

    def _take_reset(self, head: FrameHead, payload: bytes) -> None:
        self._shared.messages.reset(self._end, head.stream, int.from_bytes(payload, "big"), self._now)

    def _take_settings(self, head: FrameHead, payload: bytes) -> None:
        if payload:
            self._shared.take_settings(self._end, frames.settings(payload))

    def _take_goaway(self, head: FrameHead, payload: bytes) -> None:
        if len(payload) >= frames.GOAWAY_BYTES:
            self._shared.messages.go_away(self._end, int.from_bytes(payload[:4], "big") & STREAM)

    def _unpadded(self, head: FrameHead, payload: bytes) -> bytes | None:
        """The payload without padding (RFC 9113, 6.1); None if the padding is longer than the payload."""
        if not head.flags & frames.PADDED:
            return payload
        padding = payload[0] + PAD_BYTES if payload else PAD_BYTES
        return payload[PAD_BYTES : len(payload) - padding + PAD_BYTES] if padding <= len(payload) else None

    def _lose(self, problem: Problem) -> None:
        """Notes that bytes are missing, or have no meaning: frames, header blocks and messages may be missing."""
        self._drop()
        messages = self._shared.messages
        if self._seeker is not None:
            messages.pairing.pass_by(self._seeker.waiting, is_opaque=False)
        self.hpack.lost()
        messages.lose(self._end, problem)
        self._seeker = FrameSeeker(self.frame_bytes_max)

    def _drop(self) -> None:
        """Drops what was kept of a frame and of a header block."""
        self._shared.messages.pairing.pass_by(self._have, is_opaque=False)
        self._parts.clear()
        self._have = self._needed = self._content_left = self._pad_left = 0
        self._block, self._is_at_start = None, False

    def _seek(self, span: Span) -> list[Span]:
        """Looks for frames. Returns the spans from the first one on; none if there is no frame yet."""
        assert self._seeker is not None  # checked by the caller
        self._now = span.time_ns
        unread, found = self._seeker.add(span)
        self._shared.messages.pairing.pass_by(unread, is_opaque=False)
        if found is None:
            return []
        self._seeker = None
        return found


HANDLERS = {
    frames.HEADERS: Http2Receiver._take_headers,
    frames.RST_STREAM: Http2Receiver._take_reset,
    frames.SETTINGS: Http2Receiver._take_settings,
    frames.PUSH_PROMISE: Http2Receiver._take_promise,
    frames.GOAWAY: Http2Receiver._take_goaway,
    frames.CONTINUATION: Http2Receiver._take_continuation,
}
