"""Header fields as HPACK knows them: what a block gives, the static table, and the limits (RFC 7541)."""

from __future__ import annotations

from typing import NamedTuple

# Bytes of a decoded block, with FIELD_BYTES for each field: four times what the common servers accept. References of
# one byte to long entries reach it, but they share the objects of the entries.
BLOCK_BYTES_MAX = 1 << 20
# fields of a decoded block; an empty field takes two bytes on the wire, or one if it refers to an entry
FIELDS_MAX = 4096
# Bytes of the dynamic table. Peers ask for at most as much. If an encoder uses more, its older entries are unknown.
TABLE_BYTES_MAX = 64 << 10
# bytes of the dynamic table before any SETTINGS (RFC 9113, 6.5.2)
TABLE_BYTES = 4096
# what an integer may be, and how many bytes may follow its prefix; SETTINGS has no larger sizes (RFC 7541, 5.1)
INTEGER_MAX, INTEGER_BYTES_MAX = (1 << 32) - 1, 5
# what each entry counts beside its name and value (RFC 7541, 4.1)
FIELD_BYTES = 32


class Field(NamedTuple):
    """One header field.

    Attributes:
        name: None if it is not known, because the block refers to an entry that the decoder has not seen.
        value: None if it is not known.
        never_indexed: whether its sender forbids to put it into a table, as it does for secrets (RFC 7541, 7.1.3).
    """

    name: bytes | None
    value: bytes | None
    never_indexed: bool = False


class _Block(NamedTuple):
    fields: list[Field]
    size: int
    is_valid: bool


class Block(_Block):
    """A decoded header block. It must not be changed: a block that comes again may be the same object.

    Attributes:
        fields: in the order of the wire. The objects of fields that come again are shared.
        size: bytes of the names and values, plus FIELD_BYTES for each field; what is not known counts 0.
        is_valid: False if the block is malformed or exceeds a limit. The fields before the fault are given, and the
            decoder has forgotten its table.
        is_remembered: whether the same bytes will give this object again, until the table changes.
        made: what the caller has made of it, so that it need not be made again.
    """

    is_remembered = False
    made: object = None


class MalformedBlock(Exception):
    """The block does not follow RFC 7541, or exceeds a limit. This exception does not leave the decoder."""


UNKNOWN = Field(None, None)

# RFC 7541, appendix A: the entries from 1 on, each with its value if it has one
_STATIC = """\
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
"""

# by index; 0 is no index
STATIC = [UNKNOWN]
STATIC += (Field(name, value) for name, _, value in (line.partition(b" ") for line in _STATIC.encode().splitlines()))


def size_of(field: Field) -> int:
    """Returns the size of a field (RFC 7541, 4.1), or the least that it can be if a part of it is not known."""
    return len(field.name or b"") + len(field.value or b"") + FIELD_BYTES
