"""Headers of records, and where the next one may begin after missing bytes (RFC 8446, 5.1)."""

from __future__ import annotations

import re
from struct import Struct

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
# type, version, length
HEADER = Struct(">BHH")
HEADER_BYTES = HEADER.size
# what follows the header: 2^14 bytes of content, and 2048 in TLS 1.2 for what protects them (RFC 5246, 6.2.3)
BODY_BYTES_MAX = (1 << 14) + 2048
# types and versions of headers; a length is at most 0x4800
_HEADER = re.compile(rb"[\x14-\x17]\x03[\x00-\x04][\x00-\x48]", re.DOTALL)
# application data: type and version
USUAL_HEADER = b"\x17\x03\x03"
# alerts (RFC 8446, 6)
CLOSE_NOTIFY = 0


def is_header(data: bytes, at: int) -> bool:
    """Whether the bytes from an offset on may be the header of a record, as far as there are bytes."""
    part = data[at : at + 4]
    if len(part) < 4:
        full = b"\x17\x03\x03\x00"
        return _HEADER.match(part + full[len(part) :]) is not None
    return _HEADER.match(part) is not None


def next_header(data: bytes, at: int) -> int:
    """The offset of the next bytes that may be a header, from an offset on. The length of data if there are none."""
    found = _HEADER.search(data, at)
    if found is not None:
        return found.start()
    return max(at, next((i for i in range(max(at, len(data) - 3), len(data)) if is_header(data, i)), len(data)))


def sized(data: bytes, overhead: int, content_max: int) -> tuple[int, int, int]:
    """Measures the complete records of application data at the beginning of bytes, by their headers.

    Args:
        data: the bytes.
        overhead: bytes of each record beside its content.
        content_max: the most bytes of content, of all records together.

    Returns the bytes of the records, their number, and the bytes of their content.
    """
    at, size, count, content = 0, len(data), 0, 0
    while at + HEADER_BYTES <= size and data.startswith(USUAL_HEADER, at):
        end = at + HEADER_BYTES + body_bytes(data, at)
        more = end - at - overhead
        if end > size or more < 0 or content + more > content_max:
            break
        at, count, content = end, count + 1, content + more
    return at, count, content


def body_bytes(data: bytes, at: int) -> int:
    """The length of the record whose header begins at an offset, without the header."""
    return data[at + 3] << 8 | data[at + 4]
