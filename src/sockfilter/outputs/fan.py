"""Several outputs at once. Each declares what it wants; if one fails, the others continue."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from enum import Flag, auto
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from sockfilter.errors import SockfilterError
from sockfilter.ledger import SpanCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.model import Connection, Exchange, StreamMessage
    from sockfilter.model.figures import Figures
    from sockfilter.model.lines import Lines
    from sockfilter.model.secret import Secret
    from sockfilter.model.tallies import Tallies


class Wants(Flag):
    """What an output receives."""

    EXCHANGES = auto()  # each exchange when it has ended
    MESSAGES = auto()  # each message without a response, such as one of a WebSocket, as it passes
    FRAMES = auto()  # the records of the source, with everything that a capture file needs


class OutputSource(Protocol):
    """What an output may ask the source of the records."""

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the file that the source reads. None: it reads no file."""

    @property
    def filled(self) -> float:
        """The part of the ring that records fill, with those of the present batch, from 0 to 1. A file has no ring."""

    def wall_ns(self, time_ns: int) -> int | None:
        """Converts a record's time to nanoseconds since 1970. None: the record has no time."""

    def interface_name(self, index: int) -> str:
        """Returns an interface's name by its index."""

    def counters(self) -> list[int]:
        """Returns the program's counters."""


class SecretFeed(Protocol):
    """The secrets that open the TLS connections of a capture.

    Attributes:
        on_opening: is called with each secret that has opened a connection. None: nobody asks.
        on_closing: is called with the client random of a connection that has ended. None: nobody asks.
        turn: the number of the present batch of records. Whoever asks for the secrets counts.
    """

    on_opening: Callable[[Secret], None] | None
    on_closing: Callable[[bytes], None] | None
    turn: int

    @property
    def oldest_turn(self) -> int | None:
        """The batch in which a connection began that lacks a secret, the first of them. None: none lacks any."""

    def refresh(self) -> None:
        """Adds the secrets that have come by now."""


