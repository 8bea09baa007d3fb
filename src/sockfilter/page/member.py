"""The page among the outputs of a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.outputs.fan import Member, Wants
from sockfilter.outputs.jsonl import JsonOutput

if TYPE_CHECKING:
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.page.pipe import LinePipe


class PageMember(Member):
    """Writes exchanges and messages as JSON lines into the pipe to the page's server.

    Args:
        pipe: the pipe.
        limit: the number of exchanges to write. None: all.
        bodies: whether to write what was kept of bodies.
        show_secrets: whether to show secrets instead of masking them.
        messages: whether to write messages of streams.
    """

    name = "page"
    is_vital = False

    def __init__(
        self,
        pipe: LinePipe,
        limit: int | None = None,
        *,
        bodies: bool = True,
        show_secrets: bool = False,
        messages: bool = True,
    ) -> None:
        self.wants = Wants.EXCHANGES | Wants.MESSAGES if messages else Wants.EXCHANGES
        self._pipe = pipe
        self._left = limit
        self._output = JsonOutput(pipe, bodies=bodies, show_secrets=show_secrets)
        self._is_closed = False

    def write(self, exchange: Exchange) -> None:
        """Adds an exchange."""
        if self._left != 0:
            self._output.write(exchange)
            self._left = None if self._left is None else self._left - 1

    def write_message(self, message: StreamMessage) -> None:
        """Adds a message."""
        if self._left != 0:
            self._output.write_message(message)

    def flush(self) -> None:
        """Passes on what was added."""
        self._output.flush()
        self._pipe.push()
        self._pipe.check()
        self.missed = self._pipe.missed

    def close(self) -> None:
        """Says that nothing follows. May be repeated. The page stays until the pipe is closed."""
        if not self._is_closed:
            self._is_closed = True
            self.flush()
            self._pipe.end()
            self.missed = self._pipe.missed
