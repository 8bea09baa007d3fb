"""Several outputs at once: each gets what it wants, and one that fails takes nothing from the others."""

from __future__ import annotations

from threading import Event

import pytest

from sockfilter.captures.file import open_file
from sockfilter.captures.wanted import body_policy
from sockfilter.errors import CaptureFileError
from sockfilter.outputs.fan import Fan, Member, Wants
from sockfilter.outputs.queued import Queued
from tests.support.captures import pcap, timed
from tests.support.frames import Talk
from tests.support.stream_messages import websocket

COUNT = 5


class Kept(Member):
    """Keeps what it gets, and may fail."""

    def __init__(self, name: str, wants: Wants = Wants.EXCHANGES, *, fails_at: int | None = None) -> None:
        self.name, self.wants, self.is_vital = name, wants, fails_at is None
        self.exchanges: list[object] = []
        self.records = 0
        self.flushed = self.closed = 0
        self._fails_at = fails_at

    def write(self, exchange: object) -> None:
        if len(self.exchanges) == self._fails_at:
            raise CaptureFileError("no room")
        self.exchanges.append(exchange)

    def take(self, view: memoryview, offsets: list[int]) -> None:
        self.records += len(offsets)

    def flush(self) -> None:
        self.flushed += 1

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def path(tmp_path):
    talk = Talk(ports=(40000, 80))
    frames = talk.opening()
    for number in range(COUNT):
        frames += [talk.client(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number), talk.server()]
    made = tmp_path / "some.pcap"
    made.write_bytes(pcap(timed(frames, step_ns=1000)))
    return str(made)


def read(path: str, *members: Member, failed=lambda member, error: None):
    wants = members[0].wants
    for member in members:
        wants |= member.wants
    fan = Fan(wants, lambda: members, failed)
    with open_file(path, policy=body_policy(None), outputs=fan) as capture:
        while capture.pump():
            fan.flush()
    return capture


def test_each_gets_what_it_wants(path: str):
    one, two, frames = Kept("one"), Kept("two"), Kept("frames", Wants.FRAMES)
    capture = read(path, one, two, frames)
    assert [len(member.exchanges) for member in (one, two, frames)] == [COUNT, COUNT, 0]
    assert (one.records, two.records) == (0, 0)
    assert frames.records >= 2 * COUNT
    assert all(member.closed and member.flushed for member in (one, two, frames))
    assert capture.ledger.missed == {}


def test_one_that_fails_stops_no_other_and_what_it_missed_is_counted(path: str):
    said: list[tuple[str, str]] = []
    good, bad = Kept("good"), Kept("bad", fails_at=2)
    capture = read(path, bad, good, failed=lambda member, error: said.append((member.name, str(error))))
    assert (len(good.exchanges), len(bad.exchanges)) == (COUNT, 2)
    assert said == [("bad", "no room")]
    assert capture.ledger.missed == {"bad": COUNT - 2}
    assert capture.ledger.as_dict()["missed"] == {"bad": COUNT - 2}
    (loss,) = capture.ledger.losses().items()
    assert loss[0] == "exchanges and messages that the output bad did not get"
    assert capture.ledger.is_balanced


def test_messages_go_to_those_that_want_them_and_what_was_missed_is_counted(path: str):
    class Hearing(Kept):
        def write_message(self, message: object) -> None:
            self.write(message)

    both = Wants.EXCHANGES | Wants.MESSAGES
    members = [Hearing("one", both), Hearing("two"), Hearing("bad", Wants.MESSAGES, fails_at=1)]
    fan = Fan(both, lambda: members)
    for _ in range(3):
        fan.write_message(websocket())
    queued = Queued(Hearing("slow", both))
    queued.write_message(websocket())
    queued.close()
    assert [len(member.exchanges) for member in members] == [3, 0, 1]
    assert fan.missed == {"bad": 2}
    assert (queued.wants, queued.missed) == (both, 0)


def test_a_vital_one_ends_the_capture(path: str):
    bad = Kept("bad", fails_at=2)
    bad.is_vital = True
    with pytest.raises(CaptureFileError, match="no room"):
        read(path, bad, Kept("good"))


def test_members_are_made_when_they_are_needed_and_once():
    made: list[Member] = []

    def make() -> list[Member]:
        made.append(Kept("one"))
        return made

    fan = Fan(Wants.EXCHANGES, make)
    assert not made
    fan.close()
    assert not made, "what was never used needs no end"
    fan.prepare()
    fan.prepare()
    assert len(made) == 1


class Slow(Kept):
    """Waits with each exchange until it may go on."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.may_go_on = Event()
        self.has_begun = Event()

    def write(self, exchange: object) -> None:
        self.has_begun.set()
        self.may_go_on.wait(10)
        super().write(exchange)


def test_a_slow_one_makes_no_other_wait_and_what_has_no_room_is_counted(path: str):
    slow, quick = Slow(), Kept("quick")
    queued = Queued(slow, limit=2)
    fan = Fan(Wants.EXCHANGES, lambda: [queued, quick])
    with open_file(path, policy=body_policy(None), outputs=fan) as capture:
        while capture.pump():
            pass
        assert slow.has_begun.wait(10)
        assert len(quick.exchanges) == COUNT
        slow.may_go_on.set()
    missed = capture.ledger.missed.get("slow", 0)
    assert len(slow.exchanges) + missed == COUNT
    assert len(slow.exchanges) <= 1 + 2  # one at a time, and those that wait
    assert slow.closed == 1
    queued.close()


def test_one_that_fails_on_its_thread_is_left_out(path: str):
    said: list[str] = []
    queued = Queued(Kept("bad", fails_at=0))
    read(path, queued, failed=lambda member, error: said.append(str(error)))
    assert said == ["no room"]