class Member:
    """An output in a fan. A subclass implements the methods for what it wants.

    Attributes:
        name: the output's name in the ledger.
        wants: what the output receives.
        is_vital: whether the capture ends with an error if this output fails. An output that is not vital receives
            nothing after a failure, and what it misses is counted.
        missed: the number of exchanges and messages that the output itself has dropped.
    """

    name = "output"
    wants = Wants.EXCHANGES
    is_vital = True
    missed = 0

    @property
    def spans(self) -> SpanCounts | None:
        """What became of the spans that the output has made. None: it makes none."""
        return None

    @property
    def lines(self) -> Lines | None:
        """The receiver of lines that the lane has written, if this output needs nothing else."""
        return None

    @property
    def figures(self) -> Figures | None:
        """The receiver of the numbers of exchanges, if this output needs nothing else."""
        return None

    @property
    def tallies(self) -> Tallies | None:
        """The receiver of counts, if this output needs nothing else of ordinary exchanges."""
        return None

    @property
    def needs_number(self) -> bool:
        """Whether this output needs only the number of exchanges, see note_number()."""
        return False

    def note_number(self, count: int) -> None:
        """Called with the number of exchanges of which only counts were taken, if that is all this output needs."""

    @property
    def is_full(self) -> bool:
        """Whether the output accepts no more, so that the capture may end."""
        return False

    def begin(self, source: OutputSource) -> None:
        """Called once, before the first record. Raises OSError and SockfilterError."""

    def begin_secrets(self, feed: SecretFeed) -> None:
        """Called once, before the first record, if the capture opens TLS."""

    def write(self, exchange: Exchange) -> None:
        """Receives an exchange that has ended. Raises OSError and SockfilterError."""

    def write_message(self, message: StreamMessage) -> None:
        """Receives a message without a response. Raises OSError and SockfilterError."""

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Receives a batch of records and their addresses in memory. Raises OSError and SockfilterError."""

    def flush(self) -> None:
        """Flushes what was received; called after each batch. Raises OSError and SockfilterError."""

    def close(self) -> None:
        """Closes the output, also if begin() was not called or failed. May be repeated.

        Raises OSError and SockfilterError.
        """

    def abandon(self) -> None:
        """Closes the output of a capture that could not begin. Raises the same errors as close()."""
        self.close()


class Fan:
    """Forwards to each member what it wants.

    Args:
        wants: what all members want together. It is known before they are created.
        make: creates the members. It is called once, while the kernel verifies the program, so imports there cost no
            time.
        failed: is called with a member that is not vital, and its error.
        is_wanted: whether to forward what a connection carries. None: all is forwarded.
    """

    def __init__(
        self,
        wants: Wants,
        make: Callable[[], Sequence[Member]],
        failed: Callable[[Member, Exception], object] = lambda member, error: None,
        is_wanted: Callable[[Connection], bool] | None = None,
    ) -> None:
        self.wants = wants
        self._is_wanted = is_wanted
        self._make = make
        self._failed = failed
        # The number of exchanges and messages that came after a member's failure, by its name.
        self._after_failure: dict[str, int] = {}

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """All members, including those that have failed."""
        return tuple(self._make())

    def prepare(self) -> None:
        """Creates the members, unless they exist."""
        _ = self.members

    @cached_property
    def _writing(self) -> list[Member]:
        return [member for member in self.members if Wants.EXCHANGES in member.wants]

    @cached_property
    def _messaging(self) -> list[Member]:
        return [member for member in self.members if Wants.MESSAGES in member.wants]

    @cached_property
    def _taking(self) -> list[Member]:
        return [member for member in self.members if Wants.FRAMES in member.wants]

    @property
    def missed(self) -> dict[str, int]:
        """What each member missed, by name: exchanges and messages; only of those that failed or missed some."""
        found = dict(self._after_failure)
        for member in self.members if "members" in vars(self) else ():
            if member.missed:
                found[member.name] = found.get(member.name, 0) + member.missed
        return found

    @property
    def spans(self) -> SpanCounts:
        """What became of the spans that a member has made."""
        found = (member.spans for member in (self.members if "members" in vars(self) else ()))
        return next((spans for spans in found if spans is not None), SpanCounts())

    @property
    def lines(self) -> Lines | None:
        """The receiver of lines from the lane: the only member that wants exchanges, if lines are enough for it."""
        beside = [member for member in self._writing if not (self.tallies and (member.tallies or member.needs_number))]
        return beside[0].lines if len(beside) == 1 and self._is_wanted is None else None

    @property
    def figures(self) -> Figures | None:
        """The receiver of numbers: the only member that wants exchanges, if their numbers are enough for it."""
        return self._writing[0].figures if len(self._writing) == 1 and self._is_wanted is None else None

    @property
    def tallies(self) -> Tallies | None:
        """The receiver of counts: one member, if the others need lines or the number of exchanges alone."""
        found = [member for member in self._writing if member.tallies is not None]
        others = [member for member in self._writing if member not in found and not member.needs_number]
        is_enough = len(found) == 1 and len(others) <= 1 and all(member.lines is not None for member in others)
        return found[0].tallies if is_enough and self._is_wanted is None else None

    def note_number(self, count: int) -> None:
        """Tells members that need nothing else of a number of exchanges, of which counts were taken."""
        for member in self._writing:
            if member.needs_number:
                member.note_number(count)

    @property
    def is_full(self) -> bool:
        """Whether a member accepts no more."""
        return any(member.is_full for member in self.members)

    def begin(self, source: OutputSource) -> None:
        """Passes the source to the members, before the first record. Raises the same errors as write()."""
        self._each(self.members, lambda member: member.begin(source))

    def begin_secrets(self, feed: SecretFeed) -> None:
        """Passes the secrets of TLS to the members, before the first record."""
        self._each(self.members, lambda member: member.begin_secrets(feed))

    def write(self, exchange: Exchange) -> None:
        """Forwards an exchange that has ended. Raises OSError and SockfilterError of a vital member."""
        if self._is_wanted is not None and not self._is_wanted(exchange.connection):
            return
        for member in self._writing:
            if member.name in self._after_failure:
                self._after_failure[member.name] += 1
            else:
                try:
                    member.write(exchange)
                except (OSError, SockfilterError) as error:
                    self._miss(member, error)

    def write_message(self, message: StreamMessage) -> None:
        """Forwards a message without a response. Raises the same errors as write()."""
        if self._is_wanted is not None and not self._is_wanted(message.connection):
            return
        for member in self._messaging:
            if member.name in self._after_failure:
                self._after_failure[member.name] += 1
            else:
                try:
                    member.write_message(message)
                except (OSError, SockfilterError) as error:
                    self._miss(member, error)

    def take(self, view: memoryview, offsets: list[int]) -> None:
        """Forwards a batch of records. Raises the same errors as write()."""
        self._each(self._taking, lambda member: member.take(view, offsets))

    def flush(self) -> None:
        """Flushes all members. Raises the same errors as write()."""
        self._each(self.members, lambda member: member.flush())

    def close(self) -> None:
        """Closes all members even if some fail. Raises the first error of a vital member."""
        self._close_all(lambda member: member.close())

    def abandon(self) -> None:
        """Closes all members of a capture that could not begin. The caller has an error to raise already."""
        with suppress(OSError, SockfilterError):
            self._close_all(lambda member: member.abandon())

    def _close_all(self, close: Callable[[Member], object]) -> None:
        errors: list[Exception] = []
        with ExitStack() as stack:  # closes the others even after an error that no output should raise
            for member in reversed(self.members if "members" in vars(self) else ()):
                stack.callback(self._close, member, close, errors)
        if errors:
            raise errors[0]

    def _close(self, member: Member, close: Callable[[Member], object], errors: list[Exception]) -> None:
        try:
            close(member)
        except (OSError, SockfilterError) as error:
            if member.is_vital:
                errors.append(error)
            elif member.name not in self._after_failure:
                self._fail(member, error)

    def _miss(self, member: Member, error: Exception) -> None:
        """Handles the failure of a member, which has missed an exchange or a message."""
        self._fail(member, error)
        self._after_failure[member.name] += 1

    def _each(self, members: Sequence[Member], do: Callable[[Member], object]) -> None:
        for member in members:
            if member.name not in self._after_failure:
                try:
                    do(member)
                except (OSError, SockfilterError) as error:
                    self._fail(member, error)

    def _fail(self, member: Member, error: Exception) -> None:
        if member.is_vital:
            raise error
        self._after_failure[member.name] = 0
        self._failed(member, error)
