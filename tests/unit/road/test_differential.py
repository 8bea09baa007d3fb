"""Valid dialogues in segments of every kind: what comes out is what httptools and h11 read of the whole, or is doubted.

Each dialogue goes through the pipeline cut anywhere, in every order of its segments, and with any of them lost:
with nothing lost the messages are those of the oracles; else each that is not doubted is one of theirs, and stands
beside its own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import accumulate, permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import METHODS, said_in_turns, said_together, turns
from tests.support.oracles import Told, by_h11, by_httptools, told
from tests.support.talk import CLIENT, SERVER, read
from tests.support.thorough import examples
from tests.support.wire import EVERYTHING, Orders, Road, Wire, read_by

if TYPE_CHECKING:
    from sockfilter.model import Exchange
    from tests.support.messages import Turn
    from tests.support.talk import Said
    from tests.support.wire import Record

SAY = pytest.mark.parametrize("say", [said_in_turns, said_together])
SEGMENTS = 4  # of one direction, that come in every order


def oracle(dialogue: list[Turn]) -> tuple[list[Told], list[Told]]:
    """The requests, and the responses, informational ones among them."""
    asked = b"".join(turn.request.raw for turn in dialogue)
    answered = b"".join(sent.raw for turn in dialogue for sent in (*turn.informational, turn.response))
    responses = by_h11([turn.request.start[0] for turn in dialogue], answered)
    if "HEAD" not in [turn.request.start[0] for turn in dialogue]:
        assert responses == by_httptools(answered, asks=False)  # they agree among themselves
    return by_httptools(asked, asks=True), responses


def check_same(exchanges: list[Exchange], dialogue: list[Turn]) -> None:
    requests = [told(exchange.request) for exchange in exchanges if exchange.request]
    responses = [told(m) for exchange in exchanges for m in (*exchange.informational, exchange.response) if m]
    assert (requests, responses) == oracle(dialogue)
    assert not any(exchange.problems for exchange in exchanges)


def pairs(dialogue: list[Turn]) -> list[tuple[Told, Told]]:
    """Each request and its final response, as the oracles read them."""
    requests, responses = oracle(dialogue)
    finals = list(accumulate(len(turn.informational) + 1 for turn in dialogue))
    return [(request, responses[at - 1]) for request, at in zip(requests, finals, strict=True)]


def check_or_doubted(exchanges: list[Exchange], known_pairs: list[tuple[Told, Told]]) -> None:
    """What is whole and without a problem is as an oracle reads it; a pair is of one turn."""
    requests, finals = zip(*known_pairs, strict=True)
    for exchange in exchanges:
        for message, known in ((exchange.request, requests), (exchange.response, finals)):
            if message is None:
                assert exchange.problems, exchange
            elif message.complete:
                assert told(message) in known, exchange
            else:
                assert message.problems, exchange
        if exchange.complete:
            assert (told(exchange.request), told(exchange.response)) in known_pairs, exchange


def by_records(records: list[Record]) -> list[Exchange]:
    """By the lane where that can be; Wire.read() compares both, and would take twice as long."""
    exchanges, ledger = read_by(Road(Orders(), EVERYTHING, True, has_lane=True), records)
    assert ledger.is_balanced
    return exchanges


def records_of(said: list[Said], size: int = 1 << 16) -> list[Record]:
    wire = Wire()
    talker = wire.connection()
    for end, data in said:
        for at in range(0, len(data), size):
            talker.send(end, data[at : at + size])
    talker.close()
    return wire.records


def places(data: bytes) -> list[int]:
    """Where to cut: at each byte near a blank line, the start or the end; of those in between, at every seventh."""
    edges = [0, *(found.end() for found in re.finditer(b"\r\n\r\n", data)), len(data)]
    near = {edge + by for edge in edges for by in range(-5, 6)}
    return [at for at in range(1, len(data)) if at in near or at % 7 == 0]


dialogues = turns(methods=[*METHODS, "HEAD"])


@SAY
@examples(5)
@given(dialogue=dialogues)
def test_cut_anywhere(say, dialogue: list[Turn]):
    said = say(dialogue)
    expected = oracle(dialogue)
    for i, (end, data) in enumerate(said):
        for at in places(data):
            exchanges = read(*said[:i], (end, data[:at]), (end, data[at:]), *said[i + 1 :])
            requests = [told(e.request) for e in exchanges if e.request]
            responses = [told(m) for e in exchanges for m in (*e.informational, e.response) if m]
            assert (requests, responses) == expected, (i, at)


@examples(30)
@given(dialogue=dialogues, size=st.integers(1, 40))
def test_in_small_segments(dialogue: list[Turn], size: int):
    check_same(by_records(records_of(said_in_turns(dialogue), size)), dialogue)


@pytest.mark.parametrize("end", [CLIENT, SERVER])
@examples(8)
@given(dialogue=dialogues, data=st.data())
def test_in_every_order_of_segments(end: int, dialogue: list[Turn], data: st.DataObject):
    """Of what one end says at once, cut into some segments."""
    said = said_together(dialogue)
    whole = said[end][1]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), min_size=SEGMENTS - 1, max_size=SEGMENTS - 1)))
    pieces = [(end, whole[a:b]) for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    records = records_of([*said[:end], *pieces, *said[end + 1 :]])
    for order in permutations(range(end, end + SEGMENTS)):
        seen = [*records[:end], *(records[i] for i in order), *records[end + SEGMENTS :]]
        times = [record.time_ns for record in records]
        check_same(by_records([replace(record, time_ns=at) for record, at in zip(seen, times, strict=True)]), dialogue)


@SAY
@examples(10)
@given(dialogue=dialogues, size=st.integers(10, 120))
def test_with_any_one_segment_lost(say, dialogue: list[Turn], size: int):
    """Each one with which a message begins or ends, or its neighbour; of those in between, every seventh."""
    records, known = records_of(say(dialogue), size), pairs(dialogue)
    for i, record in enumerate(records):
        near = records[max(0, i - 2) : i + 3]
        if i % 7 == 0 or any(other.stream != record.stream or b"HTTP/1." in other.data for other in near):
            check_or_doubted(by_records([*records[:i], *records[i + 1 :]]), known)


@examples(40)
@given(dialogue=dialogues, size=st.integers(10, 120), lost=st.sets(st.integers(0, 40), min_size=2, max_size=12))
def test_with_any_segments_lost(dialogue: list[Turn], size: int, lost: set[int]):
    records = records_of(said_in_turns(dialogue), size)
    check_or_doubted(by_records([record for i, record in enumerate(records) if i not in lost]), pairs(dialogue))


@examples(30)
@given(dialogue=dialogues, size=st.integers(10, 120), start=st.integers(0, 60))
def test_from_the_middle_on(dialogue: list[Turn], size: int, start: int):
    """A capture that begins later."""
    wire = Wire()
    talker = wire.connection(whole=False)
    for end, data in said_in_turns(dialogue):
        for at in range(0, len(data), size):
            talker.send(end, data[at : at + size])
    check_or_doubted(by_records(wire.records[start:]), pairs(dialogue))
