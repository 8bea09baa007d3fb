"""Times that are not in order: the lane says of them what the road says, and no more is known of any."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.dialogues import GET, response
from tests.support.wire import MILLISECOND, Wire

OK = response(b"hello")
ROUNDS = 4


def dialogue(*, pieces: bool = False) -> Wire:
    """Some exchanges; pieces: requests and responses in two segments each."""
    wire = Wire()
    talker = wire.connection()
    for _ in range(ROUNDS):
        for send, message in (
            (talker.client, b"PUT" + GET[3:-2] + b"Content-Length: 4\r\n\r\nabcd"),
            (talker.server, OK),
        ):
            middle = len(message) - 2 if pieces else len(message)
            for part in (message[:middle], message[middle:]):
                if part:
                    send(part)
    talker.close()
    return wire


@pytest.mark.parametrize("by_ns", [1, 3 * MILLISECOND, 1000 * MILLISECOND])
@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "in pieces"])
def test_one_packet_is_stamped_too_early(pieces: bool, by_ns: int):
    wire = dialogue(pieces=pieces)
    for place, record in enumerate(wire.records):
        records = list(wire.records)
        records[place] = replace(record, time_ns=max(1, record.time_ns - by_ns))
        check(wire, records)


@pytest.mark.parametrize("by_ns", [1, 3 * MILLISECOND, 1000 * MILLISECOND])
def test_one_direction_is_stamped_too_early(by_ns: int):
    wire = dialogue()
    for end in (0, 1):
        records = [
            replace(record, time_ns=max(1, record.time_ns - by_ns * (record.stream & 1 == end)))
            for record in wire.records
        ]
        check(wire, records)


def test_the_answer_to_the_syn_is_stamped_before_it():
    wire = dialogue()
    swapped = [replace(record, syn_ns=record.synack_ns, synack_ns=record.syn_ns) for record in wire.records]
    exchanges = check(wire, swapped)
    for exchange in exchanges:
        assert (exchange.timing.connect, exchange.timing.wait, exchange.timing.total) == (None, None, None)
        assert exchange.timing.receive == 0


@given(st.lists(st.integers(1, 10), min_size=4 * ROUNDS + 2, max_size=4 * ROUNDS + 2), st.booleans())
def test_any_times(times: list[int], pieces: bool):
    wire = dialogue(pieces=pieces)
    records = [
        replace(record, time_ns=time_ns, syn_ns=4, synack_ns=6)
        for record, time_ns in zip(wire.records, times, strict=False)
    ]
    check(wire, records)


def check(wire: Wire, records: list) -> list:
    """Both roads agree, as all forms of them do; and what is said can be."""
    exchanges = wire.read_in_every_way(records)
    assert [exchange.complete for exchange in exchanges] == [True] * ROUNDS
    for exchange in exchanges:
        timing, request, answer = exchange.timing, exchange.request, exchange.response
        assert timing.send == (None if request.end_ns < request.start_ns else (request.end_ns - request.start_ns) / 1e9)
        for figure in (timing.connect, timing.send, timing.wait, timing.receive, timing.total):
            assert figure is None or figure >= 0
        if exchange.connection.clocks_differ:
            assert (timing.connect, timing.wait, timing.total) == (None, None, None)
        elif timing.total is not None:
            assert request.start_ns <= answer.start_ns <= answer.end_ns
    return exchanges
