"""Packets without times, with those of several clocks, and of one that was set: what is said of them, and what not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sockfilter
from sockfilter.model.moment import Moment
from sockfilter.sources.files import clocks
from sockfilter.sources.files.clocks import APART_NS, CLOCKS_MAX, DISORDER_NS, Clocks
from tests.support.captures import SECOND, START_NS, enhanced, interface, one_exchange, pcap, pcapng, section, simple
from tests.support.command import run
from tests.support.frames import Talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter import Exchange, Timing

MILLISECOND = 1_000_000
HOUR_NS = 3600 * SECOND
PACKETS = one_exchange()
SYN, SYNACK, ACK, ASKED, ANSWERED = range(5)
FIGURES = ("connect", "send", "wait", "receive", "total")


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], list[Exchange]]:
    def read(content: bytes) -> list[Exchange]:
        path = tmp_path / "file"
        path.write_bytes(content)
        return list(sockfilter.read(str(path)))

    return read


def known(timing: Timing) -> set[str]:
    figures = {name: getattr(timing, name) for name in FIGURES}
    assert all(figure is None or figure >= 0 for figure in figures.values())
    return {name for name, figure in figures.items() if figure is not None}


def without_times(numbers: set[int]) -> bytes:
    """One exchange; packets of these numbers have no time."""
    packets = (simple(frame) if i in numbers else enhanced(ns, frame) for i, (ns, frame) in enumerate(PACKETS))
    return section() + interface(snap=65535) + b"".join(packets)


@pytest.mark.parametrize(
    ("numbers", "figures"),
    [
        (set(range(8)), set()),
        ({SYN}, {"send", "wait", "receive", "total"}),
        ({SYNACK, ACK}, {"send", "wait", "receive", "total"}),
        ({ASKED}, {"connect", "receive"}),
        ({ANSWERED}, {"connect", "send"}),
        ({5, 6, 7}, set(FIGURES)),
    ],
    ids=["all", "the SYN", "its answer", "the request", "the response", "the close"],
)
def test_packets_without_times(read: Callable[[bytes], list[Exchange]], numbers: set[int], figures: set[str]):
    (exchange,) = read(without_times(numbers))
    assert exchange.complete
    assert not exchange.problems
    assert known(exchange.timing) == figures
    assert exchange.start_ns == (None if ASKED in numbers else START_NS + 3 * MILLISECOND)
    assert (exchange.duration_ns is None) == ("total" not in figures)


def test_a_time_of_zero_is_none(read: Callable[[bytes], list[Exchange]]):
    for made in (pcap, pcapng):
        (exchange,) = read(made([(0, frame) for _, frame in PACKETS]))
        assert exchange.start_ns is None
        assert not known(exchange.timing)


def test_no_packet_without_a_time_has_the_one_before_it(read: Callable[[bytes], list[Exchange]]):
    """A message in pieces, the last of which has no time, and came out of order."""
    talk = Talk()
    opening, asked = talk.opening(), talk.client()
    first, second, third = (talk.server(part) for part in (b"HTTP/1.1 200 OK\r\nContent-", b"Length: 2\r\n\r\no", b"k"))
    timed = [*opening, asked, first]
    content = section() + interface() + b"".join(enhanced(START_NS + i, frame) for i, frame in enumerate(timed))
    (exchange,) = read(content + simple(third) + simple(second))
    assert exchange.complete
    assert known(exchange.timing) == {"connect", "send", "wait"}


def test_what_is_shown_of_no_time(read: Callable[[bytes], list[Exchange]]):
    (exchange,) = read(without_times(set(range(8))))
    assert str(exchange).startswith("--:--:--.---  10.9.0.1:40000 > 10.9.0.2:8000")
    assert exchange.to_dict()["time"] is None
    assert exchange.to_dict()["timing"] == {}
    assert "curl" in exchange.as_curl()
    assert "def test_" in exchange.as_pytest()


def test_conditions_on_a_duration_that_is_not_known(read: Callable[[bytes], list[Exchange]]):
    (exchange,) = read(without_times(set(range(8))))
    for wanted in (range(100), 0.0, lambda seconds: seconds >= 0, {0.0, 1.0}):
        assert not sockfilter.Where(duration=wanted).matches(exchange)


def skewed(ns: int, end: int = 1, talk: Talk | None = None, exchanges: int = 2) -> bytes:
    """Some exchanges; the clock that stamps what one end sends is ahead by so much."""
    talk = talk or Talk()
    frames = [(0, frame) for frame in talk.opening()]
    frames[1] = (1, frames[1][1])
    for _ in range(exchanges):
        frames += [(0, talk.client()), (1, talk.server())]
    return pcap(
        [(START_NS + i * MILLISECOND + (ns if by == end else 0), frame) for i, (by, frame) in enumerate(frames)]
    )


@pytest.mark.parametrize("end", [0, 1], ids=["client", "server"])
@pytest.mark.parametrize("ns", [2 * MILLISECOND, 99 * MILLISECOND, 10 * SECOND, HOUR_NS], ids=str)
@pytest.mark.parametrize("sign", [1, -1], ids=["ahead", "behind"])
def test_each_direction_has_a_clock_of_its_own(read: Callable[[bytes], list[Exchange]], end: int, ns: int, sign: int):
    exchanges = read(skewed(sign * ns, end))
    assert [exchange.complete for exchange in exchanges] == [True, True]
    for exchange in exchanges:
        assert known(exchange.timing) == {"send", "receive"}


def test_a_clock_ahead_by_less_than_an_answer_takes_is_found_out_at_the_handshake(
    read: Callable[[bytes], list[Exchange]],
):
    """The wait is long enough for the times to be in order, and says nothing all the same."""
    talk = Talk()
    opening, asked, answered = talk.opening(), talk.client(), talk.server()
    stamps = [0, -4, 2, 3, 96]
    content = pcap(
        [(START_NS + ms * MILLISECOND, frame) for ms, frame in zip(stamps, [*opening, asked, answered], strict=True)]
    )
    (exchange,) = read(content)
    assert known(exchange.timing) == {"send", "receive"}


def test_where_no_handshake_was_seen_the_next_request_tells(read: Callable[[bytes], list[Exchange]]):
    talk = Talk()
    talk.opening()
    stamps = [0, 5, 2, 7, 4, 9]  # the server's are 4 ms ahead
    frames = [frame for _ in range(3) for frame in (talk.client(), talk.server())]
    content = pcap([(START_NS + ms * MILLISECOND, frame) for ms, frame in zip(stamps, frames, strict=True)])
    first, *others = read(content)
    for exchange in others:
        assert known(exchange.timing) == {"send", "receive"}
    # what is known by now counts
    assert known(first.timing) == {"send", "receive"}


def set_back(at: int, ns: int, exchanges: int = 3) -> bytes:
    """Some exchanges, a millisecond from packet to packet; the clock is set before the packet of this number."""
    talk = Talk()
    frames = talk.opening()
    for _ in range(exchanges):
        head, body = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", b"cd"
        frames += [talk.client(), talk.server(head), talk.server(body)]
    return pcap([(START_NS + i * MILLISECOND - (ns if i >= at else 0), frame) for i, frame in enumerate(frames)])


@pytest.mark.parametrize("ns", [SECOND, HOUR_NS, 50 * 365 * 24 * HOUR_NS], ids=["a second", "an hour", "50 years"])
@pytest.mark.parametrize(
    ("at", "figures"),
    [
        (6, set(FIGURES) - {"connect"}),  # between two exchanges
        (7, {"send", "receive"}),
        (8, {"send", "wait"}),
    ],
    ids=["between exchanges", "before the response", "within the response"],
)
def test_a_clock_that_is_set_back(read: Callable[[bytes], list[Exchange]], ns: int, at: int, figures: set[str]):
    first, second, third = read(set_back(at, ns))
    assert all(exchange.complete and not exchange.problems for exchange in (first, second, third))
    assert known(first.timing) == set(FIGURES)
    assert known(second.timing) == figures
    assert third.timing.total == pytest.approx(0.002)
    assert third.start_ns == START_NS + 9 * MILLISECOND - ns


def test_a_clock_that_is_set_back_while_a_segment_is_awaited(read: Callable[[bytes], list[Exchange]]):
    """What came out of order is waited for by the file's order of things."""
    talk = Talk()
    opening, asked = talk.opening(), talk.client()
    first, second, third = (talk.server(part) for part in (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 2\r\n\r\n", b"ok"))
    frames = [*opening, asked, first, third, second]
    stamps = [START_NS + i * MILLISECOND - (HOUR_NS if i >= 6 else 0) for i in range(len(frames))]
    (exchange,) = read(pcap(list(zip(stamps, frames, strict=True))))
    assert exchange.complete
    assert not exchange.problems


def two_interfaces(ns: int, rounds: int = 400) -> bytes:
    """A connection on each of two interfaces, of which one has a clock that is ahead; and both are slow."""
    content = section() + interface(name="a") + interface(name="b")
    talks = [Talk(ports=(40000 + number, 8000), isn=(1000 + number, 5000)) for number in (0, 1)]
    at_ns = START_NS
    opening = [talk.opening() for talk in talks]
    frames = [(number, frame) for pair in zip(*opening, strict=True) for number, frame in enumerate(pair)]
    for _ in range(rounds):
        frames += [(number, talk.client()) for number, talk in enumerate(talks)]
        frames += [(number, talk.server()) for number, talk in enumerate(talks)]
    for number, frame in frames:
        at_ns += SECOND // 20
        content += enhanced(at_ns + number * ns, frame, number)
    return content


@pytest.mark.parametrize("ns", [0, 5 * SECOND, -5 * SECOND, 50 * 365 * 24 * HOUR_NS, -50 * 365 * 24 * HOUR_NS], ids=str)
def test_interfaces_whose_clocks_differ(read: Callable[[bytes], list[Exchange]], ns: int):
    """Neither's connection is thought to be idle as the other's clock is ahead; each has its own times."""
    exchanges = read(two_interfaces(ns))
    assert len(exchanges) == 800
    for number, name in enumerate("ab"):
        mine = [exchange for exchange in exchanges if exchange.connection.interface == name]
        assert all(exchange.complete and not exchange.problems for exchange in mine)
        assert {exchange.timing.total for exchange in mine} == {0.1}
        start_ns = START_NS + (7 + number) * SECOND // 20 + number * ns
        assert [exchange.start_ns for exchange in mine] == [start_ns + i * SECOND // 5 for i in range(400)]


def test_a_file_that_is_written_has_the_same_times(tmp_path: Path):
    """Packets without times, of two clocks, and of one that was set: all that is known of them comes back."""
    contents = (
        without_times(set(range(8))),
        without_times({ANSWERED}),
        two_interfaces(HOUR_NS, rounds=2),
        set_back(7, HOUR_NS),
    )
    for content in contents:
        path, copy = tmp_path / "in", tmp_path / "out"
        path.write_bytes(content)
        outputs = []
        for arguments in (["-r", str(path), "-w", str(copy)], ["-r", str(copy)]):
            done = run(*arguments, "-q", "--format", "jsonl")
            assert done.status == 0
            lines = map(json.loads, done.lines)
            outputs.append([(line["time"], line["timing"], line["request"]) for line in lines])
        assert outputs[0] == outputs[1]
        assert outputs[0]


class Line:
    """What the clocks of a file have given, in the file's order."""

    def __init__(self, packets: list[tuple[int | None, int]]) -> None:
        made = Clocks()
        self.times = [made.moment(made.time(stamp_ns, number)) for stamp_ns, number in packets]

    @property
    def wall(self) -> list[int | None]:
        return [time.wall_ns if isinstance(time, Moment) else time for time in self.times]


STAMPS = st.one_of(
    st.none(),
    st.integers(1, 1 << 62),
    st.integers(START_NS - HOUR_NS, START_NS + HOUR_NS),
    st.integers(START_NS, START_NS + SECOND),
)


@given(st.lists(st.tuples(STAMPS, st.integers(0, 3)), max_size=60))
def test_every_stamp_comes_back_or_is_not_known_and_time_runs_forwards(packets: list[tuple[int | None, int]]):
    line = Line(packets)
    newest_ns = 0
    for (stamp_ns, _), wall_ns, time_ns in zip(packets, line.wall, line.times, strict=True):
        assert wall_ns in (stamp_ns, None)
        assert 0 < time_ns < 1 << 63
        assert time_ns >= min(newest_ns, clocks.NO_CLOCK_MAX) - APART_NS
        newest_ns = max(newest_ns, time_ns)


@given(st.lists(st.tuples(st.integers(0, APART_NS // 2), st.integers(0, 3)), max_size=60))
def test_times_of_one_clock_are_its_stamps(steps: list[tuple[int, int]]):
    now_ns, packets = START_NS, []
    for step_ns, number in steps:
        now_ns += step_ns
        packets.append((now_ns, number))
    times = Line(packets).times
    assert times == [stamp_ns for stamp_ns, _ in packets]
    assert not any(isinstance(time, Moment) for time in times)


def test_packets_a_little_out_of_order_are_of_one_clock():
    stamps = [START_NS, START_NS + DISORDER_NS, START_NS + 1, START_NS + DISORDER_NS + 1]
    assert Line([(stamp_ns, 0) for stamp_ns in stamps]).times == stamps


def test_a_packet_that_comes_too_late_leaves_the_others_what_they_are():
    stamps = [0, DISORDER_NS * 2, 5, DISORDER_NS * 2 + 1, DISORDER_NS + 2, DISORDER_NS * 3]
    times = Line([(START_NS + ns, 0) for ns in stamps]).times
    assert [isinstance(time, Moment) for time in times] == [False, False, True, False, False, False]


def test_interfaces_whose_clock_is_set_back_together_have_one_clock_still():
    packets = [(START_NS, 0), (START_NS + 1, 1), (START_NS - HOUR_NS, 0), (START_NS - HOUR_NS + 5, 1)]
    times = Line(packets).times
    assert times[2].clock == times[3].clock == 1
    assert times[3] - times[2] == 5


def test_a_clock_that_is_set_back_again_and_again_is_none_in_the_end():
    packets = [(START_NS - number * SECOND, 0) for number in range(CLOCKS_MAX + 5)]
    assert Line(packets).wall == [stamp_ns for stamp_ns, _ in packets[:CLOCKS_MAX]] + [None] * 5


def test_another_clock_has_no_time_beyond_what_can_be_marked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clocks, "SINCE_MAX", (1 << 37) - 1)  # 137 seconds
    packets = [(START_NS, 0), (START_NS - HOUR_NS, 0), (START_NS - HOUR_NS + 3 * APART_NS, 0), (START_NS + HOUR_NS, 1)]
    assert Line(packets).wall == [START_NS, START_NS - HOUR_NS, None, START_NS + HOUR_NS]
