"""What the ends of a WebSocket send, byte by byte: frames by hand, and messages that zlib deflates."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from tests.support.talk import CLIENT, SERVER, Dialogue
from tests.support.wire import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sockfilter.model import StreamMessage
    from sockfilter.model.policy import BodyPolicy

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK_KEY = b"\x37\xfa\x21\x3d"

REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n%s\r\n"
)
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate%s\r\n"


def frame(
    opcode: int, payload: bytes = b"", *, end: int = SERVER, fin: bool = True, rsv: int = 0, **more: int
) -> bytes:
    """One frame; more: masked and long, to send it otherwise than this end must."""
    masked = more.get("masked", end == CLIENT)
    first = bytes([fin << 7 | rsv << 4 | opcode])
    size, bit = len(payload), masked << 7
    long = more.get("long", 0)
    if size < 126 and not long:
        head = bytes([bit | size])
    elif size < 1 << 16 and long < 8:
        head = bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([bit | 127]) + size.to_bytes(8, "big")
    if not masked:
        return first + head + payload
    return first + head + MASK_KEY + bytes(byte ^ MASK_KEY[i % 4] for i, byte in enumerate(payload))


class Deflating:
    """Deflates the messages of one end.

    keeps_window: a message continues the window of the last.
    """

    def __init__(self, keeps_window: bool = True, bits: int = 15, level: int = 6) -> None:
        self._keeps_window, self._bits, self._level = keeps_window, bits, level
        self._new()

    def _new(self) -> None:
        self._packer = zlib.compressobj(self._level, zlib.DEFLATED, -self._bits)

    def __call__(self, content: bytes) -> bytes:
        if not self._keeps_window:
            self._new()
        made = self._packer.compress(content) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        assert made.endswith(b"\x00\x00\xff\xff")
        return made[:-4]


class Told(NamedTuple):
    """What is told of a message."""

    end: int
    kind: str
    content: bytes
    frames: int = 1
    problems: tuple[str, ...] = ()


def told(messages: Iterable[StreamMessage]) -> list[Told]:
    return [
        Told(message.end, message.kind, bytes(message.body), message.frames, tuple(map(str, message.problems)))
        for message in messages
    ]


def opened(extensions: bytes = b"", policy: BodyPolicy = EVERYTHING) -> Dialogue:
    """A WebSocket that has just been opened."""
    return Dialogue(policy).say(CLIENT, REQUEST).say(SERVER, RESPONSE % extensions)


def heard(*said: tuple[int, bytes], extensions: bytes = b"", policy: BodyPolicy = EVERYTHING) -> list[Told]:
    """What is told of what the ends say."""
    return told(opened(extensions, policy).hear(said).messages)
