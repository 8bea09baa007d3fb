"""Bytes of an exchange that were lost between two interfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.moment import wall_ns
from sockfilter.model.repeats import missed
from sockfilter.model.sequence import distance

if TYPE_CHECKING:
    from sockfilter.model.message import Message
    from sockfilter.model.repeats import Repeat, Repeats

# losses that one step of a path names
LOSSES_MAX = 16


class Loss(NamedTuple):
    """Bytes of an exchange that passed one interface and not the next.

    Attributes:
        message: "request" or "response".
        offset: the place of the first of them in the message, as sent; None if not known, as in HTTP/2 and TLS.
        size: bytes.
        time_ns: when the sender's repetition of them passed, in nanoseconds since 1970; None if not known.
    """

    message: str
    offset: int | None
    size: int
    time_ns: int | None


class Messages(NamedTuple):
    """What an exchange carried, as far as losses are concerned.

    Attributes:
        request, response: its halves; None if one was not seen.
        client: the end of the connection that sent the request.
        has_numbers: whether the bytes of both are those of TCP, in order and without others in between.
        clock_offset_ns: nanoseconds to add to the source's clock for the wall clock.
    """

    request: Message | None
    response: Message | None
    client: int
    has_numbers: bool
    clock_offset_ns: int

    def lost(self, before: tuple[Repeats, Repeats], behind: tuple[Repeats, Repeats]) -> tuple[Loss, ...]:
        """Returns the bytes that were lost between two interfaces.

        Args:
            before, behind: what came again on both interfaces, for each end. The request passed the first one first.
        """
        client, server = self.client, 1 - self.client
        found: list[Loss] = []
        if before[client] and self.request is not None:
            found += self._of("request", self.request, missed(before[client], behind[client]))
        if behind[server] and self.response is not None:
            found += self._of("response", self.response, missed(behind[server], before[server]))
        return tuple(found[:LOSSES_MAX])

    def _of(self, name: str, message: Message, found: list[Repeat]) -> list[Loss]:
        """Those of the repeats that belong to a message: by their numbers, or by their time."""
        size = _size_of(message) if self.has_numbers else None
        made = []
        for seq, length, time_ns in found:
            offset = distance(message.seq, seq) if self.has_numbers else None
            if offset is not None and offset < 0:
                continue
            if self._is_in_time(name, time_ns) if offset is None or size is None else offset < size:
                made.append(Loss(name, offset, length, wall_ns(time_ns, self.clock_offset_ns)))
        return made

    def _is_in_time(self, name: str, time_ns: int) -> bool:
        """A request may be sent again until its response comes, and a response until its last byte has come."""
        first, response = self.request or self.response, self.response
        last = None if response is None else response.start_ns if name == "request" else response.end_ns
        return first is not None and time_ns >= first.start_ns and (last is None or time_ns <= last)


def _size_of(message: Message) -> int | None:
    """Bytes of a message as sent; None if not known."""
    if not message.complete or "transfer-encoding" in message.headers:
        return None
    return len(message.raw) + message.body.wire_len
