"""Expectations of messages without a response: how many match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.views.counting import Counting, within_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.errors import ExpectationFailed
    from sockfilter.filters.message_where import MessageWhere
    from sockfilter.model import StreamMessage

# The maximum number of messages to list: if many tests fail together, each takes only part of a screen.
LISTED_MAX = 10


class MessageExpectation(Counting["StreamMessage"]):
    """An expectation of the messages that meet some conditions.

    Args:
        seen: reads what passed and returns all messages.
        coming: yields messages as they pass, for a number of seconds. None: waiting is not allowed.
        where: the conditions.
    """

    def __init__(
        self,
        seen: Callable[[], list[StreamMessage]],
        coming: Callable[[float], Iterator[StreamMessage]] | None,
        where: MessageWhere,
    ) -> None:
        super().__init__(seen, coming, where.matches)
        self._where = where

    def __repr__(self) -> str:
        return f"<MessageExpectation {str(self._where) or 'a message'}>"

    def without_waiting(self) -> MessageExpectation:
        """Refuses within= from now on, because waiting would block the event loop. Returns this expectation."""
        self._coming = None
        return self

    def _miscounted(
        self, times: str, within: float | None, ended: list[StreamMessage], found: list[StreamMessage]
    ) -> ExpectationFailed:
        from sockfilter.errors import ExpectationFailed  # imported late, as the forms of messages are
        from sockfilter.forms.message_list import message_list, named_message
        from sockfilter.masking import mask_json

        words = mask_json(str(self._where)) or "a message"
        were = {0: "were none", 1: "was 1"}.get(len(found), f"were {len(found)}")
        parts = [f"expected {words}: {times}{within_text(within)}; there {were}"]
        rest = [message for message in ended if message not in found]
        for title, messages in (("these are", found), (f"{len(rest)} other{'s' * (len(rest) > 1)}", rest)):
            if messages:
                parts += [f"{title}:", *(f"    {line}" for line in message_list(messages, LISTED_MAX))]
        if not ended:
            parts.append("no message was seen at all")
        failed = ExpectationFailed("\n".join(parts))
        last = f"; the last: {named_message(ended[-1])}" if ended else "; no message was seen"
        failed.summary = f"expected message {words} {times}{within_text(within)}, found {len(found) or 'none'}{last}"
        return failed
