"""Tracks a captured interface while it goes down, is renamed, deleted, or created again."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.sources.changes import CHANGES_MAX, Change, Changes, InterfaceEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.sources.packets.announcements import Announced
    from sockfilter.sources.packets.interfaces import Interface, NameCache

# seconds that an interface must be down before the change is reported: an interface goes down before it is deleted,
# and a network restart takes each interface down and up
SETTLE_S = 1.0


class InterfaceWatch:
    """Tracks one interface, and binds the program to it again if it is deleted and created again.

    A socket stays bound to an interface that is down or renamed, and the kernel resumes delivery by itself.

    Args:
        interface: its state at the start. The pseudo-interface "any" never changes.
        names: looks up interfaces.
        rebind: binds to an interface, up or down. May raise OSError.
        clock_s: the time in seconds, from an arbitrary start.
        changes: the queue for changes; None makes a new queue.

    Attributes:
        interface: its last known state.
        changes: the changes, the oldest first. The caller removes them.
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
        self._is_missing = False  # it was deleted, and has not been up since
        self._refused = 0  # the index of a new interface with another kind of frames
        self._down_s: float | None = None  # when it went down, if that is not reported yet

    @property
    def is_settling(self) -> bool:
        """Whether a further look() is needed even without new announcements."""
        return self._down_s is not None

    def look(self, announced: list[Announced]) -> None:
        """Checks for changes.

        Args:
            announced: the kernel's announcements for all interfaces since the last call.
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
        if found is not None and found.index == index:  # otherwise another announcement follows
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
        """Reports that the interface is down, once it has been down for SETTLE_S."""
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
        with suppress(OSError):  # it was deleted again
            self._rebind(found)
            self._is_bound = True
            self._follow(found, False)

    def _tell(self, event: InterfaceEvent, before: str | None = None) -> None:
        self.changes.append(Change(event, before or self.interface.name, self.interface.name))
