"""Frames (RFC 9113, 4.1): their kinds, and what a frame's first nine bytes say."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

# the client's first bytes (RFC 9113, 3.4)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD_BYTES = 9
# Bytes of a frame that an end accepts unless its SETTINGS allow more (RFC 9113, 6.5.2).
FRAME_BYTES_USUAL = 16_384

# heads in a row that are taken for frames
ROW = 3

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
# the names of the kinds, for the ledger
NAMES = (
    "data",
    "headers",
    "priority",
    "rst_stream",
    "settings",
    "push_promise",
    "ping",
    "goaway",
    "window_update",
    "continuation",
)
# kinds after the last one that are registered: ALTSVC, ORIGIN, PRIORITY_UPDATE (RFC 7838, 8336, 9218)
REGISTERED = frozenset((*range(10), 0x0A, 0x0C, 0x10))

# flags; the first is ACK in SETTINGS and PING
END_STREAM, END_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x4, 0x8, 0x20
# the flags that a kind may have; others are ignored (RFC 9113, 4.1), but no known sender sets them
FLAGS = {
    DATA: END_STREAM | PADDED,
    HEADERS: END_STREAM | END_HEADERS | PADDED | HAS_PRIORITY,
    PRIORITY: 0,
    RST_STREAM: 0,
    SETTINGS: 1,
    PUSH_PROMISE: END_HEADERS | PADDED,
    PING: 1,
    GOAWAY: 0,
    WINDOW_UPDATE: 0,
    CONTINUATION: END_HEADERS,
}
# the sizes of kinds that have one size (RFC 9113, 6)
SIZES = {PRIORITY: 5, RST_STREAM: 4, PING: 8, WINDOW_UPDATE: 4}
SETTING_BYTES = 6
GOAWAY_BYTES = 8
# kinds that belong to a stream, and kinds that belong to the connection
OF_STREAM = frozenset((DATA, HEADERS, PRIORITY, RST_STREAM, PUSH_PROMISE, CONTINUATION))
OF_CONNECTION = frozenset((SETTINGS, PING, GOAWAY))

HEADER_TABLE_SIZE, MAX_FRAME_SIZE = 0x1, 0x5
ERRORS = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)
NO_ERROR = 0

UNPACK_HEAD: Callable[..., tuple[int, int, int, int, int]] = Struct(">HBBBI").unpack_from
_SETTING = Struct(">HI")
# the bits of a stream in a frame's head
STREAM = 0x7FFFFFFF


class FrameHead(NamedTuple):
    """The first nine bytes of a frame.

    Attributes:
        size: bytes that follow.
        kind: its type.
        flags: its flags.
        stream: the number of its stream; 0 for the connection.
    """

    size: int
    kind: int
    flags: int
    stream: int


def head_at(data: bytes | bytearray, offset: int) -> FrameHead:
    """The head of the frame at an offset; the nine bytes must be there."""
    high, low, kind, flags, stream = UNPACK_HEAD(data, offset)
    return FrameHead(high << 8 | low, kind, flags, stream & STREAM)


def is_sound(head: FrameHead) -> bool:
    """Whether a frame may have this head. Sizes above the usual one are accepted: not all SETTINGS may be seen."""
    size, kind, _, stream = head
    if kind in OF_STREAM and not stream:
        return False
    if kind in OF_CONNECTION and stream:
        return False
    if SIZES.get(kind, size) != size or (kind == SETTINGS and size % SETTING_BYTES):
        return False
    return kind in REGISTERED or size <= FRAME_BYTES_USUAL


def is_likely(head: FrameHead, size_max: int) -> bool:
    """Whether bytes at an unknown place are likely to be this head: only kinds, flags and sizes that senders use."""
    size, kind, flags, _ = head
    return kind in FLAGS and not flags & ~FLAGS[kind] and size <= size_max and is_sound(head)


def is_row(data: bytes) -> bool:
    """Whether bytes are frames: three heads in a row, or a row that ends where the bytes end."""
    at, size = 0, len(data)
    for _ in range(ROW):
        if at == size:
            break
        if size - at < FRAME_HEAD_BYTES:
            return False
        head = head_at(data, at)
        if not is_likely(head, FRAME_BYTES_USUAL):
            return False
        at += FRAME_HEAD_BYTES + head.size
    else:
        return True
    return at > 0


def settings(payload: bytes) -> dict[int, int]:
    """The settings of a SETTINGS frame by their numbers; the last one counts (RFC 9113, 6.5.3)."""
    ends = range(SETTING_BYTES, len(payload) + 1, SETTING_BYTES)
    return dict(_SETTING.unpack_from(payload, end - SETTING_BYTES) for end in ends)


def error_name(code: int) -> str:
    """The name of an error code (RFC 9113, 7); empty if it has none."""
    return ERRORS[code] if code < len(ERRORS) else ""
