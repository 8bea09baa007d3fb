"""Exchanges as text for a closer look: one in detail, or a list of many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.forms.line import BODIES, TextForm
from sockfilter.forms.message_forms import form_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model import Exchange

# maximum lines for one exchange, and for a list: one or two screens
DETAIL_LINES_MAX = 60
LINES_MAX = 40
# maximum lines for the messages on the stream of an exchange
MESSAGES_MAX = 20


def transcript(exchange: Exchange, lines_max: int = DETAIL_LINES_MAX, columns_max: int | None = None) -> str:
    """An exchange's line, heads and bodies, and the messages on its stream, with secrets masked.

    A long transcript is cut in the middle.

    Args:
        exchange: the exchange.
        lines_max: maximum number of lines.
        columns_max: maximum characters of a line; None for no limit.
    """
    lines = TextForm(verbosity=BODIES).render(exchange).decode().rstrip("\n").split("\n")
    if exchange.messages:
        from sockfilter.forms.message_list import message_list  # imported late: most exchanges have no messages

        messages = [message for message in list(exchange.messages) if not form_of(message).is_in_body]
        lines += message_list(messages, MESSAGES_MAX)
    if columns_max is not None:
        lines = [line if len(line) <= columns_max else f"{line[: columns_max - 3]}..." for line in lines]
    return "\n".join(_cut(lines, lines_max, "lines"))


def listing(exchanges: Sequence[Exchange], lines_max: int = LINES_MAX) -> str:
    """A line for each exchange, with secrets masked; of a long list, the first and the last lines."""
    form = TextForm()
    shown = (
        exchanges if len(exchanges) <= lines_max else (*exchanges[: lines_max // 2], *exchanges[-(lines_max // 2) :])
    )
    lines = [form.render(exchange).decode().rstrip("\n") for exchange in shown]
    if len(shown) < len(exchanges):
        lines.insert(lines_max // 2, f"... {len(exchanges) - len(shown)} more exchanges ...")
    return "\n".join(lines)


def _cut(lines: list[str], limit: int, what: str) -> list[str]:
    if len(lines) <= limit:
        return lines
    half = limit // 2
    return [*lines[:half], f"... {len(lines) - 2 * half} more {what} ...", *lines[-half:]]
