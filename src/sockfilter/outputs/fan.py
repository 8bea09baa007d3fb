"""Several outputs at once. Each says what it wants; one that fails does not stop the others."""

from __future__ import annotations

from enum import Flag, auto
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from sockfilter.errors import SockfilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.model import Exchange
    from sockfilter.model.lines import Lines


class Wants(Flag):
    """What an output takes."""

    EXCHANGES = auto()  # each when it has ended
    FRAMES = auto()  # the records that the source gives, with all that belongs into a capture file


class OutputSource(Protocol):
    """What an output may ask of where the records come from."""

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the file that it reads; None: it reads none."""

    def wall_ns(self, time_ns: int) -> int | None:
        """A record's time since 1970; None: it has none."""

    def interface_name(self, index: int) -> str:
        """An interface's name by its index."""

    def counters(self) -> list[int]:
        """The program's counters."""


class Member:
    """One output of a fan. A subclass takes what its wants say.

    Attributes:
        name: what the ledger calls it.
        wants: what it takes.
        is_vital: the capture ends with an error if this output fails. One that is not is left out from then on, and
            what it does not get is counted.
    """

    name = "output"
    wants = Wants.EXCHANGES
    is_vital = True

    @property
    def lines(self) -> Lines | None:
        """What takes lines that the short road has written, if this output needs no more than these."""
        return None

    @property
    def is_full(self) -> bool:
        """Whether it takes no more, so that the capture may end."""
        return False

    def begin(self, source: OutputSource) -> None:
        """Called once, before the first record."""

    def write(self, exchange: Exchange) -> None:
        """Takes an exchange that has ended. Raises OSError and SockfilterError."""

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records, and where they begin in memory. Raises OSError and SockfilterError."""

    def flush(self) -> None:
        """Sends on what has been taken, after each batch. Raises OSError and SockfilterError."""

    def close(self) -> None:
        """Ends the output. May be called again. Raises OSError and SockfilterError."""


class Fan:
    """Hands on to its members what each of them wants.

    Args:
        wants: what all of them want together; known before they are made.
        make: makes the members. It is called once, while the kernel is at work, so that it may import what it needs.
        failed: is told of a member that is not vital, and why it failed.
    """

    def __init__(
        self,
        wants: Wants,
        make: Callable[[], Sequence[Member]],
        failed: Callable[[Member, Exception], object] = lambda member, error: None,
    ) -> None:
        self.wants = wants
        self._make = make
        self._failed = failed
        # exchanges that a member did not get, by its name
        self.missed: dict[str, int] = {}

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """All of them, those too that have failed."""
        return tuple(self._make())

    def prepare(self) -> None:
        """Makes the members, if that has not been done."""
        _ = self.members

    @cached_property
    def _writing(self) -> list[Member]:
        return [member for member in self.members if Wants.EXCHANGES in member.wants]

    @cached_property
    def _taking(self) -> list[Member]:
        return [member for member in self.members if Wants.FRAMES in member.wants]

    @property
    def lines(self) -> Lines | None:
        """What takes lines of the short road: the only member that wants exchanges, if lines are enough for it."""
        return self._writing[0].lines if len(self._writing) == 1 else None

    @property
    def is_full(self) -> bool:
        """Whether a member takes no more."""
        return any(member.is_full for member in self.members)

    def begin(self, source: OutputSource) -> None:
        """Tells the members where the records come from, before the first. Raises what they raise."""
        for member in self.members:
            member.begin(source)

    def write(self, exchange: Exchange) -> None:
        """Takes an exchange that has ended. Raises OSError and SockfilterError of a vital member."""
        for member in self._writing:
            if member.name in self.missed:
                self.missed[member.name] += 1
            else:
                try:
                    member.write(exchange)
                except (OSError, SockfilterError) as error:
                    self._fail(member, error)
                    self.missed[member.name] += 1

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Takes a batch of records, as the source gives them. Raises as write()."""
        self._each(self._taking, lambda member: member.take(view, offsets))

    def flush(self) -> None:
        """Sends on what has been taken. Raises as write()."""
        self._each(self.members, lambda member: member.flush())

    def close(self) -> None:
        """Ends all of them, whatever fails. Raises the first error of a vital member."""
        first: Exception | None = None
        for member in self.members if "members" in vars(self) else ():
            try:
                member.close()
            except (OSError, SockfilterError) as error:
                if member.is_vital:
                    first = first or error
                elif member.name not in self.missed:
                    self._fail(member, error)
        if first is not None:
            raise first

    def _each(self, members: Sequence[Member], do: Callable[[Member], object]) -> None:
        for member in members:
            if member.name not in self.missed:
                try:
                    do(member)
                except (OSError, SockfilterError) as error:
                    self._fail(member, error)

    def _fail(self, member: Member, error: Exception) -> None:
        if member.is_vital:
            raise error
        self.missed[member.name] = 0
        self._failed(member, error)
