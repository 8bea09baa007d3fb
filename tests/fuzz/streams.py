"""Any segments in any order: the short road and the long one tell the same, and every message is accounted for."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from tests.fuzz import harness

with harness.watched():
    from tests.support.losses import PIPELINED, SCRIPTS
    from tests.support.wire import ACK, FIN, MASK, PSH, RST, SYN, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.wire import Talker

FLAGS = [PSH | ACK, ACK, FIN | ACK, FIN | PSH | ACK, RST, RST | ACK, SYN, SYN | ACK, 0, 255]
# bytes for each step of a jump
SCALES = [1, 1, 7, 1460, 1 << 16, 1 << 24]
# whose and how; its flags; how far from where it belongs; of what; bytes not kept; places before the last; time
HEAD = Struct("<BBbBBBB")
SERVER, OTHER, STAYS, LOST = 1, 2, 4, 8
SEGMENTS_MAX = 64
# the first byte of an input: of both connections
WHOLE, WRAPS, ENDS = 1, 2, 4


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


def test(data: bytes) -> None:
    if not data:
        return
    wire = Wire()
    isn = (MASK - 40, MASK - 90) if data[0] & WRAPS else (1000, 5000)
    talkers = [
        wire.connection(client, whole=bool(data[0] & WHOLE), isn=isn) for client in ("10.0.0.1:9", "[::1]:40000")
    ]
    for number, (head, said) in enumerate(harness.pieces(data[1:], HEAD.size)):
        if number == SEGMENTS_MAX:
            break
        send(wire, talkers[bool(head[0] & OTHER)], head, said)
    for exchange in wire.read_in_every_way(end=bool(data[0] & ENDS)):
        assert exchange.complete or exchange.problems
    assert wire.ledger is not None
    assert wire.ledger.is_balanced, wire.ledger.imbalance


def seeds() -> Iterator[bytes]:
    for script in (SCRIPTS | PIPELINED).values():
        for how in range(8):
            said = [harness.piece(HEAD.pack(spoken.end, 0, 0, 0, 0, 0, 0), spoken.data) for spoken in script]
            said += [harness.piece(HEAD.pack(end, 2, 0, 0, 0, 0, 0), b"") for end in (0, 1)]
            yield bytes([how]) + b"".join(said)
            for lost in range(how, len(said), 8):
                yield (
                    bytes([how])
                    + b"".join(said[:lost])
                    + bytes([said[lost][0] | LOST])
                    + said[lost][1:]
                    + b"".join(said[lost + 1 :])
                )


if __name__ == "__main__":
    harness.run("streams", test, seeds())
