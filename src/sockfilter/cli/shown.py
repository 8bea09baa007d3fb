"""Exchanges and messages on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.fan import Member, Wants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sockfilter.model import Connection, Exchange, Problem, StreamMessage
    from sockfilter.model.figures import Figures
    from sockfilter.model.lines import Lines
    from sockfilter.outputs.output import Output


class Shown(Member):
    """Shows exchanges on standard output, and messages without a response.

    Args:
        output: the form of the exchanges. None: exchanges are only counted, because something else is written there.
        limit: the number of exchanges to show. None: all.
        note: takes the problems of each exchange.
        messages: whether to show messages without a response.
        is_wanted: whether to show what a connection carries. None: all is shown.

    Attributes:
        left: the number of exchanges still to be shown. None: all.
        messages: the number of messages shown.
    """

    name = "standard output"

    def __init__(
        self,
        output: Output | None,
        limit: int | None,
        note: Callable[[Iterable[Problem]], object],
        *,
        messages: bool = True,
        is_wanted: Callable[[Connection], bool] | None = None,
    ) -> None:
        self.wants = Wants.EXCHANGES | Wants.MESSAGES if messages else Wants.EXCHANGES
        self._output = output
        self._note = note
        self._is_wanted = is_wanted
        self._passed = 0
        self.left = limit
        self.messages = 0

    @property
    def lines(self) -> Lines | None:
        """The output for lines written elsewhere, if all exchanges are shown, and their number has no limit."""
        is_all = self.left is None and self._is_wanted is None
        return self._output.lines if self._output is not None and is_all else None

    @property
    def figures(self) -> Figures | None:
        """The output for the numbers of exchanges, if the number of exchanges has no limit."""
        return self._output.figures if self._output is not None and self.left is None else None

    @property
    def needs_number(self) -> bool:
        """Whether exchanges are only counted, and their number has no limit."""
        return self._output is None and self.left is None and self._is_wanted is None

    def note_number(self, count: int) -> None:
        """Counts exchanges."""
        self._passed += count

    @property
    def count(self) -> int:
        """The number of exchanges shown."""
        return self._passed + (self._output.lines_taken if self._output is not None else 0)

    def write(self, exchange: Exchange) -> None:
        """Shows an exchange unless the limit has been reached. Raises OSError."""
        if self.left == 0 or not self._shows(exchange.connection):
            return
        if self._output is not None:
            self._output.write(exchange)
        self._passed += 1
        if exchange.problems:
            self._note(exchange.problems)
        if self.left is not None:
            self.left -= 1

    def write_message(self, message: StreamMessage) -> None:
        """Shows a message unless the last exchange has been shown. Raises OSError."""
        if self.left == 0 or not self._shows(message.connection):
            return
        if self._output is not None:
            self._output.write_message(message)
        self.messages += 1

    def flush(self) -> None:
        """Flushes what was shown. Raises OSError."""
        if self._output is not None:
            self._output.flush()

    def _shows(self, connection: Connection) -> bool:
        return self._is_wanted is None or self._is_wanted(connection)

    def close(self) -> None:
        """Writes what the form has at its end. Raises OSError."""
        if self._output is not None:
            self._output.flush()
            self._output.close()

    def abandon(self) -> None:
        """Lets the form end for a capture that could not begin. Raises OSError."""
        if self._output is not None:
            self._output.abandon()
