"""Whether a captured interface is still there: it goes down, gets another name, goes, and comes again."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.sources.changes import CHANGES_MAX, Change, Changes, InterfaceEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.sources.packets.announcements import Announced
    from sockfilter.sources.packets.interfaces import Interface, NameCache

# seconds that an interface is down before that is a change of its own: one that is removed goes down first, and those
# that make a network anew take each down and up
SETTLE_S = 1.0


class InterfaceWatch:
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
        names: NameCache,
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
                self._tell(InterfaceEvent.RETURNED)
            return
        if found.name != before.name:
            self._tell(InterfaceEvent.RENAMED, before.name)
        if found.is_up and not before.is_up:
            if self._down_s is None:
                self._tell(InterfaceEvent.UP)
            elif found.name == before.name:
                self._tell(InterfaceEvent.BLINKED)
        elif found.is_up and was_down and found.name == before.name:
            self._tell(InterfaceEvent.BLINKED)
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
            self._tell(InterfaceEvent.DOWN)

    def _go(self) -> None:
        self._down_s = None
        if self._is_bound and not self._is_missing:
            self.changes.append(Change(InterfaceEvent.REMOVED, self.interface.name, self._wanted))
        self._is_bound, self._is_missing = False, True

    def _return(self) -> None:
        found = self._names.find(self._wanted)
        if found is None or found.index == self._refused:
            return
        if found.has_link_header != self.interface.has_link_header:
            self._refused = found.index
            self.changes.append(Change(InterfaceEvent.OTHER_KIND, found.name, found.name))
            return
        with suppress(OSError):  # it has gone again
            self._rebind(found)
            self._is_bound = True
            self._follow(found, False)

    def _tell(self, event: InterfaceEvent, before: str | None = None) -> None:
        self.changes.append(Change(event, before or self.interface.name, self.interface.name))
