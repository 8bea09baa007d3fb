"""What a line says of a message without a response, and what more there is to say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.escape import printable
from sockfilter.forms.content_lines import content_lines
from sockfilter.forms.json_values import ENCODE
from sockfilter.forms.message_dict import clean_values, content_shown
from sockfilter.forms.message_forms import form_of
from sockfilter.forms.sizes import size_text
from sockfilter.masking.tables import KeptTable
from sockfilter.masking.values import mask_values, mask_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import StreamMessage

# characters of a type, a topic, or a reason on a line; peers choose them
WORDS_MAX = 200
DOTS = "..."
# titles that are cached, because many messages have the same type and size; at most 1 MB
TITLES_MAX = 4096

_titles: KeptTable[tuple[object, ...], str] = KeptTable(TITLES_MAX)


def mark_of(message: StreamMessage) -> str:
    """The direction, as in the lines of heads: > from the client, < from the server."""
    return ">" if message.is_from_client else "<"


def title(message: StreamMessage, show_secrets: bool) -> str:
    """The protocol, the direction, the type and the size: `WS < text 128 B (deflate 9 B)`.

    Args:
        message: the message.
        show_secrets: do not mask secrets.
    """
    if message.fields or message.close is not None:
        return _title_now(message, show_secrets)
    body = message.body
    key = (message.protocol, message.is_from_client, message.kind, body.wire_len, body.length, message.compressed)
    made = _titles.get(key)
    if made is None:
        made = _title_now(message, show_secrets)
        if len(message.kind) <= WORDS_MAX:
            _titles.keep(key, made)
    return made


def _title_now(message: StreamMessage, show_secrets: bool) -> str:
    form = form_of(message)
    about = form.about(message)
    if about and not show_secrets:
        about = mask_words(about)
    words = [form.label or message.protocol.upper(), mark_of(message), _short(message.kind), _short(about)]
    return " ".join(filter(None, (*words, _size(message))))


def details(message: StreamMessage, show_secrets: bool, with_content: bool) -> Iterator[str]:
    """The lines after the first: the exchange, the properties, and the content if wanted.

    Args:
        message: the message.
        show_secrets: do not mask secrets.
        with_content: add the kept content.
    """
    margin = f"    {mark_of(message)} "
    for name, value in _properties(message, show_secrets):
        yield f"{margin}{printable(name)}: {printable(value)}\n"
    # the first line has the code and the reason of a close
    if with_content and message.close is None and (message.body or message.body.is_cut):
        yield f"{margin[:-1]}\n"
        yield from content_lines(message.body, content_shown(message, show_secrets), margin)
    yield "\n"


def _properties(message: StreamMessage, show_secrets: bool) -> Iterator[tuple[str, str]]:
    if message.exchange is not None:
        yield "exchange", str(message.exchange.id)
    if message.frames > 1:
        yield "frames", str(message.frames)
    if message.event_id is not None:
        yield "id", message.event_id
    if message.channel is not None:
        yield "channel", str(message.channel)
    fields = message.fields if show_secrets else mask_values(message.fields)
    for name, value in clean_values(fields).items():
        yield name, value if isinstance(value, str) else ENCODE(value)


def _size(message: StreamMessage) -> str:
    """The size of the content, and that of its compressed form."""
    body = message.body
    if not (body.wire_len or message.frames):
        return ""
    if not message.compressed:
        return size_text(body.wire_len if body.length is None else body.length)
    sent = f"(deflate {size_text(body.wire_len)})"
    return sent if body.length is None else f"{size_text(body.length)} {sent}"


def _short(words: str) -> str:
    """Words of a peer for a line."""
    shown = printable(words[: WORDS_MAX + 1])
    return shown if len(words) <= WORDS_MAX else shown[:WORDS_MAX] + DOTS
