"""Any changes of programs with a TLS library: what is found is in the file, and the search ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.sources.secrets.finding import find_in
    from tests.support.elf import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = programs()
# bytes of a change's place
PLACE = 2


def changed(data: bytes) -> bytes:
    """The first byte chooses a program, the second cuts it; then places, and what is written there."""
    made = bytearray(PROGRAMS[data[0] % len(PROGRAMS)])
    for place, content in harness.pieces(data[2:], PLACE):
        at = int.from_bytes(place, "little") % len(made)
        made[at : at + len(content)] = content
    return bytes(made[: len(made) - data[1] * 16])


def test(data: bytes) -> None:
    if len(data) < 2:
        return
    content = changed(data)
    for function in find_in(content).functions:
        assert function.offset < len(content)


def endless(data: bytes, size: int) -> budget.Run:
    """The program's bytes come again and again."""
    content = changed(data) if len(data) >= 2 else PROGRAMS[0]
    long = content + content * (size // (len(content) or 1))
    return lambda: find_in(long)


def seeds() -> Iterator[bytes]:
    for number in range(len(PROGRAMS)):
        yield bytes([number, 0])
        for place in range(0, 0x100, 8):
            yield bytes([number, 0]) + harness.piece(place.to_bytes(PLACE, "little"), b"\xff" * 4)


if __name__ == "__main__":
    harness.run("libraries", test, seeds(), endless)
