"""The JSON line of an exchange with large bodies, in pieces. Its bytes equal those of a line made at once."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING

from sockfilter.forms.json_dict import to_dict
from sockfilter.forms.json_values import ENCODE, is_shorter_in_base64
from sockfilter.forms.large import is_text, text_of, windows
from sockfilter.masking import mask_body

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Exchange, Message

# Bytes of a placeholder's name: too many for a peer to guess.
MARK_BYTES = 16


def line_in_pieces(exchange: Exchange, show_secrets: bool) -> Iterator[bytes]:
    """Yields the line, with what was kept of the bodies.

    Args:
        exchange: the exchange.
        show_secrets: whether to show secrets instead of masking them.
    """
    made = to_dict(exchange, bodies=False, show_secrets=show_secrets)
    contents: dict[str, Iterator[str]] = {}  # by placeholder
    for name, message in (("request", exchange.request), ("response", exchange.response)):
        if message is not None and message.body:
            mark = os.urandom(MARK_BYTES).hex()
            form, contents[mark] = _content(message, show_secrets)
            made[name]["body"][form] = mark
        if message is not None and message.body.is_cut:
            made[name]["body"]["kept"] = len(message.body)
    rest = ENCODE(made)
    for mark, pieces in contents.items():
        before, _, rest = rest.partition(mark)
        yield before.encode()
        for piece in pieces:
            yield ENCODE(piece)[1:-1].encode()
    yield rest.encode() + b"\n"


def _content(message: Message, show_secrets: bool) -> tuple[str, Iterator[str]]:
    """Returns the name of a body's form, and the content in pieces."""
    body = message.body
    content = body if show_secrets else mask_body(message)
    if not is_shorter_in_base64(content) and is_text(content, body.is_cut):
        return "text", text_of(content)
    return "base64", (b64encode(window).decode() for window in windows(content))
