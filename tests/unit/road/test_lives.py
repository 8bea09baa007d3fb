"""Connections whose course is unusual, frame by frame through the kernel's program and the whole road."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sockfilter
from sockfilter.model import Problem
from tests.support.captures import SECOND, START_NS, pcap, timed
from tests.support.frames import ACK, FIN, PSH, REQUEST, RESPONSE, SYN, Talk, over_ipv6

if TYPE_CHECKING:
    from pathlib import Path

    from sockfilter.model import Exchange
    from tests.support.captures import Timed

HOUR = 3600 * SECOND


def read(path: Path, packets: list[Timed]) -> list[Exchange]:
    path.write_bytes(pcap(packets))
    return list(sockfilter.read(str(path)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lives.pcap"


def simultaneous_open(talk: Talk) -> list[bytes]:
    """RFC 9293, 3.5, figure 7: both SYNs cross, and each is answered by a SYN with ACK."""
    client, server = talk.next
    frames = [talk.frame(0, flags=SYN), talk.frame(1, flags=SYN)]
    for end, isn in ((0, client), (1, server)):
        talk.next[end] = isn
        frames.append(talk.frame(end, flags=SYN | ACK))
    return frames


def test_both_ends_open_at_the_same_time(path: Path) -> None:
    talk = Talk()
    packets = timed([*simultaneous_open(talk), talk.client(), talk.server(), *talk.closing()])
    (exchange,) = read(path, packets)
    assert exchange.complete
    assert not exchange.problems
    assert str(exchange.connection.client).endswith(":40000")


def test_both_ends_close_at_the_same_time(path: Path) -> None:
    talk = Talk()
    frames = [*talk.opening(), talk.client(), talk.server()]
    first, second = talk.segment(0, flags=FIN | ACK), talk.segment(1, flags=FIN | ACK)
    (exchange,) = read(path, timed([*frames, talk.envelope(0, first), talk.envelope(1, second)]))
    assert exchange.complete
    assert not exchange.problems


def test_an_exchange_every_hour_for_two_days(path: Path) -> None:
    talk = Talk(over_ipv6)
    packets = timed(talk.opening())
    for hour in range(48):
        packets += [(START_NS + hour * HOUR, talk.client()), (START_NS + hour * HOUR + SECOND, talk.server())]
    exchanges = read(path, packets + [(START_NS + 49 * HOUR, frame) for frame in talk.closing()])
    assert len(exchanges) == 48
    assert all(exchange.complete and not exchange.problems for exchange in exchanges)
    assert {exchange.timing.total for exchange in exchanges} == {1.0}


@pytest.mark.parametrize("hidden", [0, 1], ids=["the client is not seen", "the server is not seen"])
def test_mirror_of_one_direction(path: Path, hidden: int) -> None:
    talk = Talk()
    sent = [(end, talk.segment(end, flags=flags)) for end, flags in ((0, SYN), (1, SYN | ACK), (0, ACK))]
    for _ in range(3):
        sent += [(0, talk.segment(0, REQUEST)), (1, talk.segment(1, RESPONSE))]
    sent += [(end, talk.segment(end, flags=FIN | ACK)) for end in (0, 1)]
    exchanges = read(path, timed([talk.envelope(end, segment) for end, segment in sent if end != hidden]))
    assert len(exchanges) == 3
    for exchange in exchanges:
        assert (exchange.request is None, exchange.response is None) == (hidden == 0, hidden == 1)
        assert exchange.problems[0] == (Problem.NO_REQUEST, Problem.NO_RESPONSE)[hidden]


def test_keep_alive_probes_and_zero_windows_cost_nothing(path: Path) -> None:
    """RFC 9293, 3.8.4: a probe sends the last byte again, or a zero in its place."""
    talk = Talk()
    frames = [*talk.opening(), talk.client()]
    for garbage in (REQUEST[-1:], b"\0", b""):
        talk.next[0] -= 1
        frames += [talk.frame(0, garbage, ACK), talk.frame(1, flags=ACK)]
        talk.next[0] += 1 - len(garbage)
    frames += [talk.server(RESPONSE[:20]), talk.server(RESPONSE[20:]), talk.client(), talk.server(), *talk.closing()]
    exchanges = read(path, timed(frames))
    assert [exchange.complete and not exchange.problems for exchange in exchanges] == [True, True]


def test_ports_are_used_again_at_once(path: Path) -> None:
    frames = Talk().whole() + Talk(isn=(900_000_000, 7)).whole() + Talk(isn=(4_294_967_290, 4_294_967_200)).whole()
    exchanges = read(path, timed(frames))
    assert [exchange.complete and not exchange.problems for exchange in exchanges] == [True] * 3
    assert len({exchange.connection.number for exchange in exchanges}) == 3


@pytest.mark.parametrize("flags", [PSH | ACK, ACK, ACK | 0x40, ACK | 0x80, ACK | 0x20 | PSH])
def test_flags_beside_are_no_matter(path: Path, flags: int) -> None:
    talk = Talk()
    frames = [*talk.opening(), talk.frame(0, REQUEST, flags), talk.frame(1, RESPONSE, flags), *talk.closing()]
    (exchange,) = read(path, timed(frames))
    assert exchange.complete
    assert not exchange.problems
