"""Traffic cannot raise: any bytes, in any segments, with any numbers and flags, are taken and accounted for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.forms.line import BODIES
from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.outputs.raw import RawOutput
from sockfilter.protocols.body import BodyPolicy
from tests.support.dialogues import CASES
from tests.support.losses import SCRIPTS, records_of
from tests.support.talk import Case, Said, read
from tests.support.wire import ACK, FIN, MASK, PSH, RST, SYN, Wire

if TYPE_CHECKING:
    from sockfilter.model import Exchange
    from tests.support.losses import Spoken

POLICIES = [
    BodyPolicy(1 << 62),
    BodyPolicy(0, decodes=False),
    BodyPolicy(5),
    BodyPolicy(50, decodes=False, as_sent=True),
]
# what makes parsers stumble
SPICE = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n",
]
SPICE += [
    b"Content-Length: 7\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"\x1b[2J",
    b"\xff",
    b":",
]

pieces = st.one_of(st.binary(max_size=30), st.sampled_from(SPICE))
rubbish = st.lists(pieces, max_size=8).map(b"".join)


class Nowhere:
    def write(self, data: memoryview) -> int:
        return len(data)


def check(exchanges: list[Exchange]) -> None:
    """Each can be shown, and says why it is not whole."""
    outputs = [
        TextOutput(Nowhere(), verbosity=BODIES),
        RawOutput(Nowhere(), escape=True),
        JsonOutput(Nowhere(), bodies=True),
    ]
    for exchange in exchanges:
        assert exchange.request or exchange.response or exchange.informational
        assert exchange.complete or exchange.problems
        assert all(seconds is None or seconds >= 0 for seconds in exchange.timing)
        text, raw, line = (output.render(exchange) for output in outputs)
        assert b"\x1b" not in text + raw
        assert json.loads(line)["problems"] == [problem.value for problem in exchange.problems]


@given(st.lists(st.tuples(st.integers(0, 1), rubbish), max_size=12), st.sampled_from(POLICIES))
def test_any_bytes(said: list[Said], policy: BodyPolicy):
    check(read(*said, policy=policy))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@given(data=st.data())
def test_messages_that_are_damaged(case: Case, data: st.DataObject):
    """Bytes are put in, taken out and changed; segments are repeated, and begin elsewhere."""
    said = []
    for end, spoken in case.said * 2:
        at = data.draw(st.integers(0, len(spoken)))
        away = data.draw(st.integers(0, 9))
        said.append((end, spoken[:at] + data.draw(st.one_of(st.just(b""), pieces)) + spoken[at + away :]))
    check(read(*data.draw(st.permutations(said)), policy=data.draw(st.sampled_from(POLICIES))))


flags = st.sampled_from([ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, SYN, SYN | ACK, FIN | SYN | RST | ACK, 0, 255])
jumps = st.one_of(st.integers(-40, 40), st.sampled_from([1 << 20, -(1 << 20), 1 << 30, 1 << 31, -(1 << 30)]))


@given(
    st.sampled_from(sorted(SCRIPTS)),
    st.lists(st.tuples(st.integers(0, 20), flags, jumps, jumps, st.integers(0, 300), rubbish), max_size=12),
    st.booleans(),
    st.sampled_from(POLICIES),
)
def test_any_segments(name: str, odd: list[tuple[int, int, int, int, int, bytes]], whole: bool, policy: BodyPolicy):
    """Between those of a dialogue there are others, with any numbers, flags, bytes and lengths."""
    wire = Wire()
    records = list(records_of(wire, SCRIPTS[name], whole=whole))
    for at, flag, seq, ack, kept, data in odd:
        model = records[at % len(records)]
        records.insert(
            at % len(records),
            replace(
                model,
                seq=(model.seq + seq) & MASK,
                ack=(model.ack + ack) & MASK,
                flags=flag,
                data=data,
                kept=min(kept, len(data)),
            ),
        )
    check(wire.read(records, policy))
    assert wire.ledger is not None
    assert wire.ledger.is_balanced, wire.ledger.imbalance


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_every_flag_at_every_place(script: list[Spoken]):
    for flag in (SYN, SYN | ACK, RST, FIN | ACK, 0, 255):
        for at in range(len(script)):
            wire = Wire()
            records = records_of(wire, script)
            check(wire.read([*records[:at], replace(records[at], flags=flag), *records[at:]]))
            assert wire.ledger is not None
            assert wire.ledger.is_balanced
