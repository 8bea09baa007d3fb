"""Bodies: what is kept of one, and how long it is on the wire and decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.body import Body
from sockfilter.model.budget import LARGE_BODY_BYTES, body_weight
from sockfilter.model.policy import BodyPolicy
from sockfilter.model.problem import Problem
from sockfilter.protocols.coding import CodingError, TooLongError, coding_of, decoder_for

if TYPE_CHECKING:
    from sockfilter.model.budget import Budget
    from sockfilter.model.message import Message
    from sockfilter.protocols.http1.head import HttpHead

# bytes of a coded body that are kept as sent until the first of it decodes: the longest header of a gzip file
# that anybody writes is shorter
UNDECODED_BYTES_MAX = 64 << 10
# pieces of a body that are kept one by one: each takes some 50 bytes beside its own
PIECES_MAX = 256


def whole_body(head: HttpHead, wire_len: int, content: bytes) -> Body:
    """A body that came in one piece and is not decoded.

    Args:
        head: the message's head.
        wire_len: bytes of the body.
        content: of them, those that were kept.
    """
    return Body(wire_len, None if head.codings else wire_len, content)


class BodyKeeper:
    """Collects one body.

    Args:
        message: whose body it is.
        codings: the content codings, in lower case.
        policy: what to keep of it.
        budget: has the memory for it.

    Attributes:
        wire_len: bytes so far, after de-chunking.
        wants: whether its bytes are still needed; else their number is enough.
    """

    __slots__ = (
        "_asked",
        "_budget",
        "_codings",
        "_decoded_len",
        "_decoder",
        "_framing_len",
        "_gathered",
        "_is_guessed",
        "_kept",
        "_message",
        "_parts",
        "_policy",
        "_room",
        "_trailer",
        "_trailer_kept",
        "_undecoded",
        "_whole",
        "wants",
        "wire_len",
    )

    def __init__(self, message: Message, codings: tuple[bytes, ...], policy: BodyPolicy, budget: Budget) -> None:
        self._message = message
        self._policy = policy
        self._budget = budget
        self._asked = 0  # bytes that the budget was asked for
        self._parts: list[bytes] = []
        self._gathered = bytearray()  # those of many pieces, before the parts
        self._kept = 0
        self._room = policy.limit
        self._whole = True
        self._decoded_len: int | None = None
        self._decoder = None
        self._is_guessed = False  # the coding is not the one that was named
        self._undecoded = b""  # as long as nothing has come out of the decoder, what has gone in
        self._framing_len = 0
        self.wire_len = 0
        self._trailer = b""
        self._trailer_kept = 0
        self._codings = codings
        if codings:
            self._whole = False  # the decoded length is not that on the wire
            self._decoder = decoder_for(codings) if policy.decodes and not policy.as_sent else None
            self._decoded_len = 0 if self._decoder else None
            if policy.decodes and not policy.as_sent and self._decoder is None:
                message.add_problem(Problem.UNKNOWN_CODING)
        self.wants = self._decoder is not None or self._room > 0

    @property
    def weight(self) -> int:
        """Bytes of memory that it takes."""
        return self._weight_with(0)

    def add(self, data: bytes) -> None:
        """Takes bytes of the body."""
        self.wire_len += len(data)
        if self._decoder:
            self._decode(data)
        elif self._room:
            self._keep(data)

    def add_framing(self, data: bytes) -> None:
        """Takes bytes around the body: chunk sizes, ends of lines, trailers."""
        if self._policy.as_sent:
            self._framing_len += len(data)
            if self._room:
                self._keep(data)

    def add_trailer(self, data: bytes) -> None:
        """Takes the fields after the body, as sent, and the empty line behind them."""
        self._trailer = b"\r\n" + data
        room = self._room
        self.add_framing(data)
        self._trailer_kept = room - self._room

    def skip(self, size: int) -> None:
        """Takes note of bytes of the body that are not here. What would come after them is not kept."""
        self.wire_len += size
        self._room = 0
        self._stop_decoding()

    def body(self, complete: bool) -> Body:
        """The body as it stands."""
        while self._decoder and complete and self.wire_len and not self._decoder.has_ended:
            self._fail()  # it may be something else
        if self._whole:
            length: int | None = self.wire_len
        else:
            length = self._decoded_len if complete else None
        content = self._content()
        if self._framing_len and len(content) < self.wire_len + self._framing_len:
            length = None  # what was kept is as long as the body perhaps, but framing is in it
        return Body(self.wire_len, length, content, self._trailer, self._trailer_kept)

    def _content(self) -> bytes:
        """What was kept. It is kept here no longer: it is in memory twice at most while it is put together."""
        if self._gathered:
            self._gather()
            content = bytes(self._gathered)
            self._gathered = bytearray()
        else:
            content = b"".join(self._parts)
            self._parts.clear()
        return content

    def _keep(self, data: bytes) -> None:
        piece = data[: self._room]
        if self._kept + len(piece) >= LARGE_BODY_BYTES and not self._has_memory(len(piece)):
            self._cut()
            return
        self._kept += len(piece)
        self._parts.append(piece)
        if len(self._parts) >= PIECES_MAX:
            self._gather()
        self._room -= len(piece)
        self.wants = self._decoder is not None or self._room > 0

    def _gather(self) -> None:
        for part in self._parts:
            self._gathered += part
        self._parts.clear()

    def _weight_with(self, size: int) -> int:
        """Bytes of memory that it takes with so many more of the body."""
        decoding = self._decoder.weight if self._decoder else 0
        return body_weight(self._kept + size) + len(self._undecoded) + decoding

    def _has_memory(self, size: int) -> bool:
        """Whether the budget has what it takes to keep so many more. Of small bodies as sent it knows anyway."""
        missing = self._weight_with(size) - self._asked
        if missing > 0:
            if not self._budget.take(missing):
                return False
            self._asked += missing
        return True

    def _cut(self) -> None:
        """There is no memory for more of it."""
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
            # nothing of it decodes: it is no such coding, and is kept like an unknown one
            self._keep(self._undecoded)

    def _guess(self) -> bool:
        """Nothing of it decodes as it is called: its first bytes may tell what it is. Returns whether they do."""
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
        self.wants = False
