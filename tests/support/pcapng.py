"""pcapng, taken apart without mercy: what is not exactly as it must be fails."""

from __future__ import annotations

from struct import unpack_from


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """Type and body of each block; both lengths of each agree, and are multiples of 4."""
    found, at = [], 0
    while at < len(data):
        kind, length = unpack_from("<II", data, at)
        assert length % 4 == 0
        assert unpack_from("<I", data, at + length - 4) == (length,)
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    assert at == len(data)
    return found


def options(body: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while True:
        code, size = unpack_from("<HH", body, at)
        if not code:
            assert at + 4 == len(body)
            return found
        found[code] = body[at + 4 : at + 4 + size]
        at += 4 + size + -size % 4
