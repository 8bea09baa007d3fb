"""A WebSocket with bytes missing: what is told has passed, and the frames are found again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model import Problem, StreamMessage
from sockfilter.road.pipeline import Pipeline
from tests.support.talk import CLIENT, SERVER
from tests.support.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    PING,
    REQUEST,
    RESPONSE,
    TEXT,
    Deflating,
    frame,
    opened,
    told,
)
from tests.support.wire import BATCH, EVERYTHING, Orders, Record, Wire, packed
from tests.unit.road.test_pipeline_order import shuffled

CONTENTS = [f"message {n} {'tick ' * (n % 7)}".encode() for n in range(40)]


def contents_of(messages: list[StreamMessage]) -> list[bytes]:
    return [bytes(message.body) for message in messages]


@pytest.mark.parametrize("end", [CLIENT, SERVER])
@pytest.mark.parametrize("segment", [1, 13, 400])
def test_each_segment_lost_in_turn(end: int, segment: int):
    sent = b"".join(frame(TEXT, content, end=end) for content in CONTENTS)
    pieces = [sent[at : at + segment] for at in range(0, len(sent), segment)]
    for lost in range(0, len(pieces), max(1, len(pieces) // 40)):
        dialogue = opened()
        for i, piece in enumerate(pieces):
            if i == lost:
                dialogue.lose(end, len(piece))
            else:
                dialogue.say(end, piece)
        dialogue.close()
        whole = [message for message in dialogue.messages if Problem.GAP not in message.problems]
        found = contents_of(whole)
        assert found == [content for content in CONTENTS if content in found], "in order, and each as it passed"
        if segment == 400:  # several messages in each, none of which begins where a segment begins
            assert len(found) >= len(CONTENTS) - 400 // 12 - 5


def test_each_frame_lost_in_turn():
    for lost in range(len(CONTENTS) - 3):
        dialogue = opened()
        for i, content in enumerate(CONTENTS):
            sent = frame(TEXT, content)
            if i == lost:
                dialogue.lose(SERVER, len(sent))
            else:
                dialogue.say(SERVER, sent)
        assert contents_of(dialogue.messages) == CONTENTS[:lost] + CONTENTS[lost + 1 :]
        assert [message.problems for message in dialogue.messages].count((Problem.RESYNCHRONISED,)) == 1


def test_bytes_missing_within_a_payload_leave_the_frame():
    sent = frame(BINARY, b"x" * 1000, end=CLIENT)
    for start in (8, 500, 999):
        dialogue = opened().say(CLIENT, sent[:start]).lose(CLIENT, 8).say(CLIENT, sent[start + 8 :])
        dialogue.say(CLIENT, frame(TEXT, b"next", end=CLIENT))
        first, second = dialogue.messages
        assert (first.problems, first.body.wire_len, first.body.length) == ((Problem.GAP,), 1000, 1000)
        assert first.body == b"x" * (start - 8)
        assert (second.problems, second.body) == ((), b"next")


@pytest.mark.parametrize("keeps", [True, False])
def test_compressed_messages_after_a_gap(keeps: bool):
    extensions = DEFLATE % (b"" if keeps else b"; server_no_context_takeover")
    deflate = Deflating(keeps)
    packed_contents = [deflate(content) for content in CONTENTS]
    for lost in range(0, 30, 5):
        dialogue = opened(extensions)
        for i, payload in enumerate(packed_contents):
            sent = frame(TEXT, payload, rsv=4)
            if i == lost:
                dialogue.lose(SERVER, len(sent))
            else:
                dialogue.say(SERVER, sent)
        rest = CONTENTS[:lost] + CONTENTS[lost + 1 :]
        assert len(dialogue.messages) == len(rest)
        for message, content in zip(dialogue.messages, rest, strict=True):
            is_lost = Problem.INFLATE_LOST in message.problems
            assert message.body == (b"" if is_lost else content)
            assert message.body.length == (None if is_lost else len(content))
            assert message.compressed
        lost_count = sum(Problem.INFLATE_LOST in message.problems for message in dialogue.messages)
        assert bool(lost_count) == keeps


def test_a_window_that_begins_anew_is_known_again():
    """A sender may reset its window at any message; one that inflates by itself proves it."""
    before, behind = Deflating(), Deflating()
    dialogue = opened(DEFLATE % b"")
    dialogue.say(SERVER, frame(TEXT, before(CONTENTS[5]), rsv=4))
    missed = frame(TEXT, before(CONTENTS[6]), rsv=4)
    dialogue.lose(SERVER, len(missed))
    for payload in (before(CONTENTS[6]), *(behind(content) for content in CONTENTS[5:9])):
        dialogue.say(SERVER, frame(TEXT, payload, rsv=4))
    assert contents_of(dialogue.messages) == [CONTENTS[5], b"", *CONTENTS[5:9]]


def test_rubbish_after_a_gap_is_counted_and_bounded():
    dialogue = opened().lose(SERVER, 100)
    rubbish = b"\x81\x7e\xff\xff" + b"\0" * 1396
    for _ in range(400):
        dialogue.say(SERVER, rubbish)
        assert dialogue.talk.weight < 200_000
    dialogue.close()
    assert len(dialogue.messages) <= 2 + 400 * 1400 // 65_539
    total = dialogue.counts.unread_bytes + sum(message.body.wire_len + 4 for message in dialogue.messages)
    assert total <= 400 * 1400
    assert total >= 400 * 1400 - 5 * 14


def test_large_frames_are_found_without_keeping_them():
    dialogue = opened().lose(SERVER, 7)
    sent = b"".join(frame(BINARY, bytes([n]) * 200_000) for n in range(6)) + frame(CLOSE, b"\x03\xe8")
    for at in range(0, len(sent), 1400):
        dialogue.say(SERVER, sent[at : at + 1400])
        assert dialogue.talk.receivers[SERVER].weight < 2_000_000
    kinds = [message.kind for message in dialogue.messages]
    assert kinds[-1] == "close"
    assert len(kinds) >= 4
    assert all(set(content) == {content[0]} for content in contents_of(dialogue.messages)[:-1])


def messages_of(records: list[Record], *, batch: int = 1, has_lane: bool = True) -> list[StreamMessage]:
    found: list[StreamMessage] = []
    orders = Orders()
    pipeline = Pipeline(
        orders,
        orders,
        EVERYTHING,
        lambda first, second: True,
        lambda exchange: None,
        has_lane=has_lane,
        emit_message=found.append,
    )
    for view, offsets in packed(records, batch):
        pipeline.consume(view, offsets)
    pipeline.close(max(record.time_ns for record in records))
    return found


def talk_of(sizes: list[int]) -> Wire:
    wire = Wire()
    talker = wire.connection()
    talker.client(REQUEST)
    talker.server(RESPONSE % DEFLATE % b"")
    deflate = Deflating()
    for i, size in enumerate(sizes):
        content = b"tick " * size
        if i % 2:
            talker.server(frame(TEXT, deflate(content), rsv=4))
        else:
            talker.client(frame(TEXT, content, end=CLIENT))
    talker.close()
    return wire


@given(keys=st.lists(st.integers(0, 4), min_size=1, max_size=20), sizes=st.lists(st.integers(0, 90), max_size=10))
def test_segments_in_another_order_say_the_same(keys: list[int], sizes: list[int]):
    records = [replace(record, time_ns=i * 1000) for i, record in enumerate(talk_of(sizes).records)]
    in_order = told(messages_of(records, has_lane=False))
    assert len(in_order) == len(sizes)
    mixed = [replace(record, time_ns=i * 1000) for i, record in enumerate(shuffled(records, keys))]
    for batch in (1, BATCH):
        found = told(messages_of(mixed, batch=batch))
        assert [each for each in found if each.end == CLIENT] == [each for each in in_order if each.end == CLIENT]
        assert [each for each in found if each.end == SERVER] == [each for each in in_order if each.end == SERVER]


def test_the_messages_refer_to_the_number_of_their_exchange():
    messages = messages_of(talk_of([3, 4]).records)
    assert [message.exchange and message.exchange.id for message in messages] == [1, 1]


@pytest.mark.parametrize("fin", [True, False])
def test_the_rest_of_a_message_is_none_even_after_a_control_message(fin: bool):
    """A ping may stand between the frames of a message whose beginning was lost (RFC 6455, 5.4)."""
    dialogue = opened()
    begin = frame(TEXT, b"part one, ", fin=False)
    dialogue.lose(SERVER, len(begin))
    for sent in (frame(PING, b"p"), frame(CONTINUATION, b"part two, ", fin=False), frame(PING, b"q")):
        dialogue.say(SERVER, sent)
    if fin:
        dialogue.say(SERVER, frame(CONTINUATION, b"the end"))
    dialogue.say(SERVER, frame(TEXT, b"next") + frame(CONTINUATION, b"not allowed here"))
    told = [(message.kind, bytes(message.body)) for message in dialogue.messages]
    assert told == [("ping", b"p"), ("ping", b"q"), ("text", b"next"), ("continuation", b"not allowed here")]
    assert dialogue.messages[-1].problems == (Problem.BAD_FRAME,)


def test_the_reason_of_a_close_is_not_cut():
    sent = frame(CLOSE, b"\x03\xe9going away")
    dialogue = opened().say(SERVER, sent[:8]).lose(SERVER, 3).say(SERVER, sent[11:])
    (message,) = dialogue.messages
    assert (message.close.code, message.close.reason) == (1001, None)
    assert message.problems == (Problem.GAP,)
