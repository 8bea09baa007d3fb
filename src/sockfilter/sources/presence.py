"""Whether a captured interface is still there: it goes down, gets another name, goes, and comes again."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.sources.announcements import Announced
    from sockfilter.sources.interfaces import Interface, Names

# what has happened and nobody has asked for yet: the oldest goes first
CHANGES_MAX = 1000
# seconds that an interface is down before that is a change of its own: one that is removed goes down first, and those
# that make a network anew take each down and up
SETTLE_S = 1.0


class Event(Enum):
    """What can happen to an interface, each with what to say of it."""

    DOWN = "interface {before} is down; the capture continues when it is up again: ip link set {before} up"
    UP = "interface {before} is up again; the capture continues"
    BLINKED = "interface {before} was down for a moment; the capture continues"
    RENAMED = "interface {before} is now called {name}; the capture continues"
    REMOVED = "interface {before} has been removed; the capture continues when an interface {name} exists again"
    RETURNED = "interface {name} exists again; the capture continues"
    NAMESPACE_GONE = (
        "network namespace {before} was deleted, or its process has ended; the capture continues with the rest"
    )
    OTHER_KIND = "interface {name} exists again, with another kind of frames; start another capture"


class Change(NamedTuple):
    """Something that has happened to the interface.

    Attributes:
        event: what.
        before: the interface's name until then.
        name: its name now, or the one that is waited for.
    """

    event: Event
    before: str
    name: str

    def __str__(self) -> str:
        return self.event.value.format(before=self.before, name=self.name)


class Changes(deque[Change]):
    """Changes, the oldest first, to be taken out; of too many the oldest go. Others may come while one looks."""

    def __iter__(self) -> Iterator[Change]:
        return iter(list(super().__iter__()))  # a deque's own iterator would raise


class Presence:
    """Follows one interface, and has the program bound to it again when it is made anew.

    An interface that is down, or renamed, stays bound: the kernel goes on by itself.

    Args:
        interface: as it was found; that for all is always there.
        names: tell what there is.
        rebind: binds to an interface, up or not. May raise OSError.
        changes: takes what happens; None: a queue of its own.

    Attributes:
        interface: as it is now, or was at last.
        changes: what has happened, the oldest first; to be taken out.
    """

    def __init__(
        self,
        interface: Interface,
        names: Names,
        rebind: Callable[[Interface], None],
        clock_s: Callable[[], float] = time.monotonic,
        changes: Changes | None = None,
    ) -> None:
        self.interface = interface
        self.changes = Changes(maxlen=CHANGES_MAX) if changes is None else changes
        self._names = names
        self._rebind = rebind
        self._clock_s = clock_s
        self._wanted = interface.name
        self._is_bound = True
        self._is_missing = False  # it has gone, and has not been up since
        self._refused = 0  # the index of one whose frames are of another kind
        self._down_s: float | None = None  # since when it is down, and nobody has been told

    @property
    def is_settling(self) -> bool:
        """Whether the next look may tell more, without anything new."""
        return self._down_s is not None

    def look(self, announced: list[Announced]) -> None:
        """Finds out what has changed.

        Args:
            announced: what the kernel has announced since the last look, of all interfaces.
        """
        index = self.interface.index
        if not index:
            return
        name = self._names.current(index) if self._is_bound else None
        if name is None:
            self._go()
            self._return()
            return
        found = self._names.find(name)
        if found is not None and found.index == index:  # else it is changing at this moment, and announced again
            self._follow(found, any(one.number == index and not one.is_up for one in announced))

    def _follow(self, found: Interface, was_down: bool) -> None:
        before, self.interface = self.interface, found
        if self._is_missing:
            if found.is_up:
                self._is_missing = False
                self._tell(Event.RETURNED)
            return
        if found.name != before.name:
            self._tell(Event.RENAMED, before.name)
        if found.is_up and not before.is_up:
            if self._down_s is None:
                self._tell(Event.UP)
            elif found.name == before.name:
                self._tell(Event.BLINKED)
        elif found.is_up and was_down and found.name == before.name:
            self._tell(Event.BLINKED)
        elif not found.is_up:
            self._settle(before.is_up)
            return
        self._down_s = None

    def _settle(self, is_new: bool) -> None:
        """It is down: that is told once it lasts."""
        if is_new:
            self._down_s = self._clock_s()
        elif self._down_s is not None and self._clock_s() - self._down_s >= SETTLE_S:
            self._down_s = None
            self._tell(Event.DOWN)

    def _go(self) -> None:
        self._down_s = None
        if self._is_bound and not self._is_missing:
            self.changes.append(Change(Event.REMOVED, self.interface.name, self._wanted))
        self._is_bound, self._is_missing = False, True

    def _return(self) -> None:
        found = self._names.find(self._wanted)
        if found is None or found.index == self._refused:
            return
        if found.has_link_header != self.interface.has_link_header:
            self._refused = found.index
            self.changes.append(Change(Event.OTHER_KIND, found.name, found.name))
            return
        with suppress(OSError):  # it has gone again
            self._rebind(found)
            self._is_bound = True
            self._follow(found, False)

    def _tell(self, event: Event, before: str | None = None) -> None:
        self.changes.append(Change(event, before or self.interface.name, self.interface.name))
