"""What the ledger calls a loss: bytes that were needed, under one name, with the option that helps."""

from __future__ import annotations

import pytest

from sockfilter.ledger import PACKET_COUNTERS, FragmentCounts, Ledger, MessageCounts, ProcessCounts, SegmentCounts
from sockfilter.protocols.http1.body import BodyPolicy
from tests.support.dialogues import CHUNKED, GET, chunks, response
from tests.support.wire import EVERYTHING, Wire

ANSWER = response(b"x" * 1000)
HEAD = ANSWER[:-1000]
CHUNKS = CHUNKED + chunks(b"x" * 1000)


def ledger(segments: SegmentCounts | None = None, expired: int = 0, **packets: int) -> Ledger:
    return Ledger(
        dict.fromkeys(PACKET_COUNTERS, 0) | packets,
        0,
        FragmentCounts(expired=expired),
        segments or SegmentCounts(),
        MessageCounts(),
        {},
        ProcessCounts(),
    )


def cut_bytes(answer: bytes, kept: int, policy: BodyPolicy) -> int:
    """What the ledger counts where of the answer so many bytes were kept."""
    wire = Wire()
    talker = wire.connection()
    talker.client(GET)
    talker.server(answer, kept=kept)
    talker.close()
    wire.read(policy=policy)
    assert wire.ledger is not None
    return wire.ledger.segments.cut_bytes


@pytest.mark.parametrize(
    ("answer", "kept", "policy", "lacks"),
    [
        (ANSWER, len(HEAD), EVERYTHING, 1000),
        (ANSWER, len(ANSWER) - 1, EVERYTHING, 1),
        (ANSWER, len(HEAD) - 1, EVERYTHING, 1001),
        (ANSWER, len(HEAD) + 10, BodyPolicy(0), 0),
        (ANSWER, len(HEAD) + 10, BodyPolicy(10), 0),
        (CHUNKS, len(CHUNKED) + 5, BodyPolicy(0), len(b"\r\n0\r\n\r\n")),
    ],
    ids=["a body", "its last byte", "a head too", "a body that nobody wants", "none that is wanted", "chunk sizes"],
)
def test_bytes_that_were_needed_and_not_kept_are_counted(answer: bytes, kept: int, policy: BodyPolicy, lacks: int):
    assert cut_bytes(answer, kept, policy) == lacks


def test_what_is_left_out_of_a_tunnel_is_not_missed():
    wire = Wire()
    talker = wire.connection()
    talker.client(b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n")
    talker.server(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    talker.server(b"x" * 100, kept=0)
    (exchange,) = wire.read()
    assert not exchange.problems
    assert wire.ledger.segments.cut_bytes == 0


def test_nothing_lost():
    assert ledger(seen=5, sent=5, lengths=3, truncated=2).losses() == {}


@pytest.mark.parametrize(
    ("made", "name", "number", "remedy"),
    [
        (ledger(ring_full=3), "records lost for want of room in the ring", 3, "-B"),
        (ledger(SegmentCounts(cut_bytes=99), truncated=4), "packets cut at the snap length", 4, "-s"),
        (ledger(SegmentCounts(cut_bytes=99), lengths=4), "bytes left out as the ring was filling", 99, "-B"),
        (ledger(SegmentCounts(gap_bytes=7)), "bytes missing in connections", 7, "-B"),
        (ledger(expired=1), "IP fragments given up", 1, "none"),
    ],
    ids=["ring", "snap length", "a filling ring", "gap", "fragments"],
)
def test_each_loss_has_one_name_and_its_remedy(made: Ledger, name: str, number: int, remedy: str):
    ((found, (count, helps)),) = made.losses().items()
    assert (found, count) == (name, number)
    assert remedy in helps


def test_what_does_not_add_up_is_told_with_its_figures():
    made = ledger(seen=5, sent=2, not_ip=1, ring_full=1)
    assert not made.is_balanced
    assert made.imbalance == ["packets seen = sum of outcomes: 5 != 4", "records sent = read + lost: 3 != 1"]
    assert made.records_waiting == 2
    assert made._replace(records_read=2).records_waiting == 0
