"""What an interface went through is told once each, in whatever order it is seen."""

from __future__ import annotations

import sys
import threading

import pytest

from sockfilter.sources.changes import CHANGES_MAX, Change, Changes, InterfaceEvent
from sockfilter.sources.packets.announcements import Announced
from sockfilter.sources.packets.interfaces import Interface
from sockfilter.sources.packets.presence import SETTLE_S, InterfaceWatch

ETH0 = Interface("eth0", 2, is_up=True, is_loopback=False, has_link_header=True)


class World:
    """Interfaces as they are, in place of the kernel's, and a clock."""

    def __init__(self) -> None:
        self.there = {2: ETH0}
        self.announced: list[Announced] = []
        self.bound: list[int] = []
        self.refuses = False
        self.now_s = 0.0
        self.presence = InterfaceWatch(ETH0, self, self._bind, lambda: self.now_s)  # type: ignore[arg-type]

    def put(self, index: int, name: str = "eth0", *, up: bool = True, header: bool = True) -> World:
        self.there[index] = Interface(name, index, up, False, header)
        self.announced.append(Announced(index, name, up))
        return self

    def remove(self, index: int = 2) -> World:
        del self.there[index]
        return self

    def pass_by(self, seconds: float) -> World:
        self.now_s += seconds
        return self

    def told(self) -> list[InterfaceEvent]:
        """What a look finds."""
        self.presence.look(self.take_announced())
        found = [change.event for change in self.presence.changes]
        self.presence.changes.clear()
        return found

    def current(self, index: int) -> str | None:
        return self.there[index].name if index in self.there else None

    def find(self, name: str) -> Interface | None:
        return next((found for found in self.there.values() if found.name == name), None)

    def take_announced(self) -> list[Announced]:
        taken, self.announced = self.announced, []
        return taken

    def _bind(self, interface: Interface) -> None:
        if self.refuses:
            raise OSError("it has gone")
        self.bound.append(interface.index)


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_happens(world: World):
    assert world.put(2).told() == []
    assert not world.presence.is_settling


def test_down_is_told_once_it_lasts(world: World):
    assert world.put(2, up=False).told() == []
    assert world.presence.is_settling
    assert world.pass_by(SETTLE_S).told() == [InterfaceEvent.DOWN]
    assert world.pass_by(SETTLE_S).told() == []
    assert world.put(2).told() == [InterfaceEvent.UP]
    assert world.bound == []


def test_down_and_up_before_that_is_one_thing(world: World):
    assert world.put(2, up=False).told() == []
    assert world.put(2).pass_by(SETTLE_S).told() == [InterfaceEvent.BLINKED]
    assert world.told() == []


def test_down_and_up_between_two_looks_was_announced(world: World):
    assert world.put(2, up=False).put(2).told() == [InterfaceEvent.BLINKED]


def test_what_is_removed_was_down_first(world: World):
    assert world.put(2, up=False).told() == []
    assert world.remove().pass_by(SETTLE_S).told() == [InterfaceEvent.REMOVED]
    assert world.pass_by(SETTLE_S).told() == []


def test_bound_before_it_is_up(world: World):
    assert world.remove().told() == [InterfaceEvent.REMOVED]
    assert world.put(7, up=False).told() == []
    assert world.bound == [7]
    assert world.put(7).told() == [InterfaceEvent.RETURNED]
    assert world.presence.interface == Interface("eth0", 7, True, False, True)


def test_removed_and_made_between_two_looks(world: World):
    assert world.remove().put(7).told() == [InterfaceEvent.REMOVED, InterfaceEvent.RETURNED]


def test_made_and_removed_again_before_it_was_up(world: World):
    assert world.remove().told() == [InterfaceEvent.REMOVED]
    assert world.put(7, up=False).told() == []
    assert world.remove(7).told() == []
    assert world.put(8).told() == [InterfaceEvent.RETURNED]


def test_gone_again_before_it_was_bound(world: World):
    world.refuses = True
    assert world.remove().put(7).told() == [InterfaceEvent.REMOVED]
    world.refuses = False
    assert world.told() == [InterfaceEvent.RETURNED]


def test_another_name(world: World):
    assert world.put(2, "eth9").told() == [InterfaceEvent.RENAMED]
    assert world.remove().put(3, "eth9").told() == [InterfaceEvent.REMOVED]
    assert world.put(4).told() == [InterfaceEvent.RETURNED]


def test_one_of_the_same_name_beside_it_is_not_it(world: World):
    assert world.put(2, "eth9").put(3).told() == [InterfaceEvent.RENAMED]
    assert world.bound == []


def test_frames_of_another_kind_are_told_once(world: World):
    assert world.remove().put(7, header=False).told() == [InterfaceEvent.REMOVED, InterfaceEvent.OTHER_KIND]
    assert world.told() == []
    assert world.remove(7).put(8).told() == [InterfaceEvent.RETURNED]
    assert world.bound == [8]


def test_all_interfaces_are_always_there():
    world = World()
    presence = InterfaceWatch(Interface("any", 0, True, False, None), world, lambda _: None)  # type: ignore[arg-type]
    presence.look([])
    assert not presence.changes


def test_changes_can_be_looked_through_while_another_thread_adds_to_them():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    changes = Changes(maxlen=CHANGES_MAX)
    made = [Change(InterfaceEvent.UP, str(i), str(i)) for i in range(20_000)]
    adding = threading.Thread(target=lambda: [changes.append(change) for change in made])
    try:
        adding.start()
        while adding.is_alive():
            numbers = [int(change.name) for change in changes]
            assert numbers == sorted(numbers)
        assert list(changes) == made[-CHANGES_MAX:]
    finally:
        sys.setswitchinterval(before)
