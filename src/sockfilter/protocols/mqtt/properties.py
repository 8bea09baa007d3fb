"""The properties of MQTT 5 (2.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sockfilter.protocols.cursor import Cursor, Malformed, text_of, text_or_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

# bytes of a variable byte integer (1.5.5)
VARINT_BYTES_MAX = 4
# Properties of one packet that are read. Brokers limit the size of a packet, not their number.
PROPERTIES_MAX = 1000


def varint(cursor: Cursor) -> int:
    """A variable byte integer.

    Raises:
        Malformed: it is too long, or its end is missing.
    """
    value = 0
    for place in range(VARINT_BYTES_MAX):
        byte = cursor.number(1)
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value
    raise Malformed


def binary(cursor: Cursor) -> bytes:
    """Bytes with their length in front (1.5.6)."""
    return cursor.take(cursor.number(2))


def text(cursor: Cursor) -> str:
    """A text with its length in front (1.5.4)."""
    return text_of(binary(cursor))


def _pair(cursor: Cursor) -> list[str]:
    return [text(cursor), text(cursor)]


def _byte(cursor: Cursor) -> int:
    return cursor.number(1)


def _two(cursor: Cursor) -> int:
    return cursor.number(2)


def _four(cursor: Cursor) -> int:
    return cursor.number(4)


def _data(cursor: Cursor) -> object:
    return text_or_bytes(binary(cursor))


# 2.2.2.2: name and form by identifier
PROPERTIES: dict[int, tuple[str, Callable[[Cursor], object]]] = {
    0x01: ("payload_format_indicator", _byte),
    0x02: ("message_expiry_interval", _four),
    0x03: ("content_type", text),
    0x08: ("response_topic", text),
    0x09: ("correlation_data", _data),
    0x0B: ("subscription_identifier", varint),
    0x11: ("session_expiry_interval", _four),
    0x12: ("assigned_client_identifier", text),
    0x13: ("server_keep_alive", _two),
    0x15: ("authentication_method", text),
    0x16: ("authentication_data", _data),
    0x17: ("request_problem_information", _byte),
    0x18: ("will_delay_interval", _four),
    0x19: ("request_response_information", _byte),
    0x1A: ("response_information", text),
    0x1C: ("server_reference", text),
    0x1F: ("reason_string", text),
    0x21: ("receive_maximum", _two),
    0x22: ("topic_alias_maximum", _two),
    0x23: ("topic_alias", _two),
    0x24: ("maximum_qos", _byte),
    0x25: ("retain_available", _byte),
    0x26: ("user_property", _pair),
    0x27: ("maximum_packet_size", _four),
    0x28: ("wildcard_subscription_available", _byte),
    0x29: ("subscription_identifier_available", _byte),
    0x2A: ("shared_subscription_available", _byte),
}
# those that may come more than once are lists
REPEATED = frozenset(("user_property", "subscription_identifier"))


def read_properties(cursor: Cursor) -> dict[str, object]:
    """The properties of a packet, by name.

    Raises:
        Malformed: they are longer than the packet, or one of them is not known.
    """
    inside = cursor.within(varint(cursor))
    found: dict[str, object] = {}
    for _ in range(PROPERTIES_MAX):
        if not inside.left:
            return found
        known = PROPERTIES.get(inside.number(1))
        if known is None:
            raise Malformed
        name, read = known
        value = read(inside)
        if name in REPEATED:
            values = found.setdefault(name, [])
            assert isinstance(values, list)  # set above
            values.append(value)
        else:
            found[name] = value
    raise Malformed
