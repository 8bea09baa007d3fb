"""The messages of one direction of a gRPC call, as they passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.moment import elapsed_ns

if TYPE_CHECKING:
    from sockfilter.model.headers import Headers

# Messages of each direction that are kept, from the first on: as many as somebody reads. Each takes LOGGED_BYTES, so a
# direction takes at most 200 kB in addition to the contents.
MESSAGES_MAX = 1000
# measured: bytes of memory that a kept message takes in addition to its content
LOGGED_BYTES = 200


class LoggedMessage(NamedTuple):
    """A message that passed.

    Attributes:
        start_ns: when its first byte passed, in the source's clock.
        wire_len: bytes as sent, without the five bytes before them.
        length: bytes after decompression; None if not known.
        is_compressed: whether its sender says that it is compressed.
        offset: its place in the decoded content of the body.
        content: what was kept of it; None if its bytes are those of the body at its place.
    """

    start_ns: int
    wire_len: int
    length: int | None
    is_compressed: bool
    offset: int
    content: bytes | None


class MessageLog:
    """The messages of one direction of a call. Only the reader that made it changes it.

    Attributes:
        count: the messages that have passed whole; None if bytes are missing, so that their number is not known.
        messages: the first of them, at most MESSAGES_MAX.
        trailers: the trailers in the last frame of gRPC-Web; None if there is no such frame.
        weight: bytes of memory that messages takes.
    """

    __slots__ = ("_gap_ns", "_is_gap_known", "_last_ns", "count", "messages", "trailers", "weight")

    def __init__(self) -> None:
        self.count: int | None = 0
        self.messages: list[LoggedMessage] = []
        self.trailers: Headers | None = None
        self.weight = 0
        self._last_ns: int | None = None  # when the last message began
        self._gap_ns = 0
        self._is_gap_known = True

    @property
    def is_full(self) -> bool:
        """Whether further messages are only counted."""
        return len(self.messages) >= MESSAGES_MAX

    @property
    def max_gap_ns(self) -> int | None:
        """The longest time between the first bytes of two neighbouring messages; None if not known."""
        return self._gap_ns if self._is_gap_known and (self.count or 0) > 1 else None

    def keep(self, message: LoggedMessage) -> None:
        """Keeps a message, which must be counted too."""
        self.messages.append(message)
        self.weight += LOGGED_BYTES + len(message.content or b"")

    def pass_on(self, count: int, start_ns: int) -> None:
        """Counts messages.

        Args:
            count: their number, at least one.
            start_ns: when the first byte of the first one passed; those of the others passed at the same time.
        """
        assert self.count is not None  # nothing is counted after lose()
        if self.count:
            gap_ns = elapsed_ns(self._last_ns, start_ns)
            if gap_ns is None:
                self._is_gap_known = False
            elif gap_ns > self._gap_ns:
                self._gap_ns = gap_ns
        self._last_ns = start_ns
        self.count += count

    def lose(self) -> None:
        """Notes that the number of messages is not known."""
        self.count = None
