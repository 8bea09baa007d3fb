"""Valid messages of any shape, in any segments: they come out as they were meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import Turn, said_in_turns, said_together, turns
from tests.support.talk import facts, read
from tests.support.wire import MASK, Wire
from tests.unit.road.test_pipeline_order import read as read_records
from tests.unit.road.test_pipeline_order import shuffled

if TYPE_CHECKING:
    from sockfilter.model import Exchange, Message
    from tests.support.messages import Sent
    from tests.support.talk import Said

METHODS = ["GET", "POST", "PUT", "HEAD", "FROB", "patch"]


def check_message(message: Message, sent: Sent) -> None:
    assert message.raw == sent.raw[: len(message.raw)]
    assert list(message.headers) == sent.headers
    assert message.body == sent.body
    assert (message.body.wire_len, message.body.length) == (len(sent.body), len(sent.body))
    assert list(message.trailers) == sent.trailers
    assert message.complete


def check(exchanges: list[Exchange], dialogue: list[Turn]) -> None:
    assert len(exchanges) == len(dialogue)
    for exchange, turn in zip(exchanges, dialogue, strict=True):
        request, response = exchange.request, exchange.response
        assert request is not None
        assert response is not None
        assert (request.method, request.target, request.version) == turn.request.start
        assert (str(response.status), response.reason) == turn.response.start
        check_message(request, turn.request)
        check_message(response, turn.response)
        for message, sent in zip(exchange.informational, turn.informational, strict=True):
            assert str(message.status) == sent.start[0]
            check_message(message, sent)
        assert not exchange.problems


@given(turns(methods=METHODS[:-2]))
def test_in_turns(dialogue: list[Turn]):
    check(read(*said_in_turns(dialogue)), dialogue)


@given(turns(methods=METHODS[:-2]))
def test_together(dialogue: list[Turn]):
    check(read(*said_together(dialogue)), dialogue)


@given(turns(methods=METHODS[:-2]), st.lists(st.integers(1, 50), min_size=1))
def test_in_segments_of_any_size(dialogue: list[Turn], sizes: list[int]):
    said: list[Said] = []
    for end, data in said_in_turns(dialogue):
        while data:
            size = sizes[len(said) % len(sizes)]
            said.append((end, data[:size]))
            data = data[size:]  # noqa: PLW2901  # what is left of it
    check(read(*said), dialogue)


@given(turns(methods=METHODS[:-2], until_close=True).map(lambda dialogue: dialogue[-1:]))
def test_until_close(dialogue: list[Turn]):
    check(read(*said_in_turns(dialogue)), dialogue)


@given(turns(methods=METHODS))
def test_any_method_behind_the_first(dialogue: list[Turn]):
    first = Turn(dialogue[0].request, [], dialogue[0].response)
    if dialogue[0].request.start[0] in METHODS[:-2]:
        check(read(*said_in_turns([first, *dialogue])), [first, *dialogue])


@given(
    turns(methods=METHODS[:-2]),
    st.lists(st.integers(1, 60), min_size=1, max_size=9),
    st.lists(st.integers(0, 4), min_size=1, max_size=9),
    st.lists(st.integers(0, 30), max_size=4),
    st.integers(0, MASK),
)
def test_in_records_out_of_order(dialogue: list[Turn], sizes: list[int], keys: list[int], again: list[int], isn: int):
    wire = Wire()
    talker = wire.connection(isn=(isn, (isn * 7) & MASK))
    for end, data in said_in_turns(dialogue):
        for at in range(0, len(data), size := sizes[len(data) % len(sizes)]):
            talker.send(end, data[at : at + size])
    talker.close()
    # the first opens the connection: an end that overtakes it is nobody's
    seen = [wire.records[0], *shuffled(wire.records[1:], keys)]
    for i in again:
        if i < len(seen):
            seen.insert(i + 3, seen[i])
    exchanges = read_records(seen)
    check(exchanges, dialogue)
    assert facts(exchanges) == facts(read(*said_in_turns(dialogue)))
