"""Messages without a response as a list, for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.escape import printable
from sockfilter.forms.line import TextForm
from sockfilter.forms.message_dict import content_shown
from sockfilter.forms.message_line import title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.model import StreamMessage

# characters of the content on a line
CONTENT_MAX = 60


def message_list(messages: Sequence[StreamMessage], lines_max: int) -> list[str]:
    """A line for each message with the beginning of its content, with secrets masked; of a long list, both ends."""
    form, half = TextForm(), lines_max // 2
    shown = messages if len(messages) <= lines_max else (*messages[:half], *messages[-half:])
    lines = [form.render_message(message).decode().rstrip("\n") + _content(message) for message in shown]
    if len(shown) < len(messages):
        lines.insert(half, f"... {len(messages) - len(shown)} more messages ...")
    return lines


def named_message(message: StreamMessage) -> str:
    """The short name of a message: protocol, direction, type, size, and the beginning of its content."""
    return title(message, show_secrets=False) + _content(message)


def _content(message: StreamMessage) -> str:
    content = content_shown(message, show_secrets=False)
    if not content or message.close is not None:
        return ""
    try:
        text = content[: 4 * CONTENT_MAX].decode("utf-8", "replace" if len(content) > CONTENT_MAX else "strict")
    except UnicodeDecodeError:
        return ""
    shown = printable(text[:CONTENT_MAX])
    return f"  {shown}..." if len(content) > len(text[:CONTENT_MAX].encode()) else f"  {shown}"
