"""Bytes that were lost between two interfaces: what came again on one of them, and only once on the next."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.model.moment import wall_ns
from sockfilter.model.sequence import MASK, distance

if TYPE_CHECKING:
    from sockfilter.model.exchange import Exchange
    from sockfilter.model.message import Message

# Repeats that are kept of each direction and interface. On a path that loses 1 % of its packets, they are those of
# 150 MB.
REPEATS_MAX = 1024
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


class Repeat(NamedTuple):
    """Bytes of one direction that came again on an interface.

    Attributes:
        seq: the sequence number of the first of them.
        size: bytes.
        time_ns: when they came again, in the source's clock.
    """

    seq: int
    size: int
    time_ns: int


class Repeats:
    """What came again of one direction on one interface, the last REPEATS_MAX of them.

    Attributes:
        dropped_ns: when the last of those that are no longer kept came; 0 if all are kept.
    """

    __slots__ = ("_kept", "dropped_ns")

    def __init__(self) -> None:
        self._kept: deque[Repeat] = deque()
        self.dropped_ns = 0

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, repeat: Repeat) -> None:
        """Adds bytes that came again."""
        self._kept.append(repeat)
        if len(self._kept) > REPEATS_MAX:
            self.dropped_ns = self._kept.popleft().time_ns

    def since(self, dropped_ns: int) -> list[Repeat]:
        """Returns what came again later than dropped_ns."""
        return [repeat for repeat in self._kept if repeat.time_ns > dropped_ns]


def missed(before: Repeats, behind: Repeats) -> list[Repeat]:
    """Returns the repeats on an interface that did not come again on the one behind it.

    The first copy of these bytes was lost between the two: the one behind it saw one copy less.
    """
    dropped_ns = max(before.dropped_ns, behind.dropped_ns)
    came = behind.since(dropped_ns)
    found: list[Repeat] = []
    for repeat in before.since(dropped_ns):
        rest = [repeat]
        for i, other in enumerate(came):
            parts = [part for one in rest for part in without(one, other.seq, other.size)]
            if parts != rest:
                # what has been matched once does not match again
                came[i : i + 1] = without(other, repeat.seq, repeat.size)
                rest = parts
                break
        found += rest
    return found


def without(repeat: Repeat, seq: int, size: int) -> list[Repeat]:
    """Returns what is left of bytes without size bytes from a sequence number on: one part, two, or none."""
    start = distance(repeat.seq, seq)
    left, right = min(max(start, 0), repeat.size), max(min(start + size, repeat.size), 0)
    if left >= right:
        return [repeat]
    parts = [repeat._replace(size=left), Repeat((repeat.seq + right) & MASK, repeat.size - right, repeat.time_ns)]
    return [part for part in parts if part.size]


def losses_of(exchange: Exchange, before: tuple[Repeats, Repeats], behind: tuple[Repeats, Repeats]) -> tuple[Loss, ...]:
    """Returns the bytes of an exchange that were lost between two interfaces.

    Args:
        exchange: the exchange.
        before, behind: what came again on both interfaces, for each end. The request passed the first one first.
    """
    client = exchange.connection.client_end or 0
    found: list[Loss] = []
    if before[client] and exchange.request is not None:
        found += _of_message(exchange, "request", exchange.request, missed(before[client], behind[client]))
    if behind[1 - client] and exchange.response is not None:
        found += _of_message(exchange, "response", exchange.response, missed(behind[1 - client], before[1 - client]))
    return tuple(found[:LOSSES_MAX])


def _of_message(exchange: Exchange, name: str, message: Message, found: list[Repeat]) -> list[Loss]:
    """Those of the repeats that belong to a message: by their numbers if it has some of TCP, and by their time."""
    request, response = exchange.request, exchange.response
    first = exchange.began_ns
    # a request may be sent again until its response comes, and a response until its last byte has come
    last = None if response is None else response.start_ns if message is request else response.end_ns
    made = []
    for seq, size, time_ns in found:
        if time_ns < first or (last is not None and time_ns > last):
            continue
        offset = None
        if _has_numbers(exchange):
            offset = distance(message.seq, seq)
            end = _size_of(message)
            if offset < 0 or (end is not None and offset >= end):
                continue
        made.append(Loss(name, offset, size, wall_ns(time_ns, exchange.clock_offset_ns)))
    return made


def _has_numbers(exchange: Exchange) -> bool:
    """Whether the bytes of its messages are those of TCP, in order and without others in between."""
    return exchange.stream is None and exchange.tls is None


def _size_of(message: Message) -> int | None:
    """Bytes of a message as sent; None if not known."""
    if not message.complete or "transfer-encoding" in message.headers:
        return None
    return len(message.raw) + message.body.wire_len
