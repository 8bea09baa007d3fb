"""Text, fields and content as values of JSON."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, TypeAlias

from sockfilter.forms.large import windows
from sockfilter.masking import mask_fields

if TYPE_CHECKING:
    from sockfilter.model import Body, Headers

Json: TypeAlias = "dict[str, Any]"

# from this size on, a body is written in base64 if that is shorter
LONG_BYTES = 4096
# all bytes except the control characters that JSON writes as \uXXXX; and the additional bytes of such an escape
PLAIN = bytes({*range(0x20, 0x7F), *range(0x80, 0x100), *b"\b\t\n\f\r"})
ESCAPED_BYTES = 5

# made once, because json.dumps() with options makes an encoder for each call
ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def header_fields(headers: Headers, show_secrets: bool) -> list[list[str]]:
    """Name and value of each field, in the order in which they came."""
    fields = list(headers)
    return [[clean_text(name), clean_text(value)] for name, value in (fields if show_secrets else mask_fields(fields))]


def clean_text(words: str) -> str:
    """The text as Latin-1 if it has bytes that are not UTF-8: JSON must not have lone surrogates (RFC 8259, 8.2)."""
    if words.isascii():
        return words
    try:
        words.encode()
    except UnicodeEncodeError:
        return words.encode("utf-8", "surrogateescape").decode("latin-1")
    return words


def is_shorter_in_base64(content: bytes) -> bool:
    """Whether a long body has so many control characters that base64 is shorter than their escapes."""
    if len(content) < LONG_BYTES:
        return False
    return ESCAPED_BYTES * sum(len(window.translate(None, PLAIN)) for window in windows(content)) > len(content) // 3


def content_of(body: Body, content: bytes | None, with_content: bool) -> Json:
    """The members of a body.

    Args:
        body: the body.
        content: its kept bytes, with secrets masked or not; None if they must not be shown.
        with_content: whether to write the content.
    """
    made: Json = {"wire_len": body.wire_len}
    if body.length is not None:
        made["len"] = body.length
    if with_content and body and content is not None:
        text = None if is_shorter_in_base64(content) else body.text_of(content)
        if text is None:
            made["base64"] = b64encode(content).decode()
        else:
            made["text"] = text
    if with_content and body.is_cut:
        made["kept"] = len(body)
    return made
