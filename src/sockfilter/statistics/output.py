"""The output of statistics: at the end, and on a terminal while the capture runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sockfilter.outputs.output import ByteSink, Output
from sockfilter.statistics.table import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.model.figures import Figures
    from sockfilter.statistics.collector import Collector

# seconds between two tables on a terminal
REFRESH_S = 1.0
# moves the cursor up by a number of lines; clears the screen from the cursor on (ECMA-48, 8.3.22 and 8.3.39)
UP, CLEAR = "\x1b[{}A\r", "\x1b[J"


class StatisticsOutput(Output):
    """Collects figures, and writes them at the end.

    Args:
        sink: receives the bytes.
        collector: collects the figures.
        final: returns what is written at the end. None: the table.
        screen: returns the columns and the lines of the terminal on which the table is live. None: it is not.
    """

    def __init__(
        self,
        sink: ByteSink,
        collector: Collector,
        *,
        final: Callable[[Collector], str] | None = None,
        screen: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(sink)
        self._collector = collector
        self._final = final
        self._screen = None if final is not None else screen
        self._due_s = 0.0
        self._shown_lines = 0

    @property
    def figures(self) -> Figures | None:
        """The receiver of the numbers of exchanges, if they are enough."""
        return self._collector if self._collector.is_by_route else None

    @property
    def lines_taken(self) -> int:
        """The number of exchanges of which only the numbers came."""
        return self._collector.figures_taken

    @lines_taken.setter
    def lines_taken(self, count: int) -> None:
        assert not count  # of the lines of text, which this output does not take

    def write(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        self._collector.add(exchange)

    def write_message(self, message: StreamMessage) -> None:
        """Does nothing: messages without a response are not exchanges."""

    def flush(self) -> None:
        """Shows the table if the output is a terminal and the table is due. Raises OSError."""
        if self._screen is not None and time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + REFRESH_S
            columns, lines = self._screen()
            self._show(table(self._collector, columns, lines - 2))

    def close(self) -> None:
        """Writes the statistics. Raises OSError."""
        if self._final is not None:
            self._send(self._final(self._collector).encode())
            return
        self._show(table(self._collector, None if self._screen is None else self._screen()[0]))

    def abandon(self) -> None:
        """Writes nothing: what was not captured is not known to be nothing."""

    def _show(self, text: str) -> None:
        before = UP.format(self._shown_lines) + CLEAR if self._shown_lines else ""
        self._shown_lines = text.count("\n") if self._screen is not None else 0
        self._send((before + text).encode())
