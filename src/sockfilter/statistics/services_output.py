"""The output of services: at the end, and on a terminal while the capture runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sockfilter.outputs.output import ByteSink, Output
from sockfilter.statistics.output import CLEAR, REFRESH_S, UP
from sockfilter.statistics.services_table import services_lines, services_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.statistics.services import ServiceCollector


class ServicesOutput(Output):
    """Collects services, and writes them at the end.

    Args:
        sink: receives the bytes.
        collector: collects the figures.
        is_json: whether to write lines of JSON in place of the table.
        screen: returns the columns and the lines of the terminal on which the table is live. None: it is not.
    """

    def __init__(
        self,
        sink: ByteSink,
        collector: ServiceCollector,
        *,
        is_json: bool = False,
        screen: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(sink)
        self._collector = collector
        self._is_json = is_json
        self._screen = None if is_json else screen
        self._due_s = 0.0
        self._shown_lines = 0

    def write(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        self._collector.add(exchange)

    def write_message(self, message: StreamMessage) -> None:
        """Adds a message without a response."""
        self._collector.add_message(message)

    def flush(self) -> None:
        """Shows the table if the output is a terminal and the table is due. Raises OSError."""
        if self._screen is not None and time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + REFRESH_S
            columns, lines = self._screen()
            self._show(services_table(self._collector, columns, lines - 2))

    def close(self) -> None:
        """Writes the services. Raises OSError."""
        if self._is_json:
            self._send(services_lines(self._collector).encode())
        else:
            self._show(services_table(self._collector, None if self._screen is None else self._screen()[0]))

    def abandon(self) -> None:
        """Writes nothing: what was not captured is not known to be nothing."""

    def _show(self, text: str) -> None:
        before = UP.format(self._shown_lines) + CLEAR if self._shown_lines else ""
        self._shown_lines = text.count("\n") if self._screen is not None else 0
        self._send((before + text).encode())
