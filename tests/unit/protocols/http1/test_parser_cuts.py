"""However the bytes are cut into segments, the answer is the same."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.protocols.body import BodyPolicy
from tests.support.dialogues import CASES
from tests.support.talk import Said, facts, read
from tests.support.thorough import TIMES, examples

if TYPE_CHECKING:
    from collections.abc import Iterator

# cuts of one message into three: of longer messages, every nth pair of places
PAIRS_MAX = 250 * TIMES
POLICIES = {
    "everything": BodyPolicy(1 << 62),
    "nothing": BodyPolicy(0, decodes=False),
    "the first bytes": BodyPolicy(3),
    "as sent": BodyPolicy(1 << 62, decodes=False, as_sent=True),
    "the first bytes as sent": BodyPolicy(8, decodes=False, as_sent=True),
}


def cut_once(said: tuple[Said, ...]) -> Iterator[list[Said]]:
    for i, (end, data) in enumerate(said):
        for at in range(1, len(data)):
            yield [*said[:i], (end, data[:at]), (end, data[at:]), *said[i + 1 :]]


def cut_twice(said: tuple[Said, ...]) -> Iterator[list[Said]]:
    for i, (end, data) in enumerate(said):
        pairs = list(combinations(range(1, len(data)), 2))
        for first, second in pairs[:: len(pairs) // PAIRS_MAX + 1]:
            pieces = [(end, data[:first]), (end, data[first:second]), (end, data[second:])]
            yield [*said[:i], *pieces, *said[i + 1 :]]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_whole(case):
    exchanges = read(*case.said)
    assert len(exchanges) == case.exchanges
    assert all(exchange.complete and not exchange.problems for exchange in exchanges)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cut_at_every_byte(case, policy):
    expected = facts(read(*case.said, policy=policy))
    for said in cut_once(case.said):
        assert facts(read(*said, policy=policy)) == expected, said


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cut_at_every_byte_but_one(case):
    """One byte a segment."""
    said = [(end, data[i : i + 1]) for end, data in case.said for i in range(len(data))]
    assert facts(read(*said)) == facts(read(*case.said))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_cut_at_two_bytes(case):
    expected = facts(read(*case.said))
    for said in cut_twice(case.said):
        assert facts(read(*said)) == expected, said


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@examples(15)
@given(data=st.data())
def test_cut_anywhere(case, data):
    said: list[Said] = []
    for end, spoken in case.said:
        cuts = sorted(data.draw(st.sets(st.integers(1, len(spoken) - 1), max_size=8)))
        said += [(end, spoken[a:b]) for a, b in zip([0, *cuts], [*cuts, len(spoken)], strict=True)]
    assert facts(read(*said)) == facts(read(*case.said))
