"""Exchanges as trees: those that a process made while it served another are below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.model.lineage import link
from sockfilter.outputs.output import Output

if TYPE_CHECKING:
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.outputs.output import ByteSink

# Exchanges that are held until all that may belong to them are there: some ten megabytes without bodies. When there are
# so many, they are written, and links between these and later ones are not found.
HELD_MAX = 10_000
BRANCH, INDENT = "`- ", "   "


class TreeOutput(Output):
    """Holds exchanges until the end, and then writes each below its parent.

    Args:
        sink: receives the bytes.
        form: makes the bytes of an exchange.
    """

    def __init__(self, sink: ByteSink, form: Output) -> None:
        super().__init__(sink)
        self._form = form
        self.is_json, self.show_secrets = form.is_json, form.show_secrets
        self._held: list[Exchange] = []

    def write(self, exchange: Exchange) -> None:
        """Holds an exchange."""
        self._held.append(exchange)
        if len(self._held) >= HELD_MAX:
            self._release()

    def render_message(self, message: StreamMessage) -> bytes:
        """Returns a message in the form's own way: messages are in no tree."""
        return self._form.render_message(message)

    def close(self) -> None:
        """Writes all exchanges. Raises OSError."""
        self._release()
        self.flush()

    def _release(self) -> None:
        held, self._held = self._held, []
        link(held)
        held.sort(key=lambda one: one.began_ns)
        below: dict[int, list[Exchange]] = {}
        for one in held:
            if one.parent is not None:
                below.setdefault(one.parent.exchange.id, []).append(one)
        # the last is written first
        waiting = [(one, 0) for one in reversed(held) if one.parent is None]
        while waiting:
            one, depth = waiting.pop()
            self._collect(self._branch(one, depth))
            waiting += [(child, depth + 1) for child in reversed(below.get(one.id, ()))]

    def _branch(self, exchange: Exchange, depth: int) -> bytes:
        made = self._form.render(exchange)
        if self.is_json or exchange.parent is None:
            return made
        first, end, rest = made.partition(b"\n")
        indent = (INDENT * (depth - 1) + BRANCH).encode()
        return indent + first + f"  (by {exchange.parent.why})".encode() + end + rest
