"""Bytes in a SYN (RFC 7413): it acknowledges nothing, and the answer to it says where the other end begins."""

from __future__ import annotations

import pytest

from sockfilter.model.problem import Problem
from sockfilter.streams.direction import UNANSWERED_SYN_NS
from tests.support.segments import ACK, RST, SYN, Scene, flow_start
from tests.support.wire import MILLISECOND, Record, Wire

GET = b"GET /%d HTTP/1.1\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d"


def scene() -> Scene:
    """Before the first segment, which is the client's SYN: of the server nothing is known."""
    made = Scene()
    made.start = flow_start(isn=(made.isn[0], None), syn_ns=1)
    return made


def test_they_wait_for_the_answer():
    s = scene()
    s.send(0, -1, b"abc", flags=SYN, acked=-s.isn[1] - 1)
    assert not s.tapes[0].content
    s.send(1, -1, flags=SYN | ACK, acked=3)
    assert s.tapes[0].content == b"abc"
    assert s.conversations[-1].connection.model.connect_ns is not None


@pytest.mark.parametrize("silence_ns", [2 * MILLISECOND, 1_000_000_000, 3_000_000_000])
def test_a_syn_that_is_repeated_may_lack_them(silence_ns: int):
    s = scene()
    s.send(0, -1, b"abc", flags=SYN)
    s.tick(silence_ns)
    s.send(0, -1, flags=SYN)
    s.send(1, -1, flags=SYN | ACK)
    s.send(0, 0, b"abc")
    assert s.tapes[0].content == b"abc"
    assert s.conversations[-1].connection.start.isn == s.isn


def test_they_do_not_wait_for_ever():
    s = scene()
    s.send(0, -1, b"abc", flags=SYN)
    s.tick(UNANSWERED_SYN_NS)
    assert s.tapes[0].content == b"abc"
    assert not s.table.holes


def test_what_the_server_says_shows_that_there_was_an_answer():
    s = scene()
    s.send(0, -1, b"abc", flags=SYN)
    s.send(1, 0, b"xyz", acked=3)
    assert [tape.content for tape in s.tapes] == [b"abc", b"xyz"]


def test_a_refusal_ends_the_wait():
    s = scene()
    s.send(0, -1, b"abc", flags=SYN)
    s.send(1, 0, flags=RST | ACK, acked=3)
    assert s.tapes[0].what == [("data", b"abc"), ("end", Problem.RESET)]


class FastOpen:
    """A connection whose client sends in its SYN, as records; the source knows one end's SYN when it opens it."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.talker = self.wire.connection(isn=(1000, 5000))
        # the server has the lower port, and comes first
        self.talker.isn = (None, 1000)
        self.talker.synack_ns = 0

    def open(self, data: bytes) -> list[Record]:
        self.talker.next[0] = 1000
        syn = self.talker.send(0, data, SYN, ack=0)
        self.talker.next[0] = 1001 + len(data)
        return [syn, self.talker.send(1, b"", SYN | ACK, seq=5000)]


def read(fast: FastOpen, lost: set[int]) -> list[tuple[str | None, bytes | None]]:
    exchanges = fast.wire.read([record for i, record in enumerate(fast.wire.records) if i not in lost])
    assert fast.wire.ledger.is_balanced
    assert all(exchange.complete or exchange.problems for exchange in exchanges)
    return [
        (exchange.request and exchange.request.target, exchange.response and exchange.response.body)
        for exchange in exchanges
    ]


@pytest.mark.parametrize("together", [False, True], ids=["in turns", "two in the SYN"])
def test_requests_in_the_syn_are_paired(together: bool):
    fast = FastOpen()
    fast.open(GET % 1 + GET % 2 if together else GET % 1)
    fast.talker.server(OK % 1)
    if not together:
        fast.talker.client(GET % 2)
    fast.talker.server(OK % 2)
    fast.talker.close()
    assert read(fast, set()) == [("/1", b"1"), ("/2", b"2")]


@pytest.mark.parametrize("lost", [{1}, {2}, {1, 2}, {1, 2, 3}, {3}])
def test_what_is_lost_behind_the_syn_makes_no_wrong_pair(lost: set[int]):
    fast = FastOpen()
    fast.open(GET % 1)
    for i in (1, 2):
        fast.talker.server(OK % i)
        fast.talker.client(GET % (i + 1))
    fast.talker.server(OK % 3)
    fast.talker.close()
    pairs = read(fast, lost)
    assert all(target is None or content in (None, target[1:].encode()) for target, content in pairs)
    assert ("/3", b"3") in pairs


def test_the_next_life_under_the_same_number():
    fast = FastOpen()
    fast.open(GET % 1)
    fast.talker.server(OK % 1)
    fast.talker.next = [700_000, 900_000]
    fast.talker.send(0, GET % 2, SYN, ack=0)
    fast.talker.next = [700_001 + len(GET % 2), 900_001]
    fast.talker.send(1, b"", SYN | ACK, seq=900_000)
    fast.talker.server(OK % 2)
    assert read(fast, set()) == [("/1", b"1"), ("/2", b"2")]
