"""Cuts the messages of a gRPC call from the content of a request or a response.

A message has five bytes in front of it: a flag, and its length (gRPC over HTTP/2, Length-Prefixed-Message). The flag
says whether the message is compressed. In gRPC-Web, the last frame of a response has another flag and the trailers.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from sockfilter.model.grpc_kind import kind_of
from sockfilter.model.headers import Headers
from sockfilter.model.message_log import LoggedMessage, MessageLog
from sockfilter.model.problem import Problem
from sockfilter.protocols.coding import DECODED_BYTES_MAX, CodingError, TooLongError, decoder_for
from sockfilter.protocols.grpc.base64_text import Base64Text

if TYPE_CHECKING:
    from sockfilter.model.budget import Budget
    from sockfilter.model.grpc_kind import GrpcKind
    from sockfilter.model.message import Message
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.protocols.coding import Chain

HEAD = Struct(">BI")
HEAD_BYTES = HEAD.size
# flags: of a compressed message, and of the trailers in gRPC-Web
COMPRESSED, TRAILERS = 0x01, 0x80
# bytes of the trailers of gRPC-Web, decompressed or not; servers refuse longer heads
TRAILER_BYTES_MAX = 64 << 10
IDENTITY = b"identity"


class GrpcReader:
    """Reads the content of one message. Implements ContentReader.

    Args:
        message: the request or response. Its attribute grpc becomes the log of the messages.
        kind: the form of gRPC that its Content-Type names.
        policy: what to keep of bodies; the messages of a direction together are kept up to the same limit.
        budget: the memory for kept bytes.
    """

    def __init__(self, message: Message, kind: GrpcKind, policy: BodyPolicy, budget: Budget) -> None:
        self._message = message
        self._log = message.grpc = MessageLog()
        self._text = Base64Text() if kind.is_text else None
        # whether the body has an uncompressed message as it is, so that it need not be kept twice
        self._is_plain = self._text is None and not policy.as_sent
        self._flags = COMPRESSED | (TRAILERS if kind.is_web else 0)  # those that may be set
        self._decodes = policy.decodes and not policy.as_sent
        self._budget = budget
        self._room = 0 if policy.as_sent else policy.limit  # bytes that may still be kept here
        self._decoded_room = DECODED_BYTES_MAX  # bytes that the messages together may still decode to
        self._rest = b""  # the beginning of a head
        self._offset = 0  # bytes of the content before the next byte
        self._is_over = False  # the trailers have come, or nothing more can be read
        # of the present frame:
        self._flag = self._size = self._at = self._start_ns = 0
        self._left = 0  # bytes that are still to come
        self._decoder: Chain | None = None
        self._length: int | None = None
        self._kept: bytearray | None = None  # None: nothing is kept here

    @property
    def weight(self) -> int:
        """Bytes of memory that it keeps."""
        return self._log.weight + len(self._kept or b"") + (self._decoder.weight if self._decoder else 0)

    def data(self, data: bytes, time_ns: int) -> None:
        """Takes the next bytes of the content."""
        if self._log.count is None:
            return
        if self._text is None:
            self._read(data, time_ns)
            return
        data = self._text.decode(data)
        if data:
            self._read(data, time_ns)
        if self._text.is_bad:
            self._fail()

    def _read(self, data: bytes, time_ns: int) -> None:
        start_ns = time_ns
        if self._rest:
            start_ns = self._start_ns
            self._offset -= len(self._rest)
            data, self._rest = self._rest + data, b""
        end = self._offset + len(data)
        at = min(self._left, len(data))
        if at:
            self._take(data, 0, at)
        if at < len(data):
            self._read_frames(data, at, start_ns, time_ns)
        self._offset = end

    def missing(self, problem: Problem) -> None:
        """Notes that bytes are missing. No message after them is read, because nothing shows where one begins."""
        self._message.add_problem(problem)
        self._stop()

    def end(self, is_whole: bool) -> None:
        """Notes that no more bytes follow."""
        is_within = self._left or self._rest or (self._text is not None and self._text.rest)
        if is_whole and is_within:
            self._message.add_problem(Problem.BAD_FRAME)
        self._drop()

    def _read_frames(self, data: bytes, at: int, start_ns: int, time_ns: int) -> None:
        """Reads the frames that begin in data, from the offset at on. start_ns: when the first byte of data passed."""
        size, log, unpack, forbidden = len(data), self._log, HEAD.unpack_from, ~self._flags
        last, is_full, is_plain = size - HEAD_BYTES, log.is_full, self._is_plain
        count = 0  # messages that began at time_ns and are not counted yet
        while at <= last and not self._is_over:
            flag, length = unpack(data, at)
            if flag & forbidden:
                break
            begin = at + HEAD_BYTES
            end = begin + length
            # in the usual case, no byte of it is looked at
            if end <= size and (at or start_ns is time_ns) and flag < TRAILERS and (is_full or (not flag and is_plain)):
                count += 1
                if not is_full:
                    log.keep(LoggedMessage(time_ns, length, length, False, self._offset + begin, None))
                    is_full = log.is_full
                at = end
                continue
            if count:
                log.pass_on(count, time_ns)
                count = 0
            self._start_ns = time_ns if at else start_ns
            at = end
            self._begin(flag, length, self._offset + begin)
            self._take(data, begin, min(end, size))
            is_full = log.is_full
        if count:
            log.pass_on(count, time_ns)
        if at >= size or self._log.count is None:
            return
        if at <= last or self._is_over:
            self._fail()
        else:
            self._rest, self._start_ns = data[at:], time_ns if at else start_ns

    def _begin(self, flag: int, size: int, at: int) -> None:
        """Begins a frame. at: the place of its content."""
        self._flag, self._size, self._at, self._left = flag, size, at, size
        self._length = size
        is_needed = flag & TRAILERS or not self._log.is_full
        if is_needed and (flag & TRAILERS or not self._is_plain):
            self._kept = bytearray()
        if is_needed and flag & COMPRESSED and size:
            self._begin_decoding()

    def _begin_decoding(self) -> None:
        self._length = self._kept = None
        if not self._decodes or not self._decoded_room:
            return
        coding = self._message.headers.get("grpc-encoding", "").strip().lower().encode("latin-1", "replace")
        is_named = coding not in (b"", IDENTITY)
        self._decoder = decoder_for((coding,)) if is_named else None
        if self._decoder is None:
            self._message.add_problem(Problem.UNKNOWN_CODING if is_named else Problem.BAD_CODING)
        else:
            self._length, self._kept = 0, bytearray()

    def _take(self, data: bytes, start: int, end: int) -> None:
        """Takes data[start:end], which are bytes of the present frame, and ends the frame if they are its last."""
        self._left -= end - start
        if self._decoder is not None:
            self._decode(data[start:end])
        elif self._kept is not None:
            self._keep(self._kept, data[start:end])
        if not self._left and self._log.count is not None:
            self._finish()

    def _decode(self, data: bytes) -> None:
        assert self._decoder is not None  # checked by the only caller
        assert self._length is not None
        assert self._kept is not None
        try:
            for piece in self._decoder.decode(data):
                self._decoded_room -= len(piece)
                if self._decoded_room < 0:
                    raise TooLongError
                self._length += len(piece)
                self._keep(self._kept, piece)
        except TooLongError:
            self._decoded_room = 0
            self._give_up_decoding(Problem.DECODED_LIMIT)
        except CodingError:
            self._give_up_decoding(Problem.BAD_CODING)

    def _give_up_decoding(self, problem: Problem) -> None:
        self._message.add_problem(problem)
        self._room += len(self._kept or b"")
        self._decoder = self._kept = self._length = None

    def _keep(self, kept: bytearray, data: bytes) -> None:
        """Keeps bytes of the present frame: those of messages up to the limit for all of them together."""
        if self._flag & TRAILERS:
            kept += data[: TRAILER_BYTES_MAX + 1 - len(kept)]
            return
        data = data[: self._room]
        if data and not self._budget.take(len(data)):
            self._message.add_problem(Problem.BODY_LIMIT)
            self._budget.bodies_cut += 1
            self._room = 0
            return
        self._room -= len(data)
        kept += data

    def _finish(self) -> None:
        """Ends the present frame, all of which has come."""
        if self._decoder is not None and not self._decoder.has_ended:
            self._give_up_decoding(Problem.BAD_CODING)
        content = None if self._kept is None else bytes(self._kept)
        if self._flag & TRAILERS:
            self._end_with(content)
        else:
            self._log.pass_on(1, self._start_ns)
            if not self._log.is_full:
                self._log.keep(self._logged(content))
        self._drop()

    def _end_with(self, trailers: bytes | None) -> None:
        """Ends the messages. trailers: the content of the last frame; None if it is not known."""
        self._is_over = True
        if trailers is not None and len(trailers) > TRAILER_BYTES_MAX:
            self._message.add_problem(Problem.HEAD_TOO_LONG)
        elif trailers is not None:
            self._log.trailers = Headers.from_head(b"\n" + trailers)

    def _logged(self, content: bytes | None) -> LoggedMessage:
        is_compressed = bool(self._flag & COMPRESSED)
        if content is None and (is_compressed or not self._is_plain):
            content = b""  # the body has its bytes, but in another form
        return LoggedMessage(self._start_ns, self._size, self._length, is_compressed, self._at, content)

    def _fail(self) -> None:
        """Stops, because the next bytes are not a frame."""
        self._message.add_problem(Problem.BAD_FRAME)
        if not self._is_over:
            self._stop()

    def _stop(self) -> None:
        self._log.lose()
        self._drop()

    def _drop(self) -> None:
        """Drops what is kept of the present frame."""
        self._rest, self._left = b"", 0
        self._decoder = self._kept = None


def read_grpc(message: Message, policy: BodyPolicy, budget: Budget) -> GrpcReader | None:
    """The reader for a message whose Content-Type names gRPC; None if it does not."""
    kind = kind_of(message.headers.get("content-type", ""))
    return None if kind is None else GrpcReader(message, kind, policy, budget)
