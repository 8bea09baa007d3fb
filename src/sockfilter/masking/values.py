"""Masks secrets in the properties of a message, and in its content, which has no Content-Type."""

from __future__ import annotations

from collections.abc import Mapping

from sockfilter.masking.bodies import mask_content
from sockfilter.masking.fields import mask_field
from sockfilter.masking.json_text import mask_json


def mask_values(values: Mapping[str, object]) -> dict[str, object]:
    """Properties with secrets masked, by their names. Values in lists and mappings are masked too."""
    return {name: _masked(name, value) for name, value in values.items()}


def _masked(name: str, value: object) -> object:
    if isinstance(value, str):
        return mask_field(name, value)
    if isinstance(value, Mapping):
        return mask_values(value)
    if not isinstance(value, (list, tuple)):
        return value
    first, *rest = value or (None,)
    if len(rest) == 1 and isinstance(first, str) and isinstance(rest[0], str):
        return [first, mask_field(first, mask_field(name, rest[0]))]  # a name and its value
    return [_masked(name, each) for each in value]


def mask_message(content: bytes, kind: str = "") -> bytes:
    """The content of a message with secrets masked; the same object if there is no secret.

    Args:
        content: all of the content, or its beginning.
        kind: its media type; empty if the protocol has none.
    """
    masked = mask_content(content, kind)
    # JSON may follow a number or a name, as in Socket.IO
    return mask_content(content, "json") if masked is content and not kind else masked


def mask_words(text: str) -> str:
    """A text for people, such as the reason of a close, with secrets masked."""
    return mask_json(text)
