"""Records in another order, more often than once, cut short or laid over one another: the exchanges are the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.losses import PIPELINED, SCRIPTS, check_truth, records_of, simple
from tests.support.talk import facts
from tests.support.thorough import examples
from tests.support.wire import MASK, Wire

if TYPE_CHECKING:
    from sockfilter.model import Exchange
    from tests.support.losses import Spoken
    from tests.support.wire import Record

ALL = {**SCRIPTS, **PIPELINED}
EACH = pytest.mark.parametrize("script", ALL.values(), ids=ALL.keys())
# records that one may be overtaken by, and nanoseconds between two
WINDOW = 4
STEP_NS = 1000


def read(records: list[Record]) -> list[Exchange]:
    """As they come, one after the other."""
    wire = Wire()
    exchanges = wire.read([replace(record, time_ns=i * STEP_NS) for i, record in enumerate(records)])
    assert wire.ledger is not None
    assert wire.ledger.is_balanced
    return exchanges


def shuffled(records: list[Record], keys: list[int]) -> list[Record]:
    """Each direction in another order, while the directions stay in step."""
    made = list(records)
    for end in (0, 1):
        places = [i for i, record in enumerate(records) if record.stream & 1 == end]
        order = sorted(range(len(places)), key=lambda i: i + keys[i % len(keys)])
        for place, i in zip(places, order, strict=True):
            made[place] = records[places[i]]
    return made


@EACH
@examples(10)
@given(keys=st.lists(st.integers(0, WINDOW), min_size=1, max_size=20), isn=st.integers(0, MASK))
def test_out_of_order(script: list[Spoken], keys: list[int], isn: int):
    wire = Wire()
    talker = wire.connection(isn=(isn, MASK - isn))
    for spoken in script:
        talker.send(spoken.end, spoken.data)
    talker.close()
    assert facts(read(shuffled(wire.records, keys))) == facts(read(wire.records))


@EACH
@examples(10)
@given(again=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=8))
def test_retransmitted(script: list[Spoken], again: list[tuple[int, int]]):
    records = records_of(Wire(), script)
    seen = list(records)
    for which, later in sorted(again, reverse=True):
        if which < len(records):
            seen.insert(which + later, records[which])
    assert facts(read(seen)) == facts(read(records))


@EACH
@examples(10)
@given(sizes=st.lists(st.integers(1, 90), min_size=1), overlaps=st.lists(st.integers(0, 40), min_size=1))
def test_overlapping(script: list[Spoken], sizes: list[int], overlaps: list[int]):
    """Each segment repeats some of the bytes before it."""
    records = records_of(Wire(), script)
    spoken = [b"", b""]
    seen = []
    for i, record in enumerate(records):
        end = record.stream & 1
        back = min(overlaps[i % len(overlaps)], len(spoken[end]))
        before = spoken[end][len(spoken[end]) - back :]
        spoken[end] += record.data
        data = before + record.data
        seen.append(replace(record, seq=(record.seq - back) & MASK, data=data, kept=len(data)))
    assert facts(read(seen)) == facts(read(records))


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
@examples(10)
@given(keys=st.lists(st.integers(0, WINDOW), min_size=1), kept=st.lists(st.integers(0, 300), min_size=1))
def test_cut_and_out_of_order(script: list[Spoken], keys: list[int], kept: list[int]):
    records = shuffled(records_of(Wire(), script), keys)
    seen = [replace(r, kept=min(len(r.data), kept[i % len(kept)])) for i, r in enumerate(records)]
    check_truth(read(seen), script)


@given(st.permutations(range(8)))
def test_both_directions_out_of_step(order: list[int]):
    """What has not happened yet may seem to be answered; nothing is made up of it."""
    script = [*simple(1), *simple(2), *simple(3), *simple(4)]
    records = records_of(Wire(), script, fin=False)
    check_truth(read([records[i] for i in order]), script)


def test_connections_that_are_interleaved():
    wires = [Wire() for _ in ALL]
    told = []
    for i, (wire, script) in enumerate(zip(wires, ALL.values(), strict=True)):
        talker = wire.connection(client=f"10.0.0.1:{40000 + i}")
        for spoken in script:
            talker.send(spoken.end, spoken.data)
        told.append([replace(record, stream=record.stream + 100 * i) for record in wire.records])
    mixed = [record for turn in zip_longest(*told) for record in turn if record is not None]
    exchanges = read(mixed)
    for i, records in enumerate(told):
        mine = [exchange for exchange in exchanges if 40000 + i in (exchange.client.port, exchange.server.port)]
        assert facts(mine) == facts(read(records))
