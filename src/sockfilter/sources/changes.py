"""What can happen to an interface while its packets are captured."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# changes that wait to be read; when there are more, the oldest is dropped
CHANGES_MAX = 1000


class InterfaceEvent(Enum):
    """What can happen to an interface. The value is the message for it."""

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
    """One change of an interface.

    Attributes:
        event: what happened.
        before: the interface's name before the change.
        name: its name now, or the name that the capture waits for.
    """

    event: InterfaceEvent
    before: str
    name: str

    def __str__(self) -> str:
        return self.event.value.format(before=self.before, name=self.name)


class Changes(deque[Change]):
    """A queue of changes, the oldest first. A full queue drops the oldest. It may grow during an iteration."""

    def __iter__(self) -> Iterator[Change]:
        while True:
            try:
                return iter(list(super().__iter__()))
            except RuntimeError:  # it has changed between both calls: deque's own iterator raises then
                continue
