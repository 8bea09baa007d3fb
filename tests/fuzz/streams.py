"""Any segments in any order: the lane and the road tell the same, and every message is accounted for."""

from __future__ import annotations

from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from tests.support.losses import PIPELINED, SCRIPTS
    from tests.support.wire import (
        ACK,
        EVERYTHING,
        FIN,
        JSON,
        MASK,
        NOTHING,
        PSH,
        RST,
        SYN,
        TEXT,
        Orders,
        Road,
        Wire,
        account,
        lines_of,
        read_by,
    )

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sockfilter.protocols.http1.policy import BodyPolicy

    from tests.support.wire import Form, Record, Talker

FLAGS = [PSH | ACK, ACK, FIN | ACK, FIN | PSH | ACK, RST, RST | ACK, SYN, SYN | ACK, 0, 255]
# bytes for each step of a jump
SCALES = [1, 1, 7, 1460, 1 << 16, 1 << 24]
# whose and how; its flags; how far from where it belongs; of what; bytes not kept; places before the last; time
HEAD = Struct("<BBbBBBB")
SERVER, OTHER, STAYS, LOST = 1, 2, 4, 8
SEGMENTS_MAX = 24
# what segments that carry nothing count
EMPTY_BYTES = 10
# the first byte of an input: of both connections; above these bits, which of READINGS
WHOLE, WRAPS, ENDS, READING = 1, 2, 4, 8


def send(wire: Wire, talker: Talker, head: bytes, data: bytes) -> None:
    how, flags, jump, scale, cut, back, pause = HEAD.unpack(head)
    end = how & SERVER
    wire.tick(pause * pause * 1_000_000)
    before = talker.next[end]
    seq = (before + jump * SCALES[scale % len(SCALES)]) & MASK
    talker.send(end, data, FLAGS[flags % len(FLAGS)], seq=seq, kept=max(0, len(data) - cut))
    if how & STAYS:
        talker.next[end] = before
    record = wire.records.pop()
    if not how & LOST:
        wire.records.insert(max(0, len(wire.records) - back), record)


def pieces(data: bytes) -> list[tuple[bytes, bytes]]:
    return list(islice(harness.pieces(data[1:], HEAD.size), SEGMENTS_MAX))


def sent(how: int, said: Iterable[tuple[bytes, bytes]]) -> Wire:
    wire = Wire()
    isn = (MASK - 40, MASK - 90) if how & WRAPS else (1000, 5000)
    talkers = [wire.connection(client, whole=bool(how & WHOLE), isn=isn) for client in ("10.0.0.1:9", "[::1]:40000")]
    for head, data in said:
        send(wire, talkers[bool(head[0] & OTHER)], head, data)
    return wire


def same_exchanges(policy: BodyPolicy, batch: int) -> Callable[[list[Record], bool], None]:
    """Both roads tell the same exchanges, of records that come so many at a time."""

    def compare(records: list[Record], end: bool) -> None:
        short, ledger = read_by(Road(Orders(), policy, end, has_lane=True, batch=batch), records)
        long, same_ledger = read_by(Road(Orders(), policy, end, has_lane=False), records)
        assert [account(exchange) for exchange in short] == [account(exchange) for exchange in long]
        assert ledger == same_ledger
        assert ledger.is_balanced, ledger.imbalance
        assert all(exchange.complete or exchange.problems for exchange in short)

    return compare


def same_lines(form: Form, batch: int) -> Callable[[list[Record], bool], None]:
    """Both roads write the same lines."""

    def compare(records: list[Record], end: bool) -> None:
        roads = (Road(Orders(), form.policy, end, has_lane, batch) for has_lane in (True, False))
        (written, ledger), (rendered, same_ledger) = (lines_of(records, road, form) for road in roads)
        assert written == rendered
        assert ledger == same_ledger
        assert ledger.is_balanced, ledger.imbalance

    return compare


# Each input is read by one of them: what an input misses, its neighbours have.
READINGS = [
    *(same_exchanges(policy, batch) for policy in (EVERYTHING, NOTHING) for batch in (1, 5)),
    *(same_lines(form, 3) for form in (TEXT, JSON)),
]


def test(data: bytes) -> None:
    if data:
        wire = sent(data[0], pieces(data))
        READINGS[data[0] // READING % len(READINGS)](wire.records, bool(data[0] & ENDS))


def endless(data: bytes, size: int) -> budget.Run:
    """Some of the segments come again and again."""
    said, choice = pieces(data), budget.chosen(data)
    start, end = choice.span(len(said))
    again = said[start:end]
    times = size // (sum(len(part) for _, part in again) + EMPTY_BYTES) if again else 0
    wire = sent(data[0] if data else 0, [*said[:start], *again * times, *said[start:]])
    road = Road(Orders(), (EVERYTHING, NOTHING)[choice.of(2)], True, has_lane=choice.of(3) > 0, batch=32)
    return lambda: read_by(road._replace(orders=Orders()), wire.records)


def seeds() -> Iterator[bytes]:
    for script in (SCRIPTS | PIPELINED).values():
        for how in range(READING * len(READINGS)):
            said = [harness.piece(HEAD.pack(spoken.end, 0, 0, 0, 0, 0, 0), spoken.data) for spoken in script]
            said += [harness.piece(HEAD.pack(end, 2, 0, 0, 0, 0, 0), b"") for end in (0, 1)]
            yield bytes([how]) + b"".join(said)
            for lost in range(how, len(said), READING * len(READINGS)):
                yield (
                    bytes([how])
                    + b"".join(said[:lost])
                    + bytes([said[lost][0] | LOST])
                    + said[lost][1:]
                    + b"".join(said[lost + 1 :])
                )


if __name__ == "__main__":
    harness.run("streams", test, seeds(), endless)
