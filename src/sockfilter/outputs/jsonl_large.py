"""The JSON line of an exchange with large bodies, in pieces. Its bytes equal those of a line made at once."""

from __future__ import annotations

import os
from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING

from sockfilter.forms.grpc import shown_content
from sockfilter.forms.json_dict import shown_body, to_dict
from sockfilter.forms.json_values import ENCODE, is_shorter_in_base64
from sockfilter.forms.large import is_text, text_of, windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.forms.json_values import Json
    from sockfilter.model import Body, Exchange
    from sockfilter.model.grpc import GrpcMessage

# Bytes of a placeholder's name: too many for a peer to guess.
MARK_BYTES = 16


def line_in_pieces(exchange: Exchange, show_secrets: bool) -> Iterator[bytes]:
    """Yields the line, with what was kept of the bodies.

    Args:
        exchange: the exchange.
        show_secrets: whether to show secrets instead of masking them.
    """
    made = to_dict(exchange, bodies=False, show_secrets=show_secrets)
    contents: dict[str, Callable[[], Iterator[str]]] = {}  # by placeholder
    for name, message in (("request", exchange.request), ("response", exchange.response)):
        if message is not None:
            _fill(made[name]["body"], message.body, partial(shown_body, message, show_secrets), contents)
    if exchange.grpc is not None:
        for name, side in (("request", exchange.grpc.request), ("response", exchange.grpc.response)):
            for form, each in zip(made["grpc"][name]["messages"], side.messages, strict=True):
                _fill(form, each.content, partial(_shown_inside, each, show_secrets), contents)
                form.update(shown_content(each, each.content, show_secrets).member)
    rest = ENCODE(made)
    for mark, pieces in contents.items():
        before, _, rest = rest.partition(mark)
        yield before.encode()
        for piece in pieces():
            yield ENCODE(piece)[1:-1].encode()
    yield rest.encode() + b"\n"


def _shown_inside(message: GrpcMessage, show_secrets: bool) -> bytes | None:
    return shown_content(message, message.content, show_secrets).content


def _fill(
    form: Json, body: Body, content: Callable[[], bytes | None], contents: dict[str, Callable[[], Iterator[str]]]
) -> None:
    """Adds to the form of a body what content_of() adds if it writes the content, with a placeholder for that."""
    shown = content() if body else None
    if shown is not None:
        mark = os.urandom(MARK_BYTES).hex()
        is_readable = not is_shorter_in_base64(shown) and is_text(shown, body.is_cut)
        form["text" if is_readable else "base64"] = mark
        contents[mark] = partial(_text if is_readable else _base64, content)
    if body.is_cut:
        form["kept"] = len(body)


def _text(content: Callable[[], bytes | None]) -> Iterator[str]:
    return text_of(content() or b"")


def _base64(content: Callable[[], bytes | None]) -> Iterator[str]:
    return (b64encode(window).decode() for window in windows(content() or b""))
