"""The control packets of MQTT: their types and their fields.

MQTT 3.1 (IBM, 2010), MQTT 3.1.1 and MQTT 5.0 (OASIS); the numbers of sections are those of MQTT 5.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sockfilter.protocols.cursor import Cursor, Malformed, text_of, text_or_bytes
from sockfilter.protocols.mqtt.properties import VARINT_BYTES_MAX, binary, read_properties, text

if TYPE_CHECKING:
    from collections.abc import Callable

Fields = dict[str, object]

# 2.1.2, by number
TYPES = (
    *("", "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback"),
    *("unsubscribe", "unsuback", "pingreq", "pingresp", "disconnect", "auth"),
)
CONNECT, CONNACK, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, UNSUBACK, PINGREQ, DISCONNECT, AUTH = 1, 2, 3, 8, 10, 11, 12, 14, 15
# PUBACK, PUBREC, PUBREL, PUBCOMP
ACKNOWLEDGEMENTS = range(4, 8)
# by the end that may send them: of the client, of the server; all others may be sent by both
BY_CLIENT = frozenset((CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ))
BY_SERVER = frozenset((2, 9, 11, 13))
# 2.1.3: the flags of PUBREL, SUBSCRIBE and UNSUBSCRIBE; those of PUBLISH say something, and all others are 0
FLAGS = {6: 2, 8: 2, 10: 2}
V3, V5 = 4, 5
# the version is not known: it is the first byte of a CONNECT that was not read
UNKNOWN = 0
# topics or codes of one packet that are kept; a SUBSCRIBE of more is possible, and no client sends one
LISTED_MAX = 10_000


class PacketHead(NamedTuple):
    """The fixed header of a packet (2.1).

    Attributes:
        kind: the number of its type.
        flags: the four bits after the type.
        start: where the rest begins.
        end: where the packet ends.
    """

    kind: int
    flags: int
    start: int
    end: int


def read_head(data: bytes, at: int) -> PacketHead | None:
    """The fixed header at an offset; None if it needs more bytes.

    Raises:
        Malformed: the type is not defined, or the length is longer than four bytes.
    """
    kind = data[at] >> 4
    if not kind:
        raise Malformed
    length = place = 0
    for place in range(VARINT_BYTES_MAX):
        if at + 1 + place >= len(data):
            return None
        byte = data[at + 1 + place]
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    else:
        raise Malformed
    start = at + 2 + place
    return PacketHead(kind, data[at] & 15, start, start + length)


def read_publish(cursor: Cursor, flags: int, version: int, fields: Fields) -> bool:
    """Reads a PUBLISH up to its payload (3.3). Returns whether the cursor is there.

    Raises:
        Malformed: the packet ends before.
    """
    qos = flags >> 1 & 3
    fields |= {"topic": text(cursor), "qos": qos, "retain": bool(flags & 1), "dup": bool(flags & 8)}
    if qos == 3:
        raise Malformed
    if qos:
        fields["packet_id"] = cursor.number(2)
    _properties(cursor, version, fields)
    return version != UNKNOWN


def read_fields(head: PacketHead, data: bytes, version: int, fields: Fields) -> int:
    """Reads the fields of a packet that is no PUBLISH. Returns the version of the protocol, which CONNECT changes.

    Raises:
        Malformed: the packet ends before, or goes on after its last field. The fields before that have been read.
    """
    cursor = Cursor(data, head.start, head.end)
    if version == UNKNOWN:
        version = version_of(head)
    if head.kind == CONNECT:
        version = _read_connect(cursor, fields)
    else:
        READERS[head.kind](cursor, version, fields)
    if cursor.left and version != UNKNOWN:
        raise Malformed
    return version


def version_of(head: PacketHead) -> int:
    """The version that the size of a packet shows; UNKNOWN if it may have several versions.

    In MQTT 3, a CONNACK, an UNSUBACK and an acknowledgement have two bytes, and a DISCONNECT has none. MQTT 5 adds a
    code, properties, or both, and the packet AUTH.
    """
    size = head.end - head.start
    if head.kind in (CONNACK, UNSUBACK):
        return V5 if size > 2 else V3
    if head.kind in ACKNOWLEDGEMENTS:
        return V5 if size > 2 else UNKNOWN
    if head.kind == AUTH or (head.kind == DISCONNECT and size):
        return V5
    return UNKNOWN


def _properties(cursor: Cursor, version: int, fields: Fields, name: str = "properties") -> None:
    if version == V5:
        found = read_properties(cursor)
        if found:
            fields[name] = found


def _read_connect(cursor: Cursor, fields: Fields) -> int:
    """3.1. Returns the version."""
    fields["protocol_name"] = text(cursor)
    # bridges set the highest bit of the version in MQTT 3 (mosquitto)
    version = cursor.number(1) & 0x7F
    fields["protocol_version"] = version
    if version not in (3, 4, V5):
        raise Malformed
    flags = cursor.number(1)
    fields["clean_start" if version == V5 else "clean_session"] = bool(flags & 2)
    fields["keep_alive"] = cursor.number(2)
    _properties(cursor, version, fields)
    fields["client_id"] = text(cursor)
    if flags & 4:
        _properties(cursor, version, fields, "will_properties")
        fields["will_topic"] = text(cursor)
        fields["will_payload"] = text_or_bytes(binary(cursor))
        fields["will_qos"] = flags >> 3 & 3
        fields["will_retain"] = bool(flags & 0x20)
    if flags & 0x80:
        fields["username"] = text(cursor)
    if flags & 0x40:
        fields["password"] = text_of(binary(cursor))
    return version


def _read_connack(cursor: Cursor, version: int, fields: Fields) -> None:
    """3.2."""
    fields["session_present"] = bool(cursor.number(1) & 1)
    fields["code"] = cursor.number(1)
    if cursor.left:  # a broker that does not know MQTT 5 refuses it in the form of MQTT 3
        _properties(cursor, version, fields)


def _read_acknowledgement(cursor: Cursor, version: int, fields: Fields) -> None:
    """3.4 to 3.7: PUBACK, PUBREC, PUBREL, PUBCOMP."""
    fields["packet_id"] = cursor.number(2)
    _read_code(cursor, version, fields)


def _read_code(cursor: Cursor, version: int, fields: Fields) -> None:
    """3.14, 3.15: a reason code, 0 if it is absent, and properties, which may be absent too."""
    is_there = cursor.left and version == V5
    fields["code"] = cursor.number(1) if is_there else 0
    if cursor.left:
        _properties(cursor, version, fields)


def _read_subscribe(cursor: Cursor, version: int, fields: Fields) -> None:
    """3.8."""
    _read_topics(cursor, version, fields, lambda: [text(cursor), cursor.number(1) & 3])


def _read_unsubscribe(cursor: Cursor, version: int, fields: Fields) -> None:
    """3.10."""
    _read_topics(cursor, version, fields, lambda: text(cursor))


def _read_topics(cursor: Cursor, version: int, fields: Fields, read: Callable[[], object]) -> None:
    """The topics of a packet; read: reads one of them."""
    fields["packet_id"] = cursor.number(2)
    _properties(cursor, version, fields)
    if version != UNKNOWN:
        topics: list[object] = []
        fields["topics"] = topics
        while cursor.left and len(topics) < LISTED_MAX:
            topics.append(read())


def _read_granted(cursor: Cursor, version: int, fields: Fields) -> None:
    """3.9: SUBACK."""
    _read_codes(cursor, version, fields, "granted")


def _read_unsuback(cursor: Cursor, version: int, fields: Fields) -> None:
    """3.11. MQTT 3 has no codes here."""
    _read_codes(cursor, version, fields, "codes")


def _read_codes(cursor: Cursor, version: int, fields: Fields, name: str) -> None:
    fields["packet_id"] = cursor.number(2)
    _properties(cursor, version, fields)
    if cursor.left and version != UNKNOWN:
        fields[name] = list(cursor.take(min(cursor.left, LISTED_MAX)))


def _read_nothing(cursor: Cursor, version: int, fields: Fields) -> None:
    """3.12, 3.13: PINGREQ, PINGRESP."""


READERS: dict[int, Callable[[Cursor, int, Fields], None]] = {
    2: _read_connack,
    4: _read_acknowledgement,
    5: _read_acknowledgement,
    6: _read_acknowledgement,
    7: _read_acknowledgement,
    SUBSCRIBE: _read_subscribe,
    9: _read_granted,
    UNSUBSCRIBE: _read_unsubscribe,
    11: _read_unsuback,
    PINGREQ: _read_nothing,
    13: _read_nothing,
    14: _read_code,
    15: _read_code,
}
