"""What can happen to an interface while its packets are captured."""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# what has happened and nobody has asked for yet: the oldest goes first
CHANGES_MAX = 1000


class InterfaceEvent(Enum):
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

    event: InterfaceEvent
    before: str
    name: str

    def __str__(self) -> str:
        return self.event.value.format(before=self.before, name=self.name)


class Changes(deque[Change]):
    """Changes, the oldest first, to be taken out; of too many the oldest go. Others may come while one looks."""

    def __iter__(self) -> Iterator[Change]:
        return iter(list(super().__iter__()))  # a deque's own iterator would raise
