"""Attributes in the form of OTLP."""

from __future__ import annotations

from typing import Any


def put(attributes: Any, name: str, value: str | bool | int | float | list[str]) -> None:
    """Adds an attribute.

    Args:
        attributes: the attributes of a span, an event or a resource, as protobuf has them.
        name: its name.
        value: its value; text must be valid Unicode.
    """
    added = attributes.add()
    added.key = name
    to = added.value
    if isinstance(value, str):
        to.string_value = value
    elif isinstance(value, bool):
        to.bool_value = value
    elif isinstance(value, int):
        to.int_value = value
    elif isinstance(value, float):
        to.double_value = value
    else:
        for each in value:
            to.array_value.values.add().string_value = each
