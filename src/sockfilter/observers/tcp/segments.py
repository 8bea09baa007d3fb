"""Segments that were dropped or sent again, and the exchanges that they belong to."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from weakref import ref

from sockfilter.model.sequence import distance
from sockfilter.model.tcp import Drop, ExchangeTcp, TcpEnd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model import Exchange
    from sockfilter.observers.tcp.ranges import ExchangeSpan

# exchanges of a connection that still take segments after they have ended: one that was lost is sent again later
RECENT_MAX = 16
# segments that wait for their exchange to end, of one connection and of all; the oldest make room
WAITING_MAX = 512
ALL_WAITING_MAX = 16384
# connections whose ended exchanges are known; the oldest make room
CONNECTIONS_MAX = 4096

Key: TypeAlias = "tuple[tuple[str, int], tuple[str, int]]"


class LossSegment(NamedTuple):
    """A segment that was dropped or sent again.

    Attributes:
        key: the ends of its connection, in their order.
        sender: the address and port of the end that sent it.
        seq, end_seq: its first sequence number, and the one after its last.
        time_ns: when, in the source's clock.
        packets: how many packets were sent again; 0: it was dropped.
        is_timeout: it was sent again because no answer had come in time.
        drop: what is known of the drop; None: it was sent again.
    """

    key: Key
    sender: tuple[str, int]
    seq: int
    end_seq: int
    time_ns: int
    packets: int = 0
    is_timeout: bool = False
    drop: Drop | None = None


class _Ended(NamedTuple):
    exchange: ref[Exchange]
    span: ExchangeSpan


class Segments:
    """Joins segments and exchanges by connection and sequence numbers, whichever comes first.

    Attributes:
        counts: how many were taken and joined, by the names of the ledger.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._waiting: dict[Key, deque[LossSegment]] = {}
        self._waiting_count = 0
        self._recent: dict[Key, deque[_Ended]] = {}

    def take(self, segment: LossSegment) -> None:
        """Takes a segment: of an exchange that has ended, or of one that will."""
        self.counts[_kind(segment)] += 1
        for ended in reversed(self._recent.get(segment.key, ())):
            exchange = ended.exchange()
            if exchange is not None and self._join(exchange, ended.span, segment):
                return
        queue = self._waiting.setdefault(segment.key, deque())
        queue.append(segment)
        self._waiting_count += 1
        if len(queue) > WAITING_MAX:
            queue.popleft()
            self._waiting_count -= 1
        while self._waiting_count > ALL_WAITING_MAX:
            self._waiting_count -= len(self._waiting.pop(next(iter(self._waiting))))

    def end(self, key: Key, exchange: Exchange, span: ExchangeSpan) -> None:
        """Takes an exchange that has ended, and what has waited for it."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self._waiting_count -= len(waiting)
            left = deque(segment for segment in waiting if not self._join(exchange, span, segment))
            if left:
                self._waiting[key] = left
                self._waiting_count += len(left)
        recent = self._recent.get(key)
        if recent is None:
            if len(self._recent) >= CONNECTIONS_MAX:
                del self._recent[next(iter(self._recent))]
            recent = self._recent[key] = deque(maxlen=RECENT_MAX)
        recent.append(_Ended(ref(exchange), span))

    def _join(self, exchange: Exchange, span: ExchangeSpan, segment: LossSegment) -> bool:
        """Adds a segment to an exchange, if it has bytes of it."""
        is_request = segment.sender == tuple(exchange.connection.client)
        size = span.bytes_of(is_request, segment.seq, segment.end_seq, segment.time_ns)
        if size <= 0:
            return False
        known = exchange.tcp or ExchangeTcp()
        sender = "client" if is_request else "server"
        # what is dropped again was sent again, even if TCP has not counted it as sent, because its own host refused it
        known = known._replace(drops=_with_again(known.drops, segment, sender))
        if segment.drop is not None:
            drop = segment.drop._replace(bytes=size, sender=sender)
            exchange.tcp = known._replace(drops=(*known.drops, drop))
        else:
            exchange.tcp = _sent_again(known, segment, is_request, size)
        self.counts[f"{_kind(segment)}_on_exchanges"] += 1
        return True


def _sent_again(known: ExchangeTcp, segment: LossSegment, is_request: bool, size: int) -> ExchangeTcp:
    end = (known.client if is_request else known.server) or TcpEnd()
    end = end._replace(
        retransmitted=end.retransmitted + segment.packets,
        retransmitted_bytes=end.retransmitted_bytes + size,
        timeouts=end.timeouts + segment.is_timeout,
    )
    return known._replace(client=end) if is_request else known._replace(server=end)


def _with_again(drops: Iterable[Drop], segment: LossSegment, sender: str) -> tuple[Drop, ...]:
    """Returns drops with the time until their first byte was sent again, as far as a segment is that."""
    return tuple(
        drop._replace(again_after=(segment.time_ns - drop.time_ns) / 1e9)
        if drop.again_after is None
        and drop.sender == sender
        and distance(segment.seq, drop.seq) >= 0 < distance(drop.seq, segment.end_seq)
        and segment.time_ns >= drop.time_ns
        else drop
        for drop in drops
    )


def _kind(segment: LossSegment) -> str:
    return "retransmissions" if segment.drop is None else "drops"
