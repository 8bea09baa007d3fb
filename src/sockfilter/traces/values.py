"""Attributes in the form of OTLP."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

# Attributes of spans whose bytes are kept, because most spans have the same methods, hosts, routes and ports: 1 MB.
KEPT_MAX = 8192


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


def add(attributes: list[bytes], name: str, value: str | bool | int) -> None:
    """Adds an attribute that many spans have, as the bytes that it takes in each of them."""
    attributes.append(_encoded(name, value))


@lru_cache(KEPT_MAX, typed=True)  # 1 and True are equal
def _encoded(name: str, value: str | bool | int) -> bytes:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    span: Any = Span()
    put(span.attributes, name, value)
    made: bytes = span.SerializeToString()
    return made
