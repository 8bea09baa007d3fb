"""The head of a frame (RFC 6455, 5.2), and masks."""

from __future__ import annotations

from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KINDS = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary", CLOSE: "close", PING: "ping", PONG: "pong"}
# opcodes from this on are those of control frames
CONTROL = 8

FIN, RSV1, RSV, OPCODE = 0x80, 0x40, 0x70, 0x0F
MASKED, LENGTH = 0x80, 0x7F
# values of LENGTH: 2 or 8 bytes with the length follow
LENGTH_16, LENGTH_64 = 126, 127
CONTROL_BYTES_MAX = 125
HEAD_BYTES_MIN, HEAD_BYTES_MAX, MASK_BYTES = 2, 14, 4


class MessageFrameHead(NamedTuple):
    """The head of a frame.

    Attributes:
        first: the first byte: FIN, reserved bits, opcode.
        length: bytes of the payload.
        mask: the mask; empty if the payload is not masked.
        size: bytes of the head.
        is_longer: whether the length is written in more bytes than it needs.
    """

    first: int
    length: int
    mask: bytes
    size: int
    is_longer: bool

    @property
    def opcode(self) -> int:
        """The opcode."""
        return self.first & OPCODE

    @property
    def is_final(self) -> bool:
        """Whether it is the last frame of its message."""
        return self.first & FIN != 0


def head_at(data: bytes | bytearray, offset: int) -> MessageFrameHead | None:
    """The head of the frame that begins at an offset; None if more bytes are needed."""
    if len(data) - offset < HEAD_BYTES_MIN:
        return None
    first, second = data[offset], data[offset + 1]
    length, at, least = second & LENGTH, offset + HEAD_BYTES_MIN, 0
    if length == LENGTH_16:
        length, at, least = int.from_bytes(data[at : at + 2], "big"), at + 2, LENGTH_16
    elif length == LENGTH_64:
        length, at, least = int.from_bytes(data[at : at + 8], "big"), at + 8, 1 << 16
    end = at + MASK_BYTES if second & MASKED else at
    if end > len(data):
        return None
    return MessageFrameHead(first, length, bytes(data[at:end]), end - offset, length < least)


def kind_of(opcode: int) -> str:
    """The name of an opcode."""
    return KINDS.get(opcode) or f"opcode-{opcode}"


def unmask(data: bytes, mask: bytes, at: int = 0) -> bytes:
    """The payload without its mask.

    Args:
        data: bytes of the payload.
        mask: the mask, of four bytes; empty if there is none.
        at: bytes of the payload before data.
    """
    if not mask:
        return data
    size, at = len(data), at % MASK_BYTES
    key = (mask[at:] + mask[:at]) * (size // MASK_BYTES + 1)
    return (int.from_bytes(data, "big") ^ int.from_bytes(key[:size], "big")).to_bytes(size, "big")
