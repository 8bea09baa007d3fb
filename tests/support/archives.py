"""Captures as an archive has them: several hosts, rotated files, all kinds of exchanges, and files that are bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.captures import SECOND, pcap, pcapng
from tests.support.frames import Talk
from tests.support.websocket import REQUEST as UPGRADE
from tests.support.websocket import RESPONSE as UPGRADED
from tests.support.websocket import TEXT, frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.captures import Timed

# two seconds before midnight in UTC
EVENING_NS = 1_700_006_398 * SECOND + 123_456_789
STEP_NS = 1_000_003

JSON = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nSet-Cookie: sid=s3cret\r\nContent-Length: 2\r\n\r\n{}"
BINARY = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x00\xff\x01\xfe"


def request(target: str, host: str = "shop.example") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\nCookie: sid=s3cret\r\nX-Two: a\r\nX-Two: b\r\n\r\n".encode()


def timed(frames: Sequence[bytes], start_ns: int = EVENING_NS, step_ns: int = STEP_NS) -> list[Timed]:
    return [(start_ns + i * step_ns, one) for i, one in enumerate(frames)]


def varied() -> list[bytes]:
    """Exchanges of all kinds: answered, binary, unanswered, without a request, malformed, a WebSocket with messages."""
    frames: list[bytes] = []
    for number in range(3):
        talk = Talk(ports=(40000 + number, 8000))
        frames += talk.opening()
        for order in range(4):
            frames.append(talk.client(request(f"/orders/{number * 10 + order}?page={order}")))
            frames.append(talk.server(JSON % (500 if order == 3 else 200)))
        frames += talk.closing()
    talk = Talk(ports=(40010, 8000))
    frames += [*talk.opening(), talk.client(request("/blob")), talk.server(BINARY), *talk.closing()]
    talk = Talk(ports=(40011, 8000))
    frames += [*talk.opening(), talk.client(request("/never")), *talk.closing()]
    talk = Talk(ports=(40012, 8000))
    frames += [talk.server(JSON % 204), talk.server(JSON % 200), *talk.closing()]
    talk = Talk(ports=(40013, 8000))
    frames += [*talk.opening(), talk.client(UPGRADE), talk.server(UPGRADED % b"")]
    frames += [talk.client(frame(TEXT, b'{"a":1}', end=0)), talk.server(frame(TEXT, b"hello")), *talk.closing()]
    return frames


def write(path: Path, packets: Sequence[Timed], *, is_pcapng: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((pcapng if is_pcapng else pcap)(packets))
    return path


def rotated(folder: Path, parts: int = 3, *, is_pcapng: bool = False, first: int = 8) -> list[Path]:
    """One capture in several files; most connections cross from one to the next."""
    talks = [Talk(ports=(50000 + number, 8000)) for number in range(4)]
    frames = [one for talk in talks for one in talk.opening()]
    for order in range(6):
        frames += [talk.client(request(f"/parts/{order}")) for talk in talks]
        frames += [talk.server(JSON % 200) for talk in talks]
    frames += [one for talk in talks for one in talk.closing()]
    packets = timed(frames, EVENING_NS + 3600 * SECOND)
    size = len(packets) // parts + 1
    suffix = "pcapng" if is_pcapng else "pcap"
    return [
        write(folder / f"web-{first + i}.{suffix}", packets[i * size : (i + 1) * size], is_pcapng=is_pcapng)
        for i in range(parts)
    ]
