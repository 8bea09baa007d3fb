"""Collects a body: the bytes to keep, its length on the wire, and its decoded length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.body import Body
from sockfilter.model.budget import LARGE_BODY_BYTES, body_weight
from sockfilter.model.policy import BodyPolicy
from sockfilter.model.problem import Problem
from sockfilter.protocols.coding import CodingError, TooLongError, coding_of, decoder_for
from sockfilter.protocols.feed import Feed
from sockfilter.protocols.pieces import Pieces

if TYPE_CHECKING:
    from sockfilter.model.budget import Budget
    from sockfilter.model.message import Message
    from sockfilter.model.stream_message import StreamMessage
    from sockfilter.protocols.interface import ContentReader

# Bytes of a coded body that are kept as sent until its first bytes decode. The header of a gzip file is shorter in
# practice.
UNDECODED_BYTES_MAX = 64 << 10


class BodyKeeper:
    """Collects one body.

    Args:
        message: whose body it is.
        codings: the content codings, in lower case.
        policy: what to keep of it.
        budget: the memory for kept bytes.
        reader: reads a protocol inside the body; None if there is none. It gets all bytes, whatever is kept of them.

    Attributes:
        wire_len: bytes so far, after de-chunking.
        wants: whether its bytes are still needed; if not, their number is enough.
    """

    __slots__ = (
        "_asked",
        "_budget",
        "_codings",
        "_decoded_len",
        "_decoder",
        "_feed",
        "_framing_len",
        "_is_guessed",
        "_message",
        "_pieces",
        "_policy",
        "_room",
        "_trailer",
        "_trailer_kept",
        "_undecoded",
        "_whole",
        "wants",
        "wire_len",
    )

    def __init__(
        self,
        message: Message | StreamMessage,
        codings: tuple[bytes, ...],
        policy: BodyPolicy,
        budget: Budget,
        reader: ContentReader | None = None,
    ) -> None:
        self._message = message
        self._policy = policy
        self._budget = budget
        self._asked = 0  # bytes taken from the budget
        self._pieces = Pieces()
        self._room = policy.limit
        self._whole = True
        self._decoded_len: int | None = None
        self._decoder = None
        self._is_guessed = False  # the coding was recognised by its first bytes, not by Content-Encoding
        self._undecoded = b""  # the decoder's input, until it gives its first output
        self._framing_len = 0
        self.wire_len = 0
        self._trailer = b""
        self._trailer_kept = 0
        self._codings = codings
        if codings:
            self._whole = False  # the decoded length differs from the length on the wire
            self._decoder = decoder_for(codings) if policy.decodes and not policy.as_sent else None
            self._decoded_len = 0 if self._decoder else None
            if policy.decodes and not policy.as_sent and self._decoder is None:
                message.add_problem(Problem.UNKNOWN_CODING)
        self._feed = None if reader is None else Feed(reader, codings)
        self.wants = self._feed is not None or self._decoder is not None or self._room > 0

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes."""
        return self._weight_with(0)

    def add(self, data: bytes, time_ns: int = 0) -> None:
        """Takes bytes of the body. time_ns: when they passed; only a reader needs it."""
        self.wire_len += len(data)
        if self._feed is not None:
            self._feed.data(data, time_ns)
        if self._decoder:
            self._decode(data)
        elif self._room:
            self._keep(data)

    def add_framing(self, data: bytes) -> None:
        """Takes bytes of the framing: chunk sizes, line endings, trailers."""
        if self._policy.as_sent:
            self._framing_len += len(data)
            if self._room:
                self._keep(data)

    def add_trailer(self, data: bytes) -> None:
        """Takes the fields after the body, as sent, with the empty line after them."""
        self._trailer = b"\r\n" + data
        room = self._room
        self.add_framing(data)
        self._trailer_kept = room - self._room

    def skip(self, size: int, problem: Problem | None = None) -> None:
        """Counts bytes of the body that do not come. No later bytes are kept.

        Args:
            size: their number.
            problem: why they are missing; None if they are not needed.
        """
        self.wire_len += size
        if self._feed is not None:
            self._feed.missing(problem or Problem.TRUNCATED)
        self._room = 0
        self._stop_decoding()

    def lose(self, problem: Problem) -> None:
        """Notes that bytes may be missing here, of which not even the number is known."""
        self._whole = False
        self.skip(0, problem)

    def body(self, complete: bool) -> Body:
        """The body, which ends here. complete: all its bytes have come."""
        if self._feed is not None:
            self._feed.end(complete)
        while self._decoder and complete and self.wire_len and not self._decoder.has_ended:
            self._fail()  # the content is incomplete, or has another coding
        if self._whole:
            length: int | None = self.wire_len
        else:
            length = self._decoded_len if complete else None
        content = self._pieces.take()
        if self._framing_len and len(content) < self.wire_len + self._framing_len:
            length = None  # the kept bytes may be as many as the body has, but they include framing
        return Body(self.wire_len, length, content, self._trailer, self._trailer_kept)

    def _keep(self, data: bytes) -> None:
        piece = data[: self._room]
        if self._pieces.size + len(piece) >= LARGE_BODY_BYTES and not self._has_memory(len(piece)):
            self._cut()
            return
        self._pieces.add(piece)
        self._room -= len(piece)
        self.wants = self._feed is not None or self._decoder is not None or self._room > 0

    def _weight_with(self, size: int) -> int:
        """Bytes of memory that it takes if it keeps size more bytes of the body."""
        decoding = self._decoder.weight if self._decoder else 0
        if self._feed is not None:
            decoding += self._feed.weight
        return body_weight(self._pieces.size + size) + len(self._undecoded) + decoding

    def _has_memory(self, size: int) -> bool:
        """Whether the budget allows size more bytes. It counts small bodies that are kept as sent by itself."""
        missing = self._weight_with(size) - self._asked
        if missing > 0:
            if not self._budget.take(missing):
                return False
            self._asked += missing
        return True

    def _cut(self) -> None:
        """Keeps no more of the body, because there is no memory."""
        self._message.add_problem(Problem.DECODED_LIMIT if self._decoder else Problem.BODY_LIMIT)
        self._budget.bodies_cut += 1
        self._room = 0
        self._stop_decoding()

    def _decode(self, data: bytes) -> None:
        assert self._decoder is not None  # checked by the only caller
        assert self._decoded_len is not None
        if not self._decoded_len and len(self._undecoded) <= UNDECODED_BYTES_MAX:
            self._undecoded += data
        try:
            for piece in self._decoder.decode(data):
                self._decoded_len += len(piece)
                if not self._has_memory(min(len(piece), self._room)):
                    self._cut()
                    return
                if self._room:
                    self._keep(piece)
        except TooLongError:
            self._message.add_problem(Problem.DECODED_LIMIT)
            self._stop_decoding()
        except CodingError:
            self._fail()

    def _fail(self) -> None:
        self._message.add_problem(Problem.BAD_CODING)
        is_as_sent = not self._decoded_len and len(self._undecoded) <= UNDECODED_BYTES_MAX
        if is_as_sent and not self._is_guessed and self._guess():
            return
        self._stop_decoding()
        if is_as_sent:
            # not even the first bytes decode: the content is kept as sent, as with an unknown coding
            self._keep(self._undecoded)

    def _guess(self) -> bool:
        """Tries the coding that the first bytes show, because the named one fails. Returns whether there is one."""
        name = coding_of(self._undecoded)
        decoder = decoder_for((name,)) if name is not None and self._codings != (name,) else None
        if decoder is None:
            return False
        self._is_guessed, self._decoder = True, decoder
        data, self._undecoded = self._undecoded, b""
        self._decode(data)
        return True

    def _stop_decoding(self) -> None:
        self._decoder = None
        if not self._whole:
            self._decoded_len = None
        self.wants = self._feed is not None
