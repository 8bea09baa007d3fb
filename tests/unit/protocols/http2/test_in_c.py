"""What is read in C is what the receivers in Python read, however it is cut, and whatever is lost or malformed."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockfilter.model.policy import BodyPolicy
from sockfilter.protocols.http2.usual import DETOUR_SEGMENTS, UsualReceiver
from tests.support.http2 import (
    PREFACE,
    Encoder,
    Peer,
    answers,
    asks,
    conversation,
    data,
    frame,
    goaway,
    ping,
    priority,
    reset,
    settings,
    told,
    window_update,
)
from tests.support.talk import CLIENT, SERVER, Dialogue, Said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

POLICIES = [BodyPolicy(1 << 16), BodyPolicy(0), BodyPolicy(0, decodes=False), BodyPolicy(5), BodyPolicy(1 << 20)]
GZIP = b"content-encoding", b"gzip"
BEGUN: list[Said] = [(CLIENT, PREFACE + settings((1, 4096))), (SERVER, settings((3, 100)))]


def account(dialogue: Dialogue) -> list[Any]:
    """All that is told, with the times."""
    exchanges = dialogue.close()
    if dialogue.reading is not None:
        dialogue.reading.settle()
    times = [[half and (half.start_ns, half.end_ns, half.place) for half in (x.request, x.response)] for x in exchanges]
    return [*map(told, exchanges), times, dialogue.counts.as_dict(), dialogue.connection.clocks_differ]


def hear(said: Iterable[Said], policy: BodyPolicy, size: int, lost: set[int], *, in_c: bool) -> Dialogue:
    """Segments of at most this size; lost: the places of those that do not come."""
    dialogue, place = Dialogue(policy, in_c=in_c), 0
    for end, words in said:
        for at in range(0, len(words), size):
            piece = words[at : at + size]
            if place in lost:
                dialogue.lose(end, len(piece))
            else:
                dialogue.say(end, piece)
            place += 1
    return dialogue


def assert_same(
    said: list[Said], policy: BodyPolicy = POLICIES[0], size: int = 1 << 20, lost: Iterable[int] = ()
) -> None:
    found, right = (account(hear(said, policy, size, set(lost), in_c=in_c)) for in_c in (True, False))
    assert found == right


def usual(streams: int, *more: tuple[bytes, bytes], make: Callable[[], Any] = Encoder) -> list[Said]:
    """A conversation in which nothing is unusual."""
    client, server = Peer(make()), Peer(make())
    said = list(BEGUN)
    for number in range(streams):
        stream = 2 * number + 1
        said.append((CLIENT, client.headers(stream, asks(b"/%d" % (number % 7), b"GET", (b"accept", b"*/*")))))
        if number % 3 == 2:
            for each in (stream, stream - 2, stream - 4):
                head = server.headers(each, answers(b"200", (b"server", b"s"), *more), last=False)
                said.append((SERVER, head + data(each, b"x" * (each % 50))))
    return said


def is_read_in_c(dialogue: Dialogue) -> bool:
    receiver = dialogue.talk.receivers[0]
    return isinstance(receiver, UsualReceiver) and receiver._reader.state is not None


def test_a_usual_conversation_is_read_in_c():
    dialogue = hear(usual(30), POLICIES[0], 1 << 20, set(), in_c=True)
    assert is_read_in_c(dialogue)
    assert len(dialogue.exchanges) == 30
    for policy in POLICIES:
        assert_same(usual(30), policy)


@pytest.mark.parametrize("size", [*range(1, 40), 100, 1000])
def test_cut_anywhere(size: int):
    assert_same(usual(12), POLICIES[size % len(POLICIES)], size)


@given(st.integers(0, 1 << 32), st.sampled_from(POLICIES), st.sampled_from([1 << 20, 1, 5, 9, 30, 100, 1400]))
def test_anything_that_ends_say(seed: int, policy: BodyPolicy, size: int):
    said, _ = conversation(Random(seed), 8)
    assert_same(said, policy, size)


@given(
    st.integers(0, 1 << 32),
    st.sets(st.integers(0, 80), max_size=4),
    st.sampled_from(POLICIES),
    st.sampled_from([30, 400]),
)
def test_whatever_is_lost(seed: int, lost: set[int], policy: BodyPolicy, size: int):
    said, _ = conversation(Random(seed), 6)
    assert_same(said, policy, size, lost)


@given(
    st.integers(0, 1 << 32),
    st.lists(st.tuples(st.integers(2, 40), st.integers(0, 300), st.integers(0, 255)), max_size=3),
)
def test_bytes_that_are_changed(seed: int, changes: list[tuple[int, int, int]]):
    said, _ = conversation(Random(seed), 6)
    for turn, place, value in changes:
        end, words = said[turn % len(said)]
        if words and turn % len(said) > 1:
            at = place % len(words)
            said[turn % len(said)] = end, words[:at] + bytes([value]) + words[at + 1 :]
    assert_same(said)


FRAMES = st.builds(
    frame,
    st.integers(0, 18),
    st.sampled_from([0, 1, 2, 3, 5, 7, 1 << 31]),
    st.binary(max_size=12)
    | st.sampled_from([b"\x82\x84\x86", b"\x88", bytes(4), bytes(5), bytes(8), b"\x82\x84\x86\xbe"]),
    st.sampled_from([0, 1, 4, 5, 8, 0x20, 0x25, 0x2D]),
)


@given(st.lists(st.tuples(st.sampled_from([CLIENT, SERVER]), FRAMES), max_size=25), st.sampled_from([1 << 20, 7]))
def test_any_frames(said: list[Said], size: int):
    assert_same([*usual(3), *said, *usual(3)[2:]], size=size)


@pytest.mark.parametrize(
    "more",
    [
        (b"content-encoding", b"gzip"),
        (b"content-encoding", b"identity"),
        (b"content-encoding", b"br, identity"),
        (b"content-type", b"application/grpc"),
        (b"content-type", b" text/event-stream"),
        (b"Content-Type", b"Text/Event-Stream"),
        (b":late", b"1"),
        (b"", b"no name"),
    ],
)
def test_heads_that_say_more(more: tuple[bytes, bytes]):
    for policy in POLICIES:
        assert_same(usual(9, more), policy)


@pytest.mark.parametrize(
    "status", [b"100", b"103", b"101", b"000", b"099", b"999", b"20", b"2000", b"2 0", b"", b"abc", "²00".encode()]
)
def test_any_status(status: bytes):
    client, server = Peer(), Peer()
    said = [*BEGUN]
    for stream in (1, 3, 5):
        said += [(CLIENT, client.headers(stream, asks())), (SERVER, server.headers(stream, answers(status)))]
    assert_same(said)


@pytest.mark.parametrize(
    "between",
    [
        reset(3),
        reset(99),
        goaway(3),
        goaway(1),
        ping(),
        priority(3),
        window_update(3),
        settings((1, 0)),
        settings((1, 100), (5, 1 << 20), (1, 200)),
        data(3, b"too much"),
        data(7, b"of no stream"),
        data(3, b"padded", pad=3),
        frame(0x10, 0, b"u=1"),
        frame(0x77, 5, b"?"),
        frame(1, 3, b"\x82", 0x4),
        frame(9, 3, b"\x82", 0x4),
    ],
)
@pytest.mark.parametrize("end", [CLIENT, SERVER])
def test_frames_between(between: bytes, end: int):
    said = usual(30)
    for at in range(3, len(said), 5):
        assert_same([*said[:at], (end, between), *said[at:]])


def test_a_connection_comes_back_after_a_loss():
    said = usual(3 * DETOUR_SEGMENTS)
    dialogue = hear(said, POLICIES[0], 1 << 20, {40}, in_c=True)
    assert is_read_in_c(dialogue)
    assert_same(said, lost={40})
    assert_same(said, lost={40, 41, 200}, size=25)


def test_open_exchanges_are_there_when_they_are_asked_for():
    dialogue = hear(usual(31), POLICIES[0], 1 << 20, set(), in_c=True)
    assert is_read_in_c(dialogue)
    assert [exchange.request.target for exchange in dialogue.talk.open] == ["/2"]
    assert (dialogue.talk.count, dialogue.talk.is_idle) == (31, False)
    assert is_read_in_c(dialogue)
    assert len(dialogue.close()) == 31


def test_times_of_another_clock():
    """Times may go back, and the exchanges say so as they do without C."""
    accounts = []
    for in_c in (True, False):
        dialogue = Dialogue(in_c=in_c)
        for number, (end, words) in enumerate(usual(60)):
            if number in (20, 35):
                dialogue.now_ns -= 9500
            dialogue.say(end, words)
        accounts.append(account(dialogue))
    assert accounts[0] == accounts[1]


def test_long_bodies_and_heads():
    client, server = Peer(), Peer()
    said = list(BEGUN)
    for stream in range(1, 21, 2):
        said.append((CLIENT, client.headers(stream, asks(b"/" + b"x" * 900 * stream, b"POST"), last=False)))
        said.append((CLIENT, data(stream, b"u" * 1000 * stream)))
        said.append((SERVER, server.headers(stream, answers(), last=False)))
        said += [(SERVER, data(stream, b"d" * 3000, last=False)) for _ in range(stream)]
        said.append((SERVER, data(stream, b"", last=True)))
    for policy in POLICIES:
        for size in (1 << 20, 1448):
            assert_same(said, policy, size)


@pytest.mark.parametrize("kind", [0, 1, 3, 4, 9, 0x77])
@pytest.mark.parametrize("size", [1, 8, 100, 1 << 20])
def test_frames_longer_than_any(kind: int, size: int):
    head = (1 << 20).to_bytes(3, "big") + bytes([kind, 0, 0, 0, 0, 3])
    assert_same([*usual(9), (CLIENT, head + bytes(5000)), *usual(9)[2:]], size=size)


def test_more_streams_than_are_followed():
    client, server = Peer(), Peer()
    asked = [(CLIENT, client.headers(stream, asks())) for stream in range(1, 1001, 2)]
    assert_same([*BEGUN, *asked, *((SERVER, server.headers(stream, answers())) for stream in range(999, 0, -2))])


def test_fields_that_refer_to_one_long_entry_again_and_again():
    client = Peer()
    head = client.headers(1, asks(b"/", b"GET", (b"x-long", b"v" * 3000)))
    bomb = frame(1, 3, b"\x82\x84\x86" + b"\xbe" * 3000, 5)
    said = [*BEGUN, (CLIENT, head), (CLIENT, bomb), (CLIENT, frame(1, 5, b"\x82\x84\x86" + b"\xbe" * 300, 5))]
    assert_same(said)
    dialogue = hear(said, POLICIES[0], 1 << 20, set(), in_c=True)
    fields = dialogue.talk.open[1].request.head._fields.others  # type: ignore[union-attr]  # it has no public name
    assert len({id(field[1]) for field in fields}) == 1
