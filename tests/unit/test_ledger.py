"""What the ledger calls a loss: bytes that were needed, under one name, with the option that helps."""

from __future__ import annotations

import json

import pytest

from sockfilter.ledger import (
    PACKET_COUNTERS,
    FileCounts,
    FragmentCounts,
    Ledger,
    MessageCounts,
    ProcessCounts,
    SegmentCounts,
)
from sockfilter.protocols.body import BodyPolicy
from tests.support.dialogues import CHUNKED, GET, chunks, response
from tests.support.wire import EVERYTHING, Wire

ANSWER = response(b"x" * 1000)
HEAD = ANSWER[:-1000]
CHUNKS = CHUNKED + chunks(b"x" * 1000)


def ledger(
    segments: SegmentCounts | None = None,
    expired: int = 0,
    file: FileCounts | None = None,
    calls: dict[str, int] | None = None,
    **packets: int,
) -> Ledger:
    return Ledger(
        dict.fromkeys(PACKET_COUNTERS, 0) | packets,
        0,
        FragmentCounts(expired=expired),
        segments or SegmentCounts(),
        MessageCounts(),
        calls or {},
        ProcessCounts(),
        file=file,
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
        (ledger(SegmentCounts(gap_bytes=7)), "bytes missing in connections", 7, "none: they did not pass here"),
        (ledger(SegmentCounts(gap_bytes=7), calls={"seen": 0}), "bytes missing in connections", 7, "io_uring"),
        (ledger(SegmentCounts(gap_bytes=7), file=FileCounts()), "bytes missing in connections", 7, "not in the file"),
        (ledger(expired=1), "IP fragments given up", 1, "none"),
        (
            ledger(SegmentCounts(cut_bytes=99), file=FileCounts(), truncated=4),
            "packets cut at the snap length",
            4,
            "capture the file with a larger snap length",
        ),
        (
            ledger(file=FileCounts(cut=3)),
            "packets cut before it could be told whether they carry HTTP",
            3,
            "capture the file with a larger snap length",
        ),
        (ledger(file=FileCounts(0, {147: 3})), "packets of link type 147, which cannot be read", 3, "another kind"),
        (
            ledger(SegmentCounts(after_close=5, new_after_close=2)),
            "segments with new bytes on connections that had ended",
            2,
            "none",
        ),
        (
            ledger(SegmentCounts(one_sided=2)),
            "connections of which one direction was not seen",
            2,
            "where both directions pass",
        ),
    ],
    ids=[
        *("ring", "snap length", "a filling ring", "gap", "gap of calls", "gap in a file", "fragments"),
        *("snap length of a file", "cut in a file", "link type", "after the close", "one-sided"),
    ],
)
def test_each_loss_has_one_name_and_its_remedy(made: Ledger, name: str, number: int, remedy: str):
    ((found, (count, helps)),) = made.losses().items()
    assert (found, count) == (name, number)
    assert remedy in helps


def test_the_ring_is_blamed_where_it_has_lost_something():
    found = ledger(SegmentCounts(gap_bytes=7), ring_full=1).losses()
    assert {remedy for _, remedy in found.values()} == {"a larger ring: -B"}


def test_a_file_has_no_ring():
    segments = SegmentCounts(gap_bytes=7, cut_bytes=9, new_after_close=1, one_sided=1)
    made = ledger(segments, expired=1, file=FileCounts(1, {147: 1, 148: 2}), truncated=4)
    assert len(made.losses()) == 7
    assert not any("ring" in remedy or "-s" in remedy for _, remedy in made.losses().values())


def test_what_does_not_add_up_is_told_with_its_figures():
    made = ledger(seen=5, sent=2, not_ip=1, ring_full=1)
    assert not made.is_balanced
    assert made.imbalance == ["packets seen = sum of outcomes: 5 != 4", "records sent = read + lost + waiting: 3 != 1"]
    assert made.records_waiting == 2
    assert made._replace(records_read=2).records_waiting == 0


def test_a_dict_has_every_counter_by_its_stage() -> None:
    made = ledger(SegmentCounts(gap_bytes=7), seen=3, not_ip=2, sent=1)
    made.messages.unpaired["gap"] += 2
    found = made.as_dict()
    assert json.loads(json.dumps(found)) == found
    assert found["balanced"] is False
    assert (found["packets"]["seen"], found["segments"]["gap_bytes"]) == (3, 7)
    assert found["records"] == {"sent": 1, "read": 0, "lost": 0, "waiting": 1, "unread": 0}
    assert found["messages"]["unpaired"] == {"gap": 2}
    # other observers stand beside the stages, by their own names
    stages = set(Ledger._fields) - {"records_read", "records_unread", "is_live", "observed"}
    assert set(found) == {"balanced", "records", *stages}


def test_what_waits_in_the_ring_is_accounted_for_while_the_capture_runs():
    made = ledger(seen=3, sent=2, ring_full=1)
    assert not made.is_balanced
    running = made._replace(is_live=True)
    assert running.is_balanced
    assert running.records_waiting == 2
    assert not running._replace(records_read=3).is_balanced
