"""However the bytes of HTTP/2 are cut into segments, the exchanges are the same."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.http2 import (
    PREFACE,
    Peer,
    answers,
    asks,
    conversation,
    data,
    goaway,
    ping,
    priority,
    read_all,
    reset,
    settings,
)
from tests.support.talk import CLIENT, SERVER, Dialogue, Said


def short() -> list[Said]:
    """Every kind of frame once, in few bytes."""
    client, server = Peer(), Peer()
    return [
        (CLIENT, PREFACE + settings((1, 8192), (5, 1 << 15)) + client.headers(1, asks(b"/a"), pad=2, priority=True)),
        (SERVER, settings() + ping() + server.promise(1, 2, asks(b"/p"), pieces=2)),
        (SERVER, server.headers(1, answers(b"103"), last=False) + server.headers(1, answers(), last=False, pieces=3)),
        (CLIENT, priority(1) + client.headers(3, asks(b"/b", b"POST"), last=False) + data(3, b"ask", pad=1)),
        (
            SERVER,
            data(1, b"one", last=False, pad=3) + server.headers(1, [(b"sum", b"1")]) + server.headers(2, answers()),
        ),
        (SERVER, server.headers(3, answers(b"404"), last=False) + data(3, b"", last=False)),
        (CLIENT, client.headers(5, asks(b"/c")) + reset(3)),
        (SERVER, goaway(3)),
    ]


SHORT = short()
WHOLE = read_all(SHORT)


def test_all_kinds_are_in_it():
    assert [exchange["request"]["target"] for exchange in WHOLE] == ["/a", "/p", "/b", "/c"]
    dialogue = Dialogue().hear(SHORT)
    kinds = ["data", "headers", "priority", "rst_stream", "settings", "push_promise", "ping", "goaway", "continuation"]
    assert sorted(dialogue.counts.frames) == sorted(kinds)


@pytest.mark.parametrize("turn", range(len(SHORT)))
def test_cut_in_two_at_every_byte(turn: int):
    end, words = SHORT[turn]
    for at in range(1, len(words)):
        cut = [*SHORT[:turn], (end, words[:at]), (end, words[at:]), *SHORT[turn + 1 :]]
        assert read_all(cut) == WHOLE, at


def test_byte_by_byte():
    assert read_all((end, words[at : at + 1]) for end, words in SHORT for at in range(len(words))) == WHOLE


def test_all_at_once():
    """Frames of one end in one segment, where no order between the ends is lost by that."""
    joined: list[Said] = []
    for end, words in SHORT:
        if joined and joined[-1][0] == end:
            joined[-1] = end, joined[-1][1] + words
        else:
            joined.append((end, words))
    assert read_all(joined) == WHOLE


@given(st.randoms(use_true_random=False), st.data())
def test_random_conversations_cut_anywhere(random: Random, draw: st.DataObject):
    said, _ = conversation(random, 3)
    cut: list[Said] = []
    for end, words in said:
        places = sorted({0, len(words), *draw.draw(st.lists(st.integers(0, len(words)), max_size=3))})
        cut += [(end, words[a:b]) for a, b in pairwise(places)]
    assert read_all(cut) == read_all(said)
