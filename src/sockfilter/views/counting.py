"""Asserts how many of something match: the base of all expectations."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from sockfilter.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.errors import ExpectationFailed
    from sockfilter.model import Exchange

Seen = TypeVar("Seen")


class Counting(Generic[Seen]):
    """An expectation of the exchanges or messages that meet some conditions.

    Args:
        seen: reads what crossed and returns all of them.
        coming: yields them as they come, from the first on, for a number of seconds. None: waiting is not allowed.
        matches: returns whether one meets the conditions.

    Attributes:
        was_looked_at: whether a method has evaluated it. An expectation that is never evaluated asserts nothing.
    """

    def __init__(
        self,
        seen: Callable[[], list[Seen]],
        coming: Callable[[float], Iterator[Seen]] | None,
        matches: Callable[[Seen], bool],
    ) -> None:
        self._seen = seen
        self._coming = coming
        self._matches = matches
        self._is_never = False
        self.was_looked_at = False

    def once(self, *, within: float | None = None) -> Seen:
        """Asserts that exactly one matches. Returns it.

        Args:
            within: the maximum number of seconds to wait for a match. None: only what crossed before the call counts.

        Raises:
            ExpectationFailed: none matches, or more than one.
        """
        __tracebackhide__ = True  # pytest shows the caller
        return self.times(1, within=within)[0]

    def times(self, number: int, *, within: float | None = None) -> list[Seen]:
        """Asserts that exactly this number match. Returns them.

        Args:
            number: the expected number.
            within: the maximum number of seconds to wait for them. If number is 0: the seconds in which none may match.

        Raises:
            ExpectationFailed: fewer or more match.
        """
        __tracebackhide__ = True  # pytest shows the caller
        if number < 0:
            raise InvalidArgument(f"times({number}): the number cannot be negative")
        self._is_never = not number
        ended, found = self._look(within, number or 1)
        if len(found) != number:
            raise self._miscounted(_times(number), within, ended, found)
        return found

    def never(self, *, within: float | None = None) -> None:
        """Asserts that none matches.

        Args:
            within: the number of seconds in which none may match. None: only what crossed before the call counts.

        Raises:
            ExpectationFailed: one matches.
        """
        __tracebackhide__ = True  # pytest shows the caller
        self.times(0, within=within)

    def at_least(self, number: int, *, within: float | None = None) -> list[Seen]:
        """Asserts that at least this number match. Returns them. Arguments and errors as for times()."""
        __tracebackhide__ = True  # pytest shows the caller
        ended, found = self._look(within, number)
        if len(found) < number:
            raise self._miscounted(f"at least {_times(number)}", within, ended, found)
        return found

    def at_most(self, number: int, *, within: float | None = None) -> list[Seen]:
        """Asserts that at most this number match. Returns them.

        Args:
            number: the maximum number.
            within: the number of seconds in which no more may match. None: only what crossed before the call counts.

        Raises:
            ExpectationFailed: more match.
        """
        __tracebackhide__ = True  # pytest shows the caller
        ended, found = self._look(within, number + 1)
        if len(found) > number:
            raise self._miscounted(f"at most {_times(number)}", within, ended, found)
        return found

    def within(self, seconds: float) -> Seen:
        """Waits up to this number of seconds for a match. Returns the first.

        Raises:
            ExpectationFailed: none matches in time.
        """
        __tracebackhide__ = True  # pytest shows the caller
        self._await(seconds, 1)
        return self.came_within(seconds)

    def came_within(self, seconds: float) -> Seen:
        """Does the same for a caller that has already waited for these seconds."""
        __tracebackhide__ = True  # pytest shows the caller
        ended, found = self._look()
        if not found:
            raise self._miscounted(f"within {seconds:g} s", None, ended, found)
        return found[0]

    def allows(self, exchange: Exchange) -> bool:
        """Returns whether the expectation asks for an exchange that is not whole and matches this: it is expected."""
        return False

    def _look(self, within: float | None = None, number: int = 0) -> tuple[list[Seen], list[Seen]]:
        """Waits for enough matches if within is given. Returns all that were seen, and those that match."""
        if within is not None:
            self._await(within, number)
        self.was_looked_at = True
        ended = self._seen()
        return ended, list(filter(self._matches, ended))

    def _await(self, seconds: float, number: int) -> None:
        if number > 0:
            next(islice(self._as_they_come(seconds), number - 1, None), None)

    def _as_they_come(self, seconds: float) -> Iterator[Seen]:
        if self._coming is None:
            self.was_looked_at = True
            raise InvalidArgument(
                f"within {seconds:g} s: waiting here would block the event loop; use await wait_for()"
            )
        return filter(self._matches, self._coming(seconds))

    def _miscounted(self, times: str, within: float | None, ended: list[Seen], found: list[Seen]) -> ExpectationFailed:
        """Returns the error for a wrong number of matches."""
        raise NotImplementedError


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def within_text(seconds: float | None) -> str:
    """Returns the time that was waited, in words."""
    return "" if seconds is None else f" within {seconds:g} s"
