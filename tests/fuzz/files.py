"""Any bytes as a capture file: read, or refused with a CaptureFileError."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from tests.fuzz import harness

with harness.watched():
    from sockfilter.captures.file import read
    from sockfilter.captures.tcp_streams import tcp_streams
    from sockfilter.errors import CaptureFileError
    from tests.support import captures

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN, ZIPPED, CUT, MEMBERS, DAMAGED = FORMS = range(5)


def packed(form: int, file: bytes) -> bytes:
    """The first byte of an input says how the rest is packed, as no change of a gzip leaves it one."""
    if form == PLAIN:
        return file
    if form == MEMBERS:
        half = len(file) // 2
        return gzip.compress(file[:half], 1) + gzip.compress(file[half:], 1)
    zipped = gzip.compress(file, 1)
    most = len(zipped) * 2 // 3
    return {ZIPPED: zipped, CUT: zipped[:most], DAMAGED: zipped[:most] + bytes(9) + zipped[most + 9 :]}[form]


def test(data: bytes) -> None:
    if not data:
        return
    with harness.file_of(packed(data[0] % len(FORMS), data[1:])) as path:
        for reader in (read, tcp_streams):
            try:
                for _ in reader(path):
                    pass
            except CaptureFileError:
                pass


def seeds() -> Iterator[bytes]:
    packets = captures.one_exchange()
    made = [captures.pcap(packets, order, magic) for order in "<>" for magic in (0xA1B23C4D, 0xA1B2C3D4, 0xA1B2CD34)]
    for order in "<>":
        blocks = [captures.simple(frame, order) for _, frame in packets] + [
            captures.old(ns, frame, order) for ns, frame in packets
        ]
        made += [
            captures.pcapng(packets, order),
            captures.section(order) + captures.interface(order, name="lo", offset_s=5, snap=99) + b"".join(blocks),
        ]
    for file in made:
        yield from (bytes([form]) + file for form in FORMS)
    for i, file in enumerate(harness.capture_files()):
        yield bytes([PLAIN if file[:2] == b"\x1f\x8b" else i % len(FORMS)]) + file


if __name__ == "__main__":
    harness.run("files", test, seeds())
