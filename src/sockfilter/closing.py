"""What everything that holds descriptors, maps or files has in common."""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

Self = TypeVar("Self", bound="Closing")


class Closing:
    """A context manager that is closed at the end of its with statement."""

    __slots__ = ()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Releases what this holds. May be called again."""
        raise NotImplementedError


class ClosingIfForgotten(Closing):
    """What users open themselves: if they forget it without close(), it warns and closes itself.

    Attributes:
        is_closed: whether there is nothing to close, as before the end of the construction.
    """

    is_closed = True

    def __del__(self) -> None:
        if self.is_closed or sys.is_finalizing():
            return
        words = f"a {type(self).__name__} was forgotten: open it in a with statement, or close() it"
        warnings.warn(words, ResourceWarning, stacklevel=2, source=self)
        with suppress(Exception):  # nobody could catch it
            self.close()
