"""Any bytes as a capture file: read, or refused with a CaptureFileError."""

from __future__ import annotations

import gzip
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.fuzz import budget, harness

with harness.watched(__name__):
    from sockfilter.captures.file import read
    from sockfilter.captures.tcp_streams import tcp_streams
    from sockfilter.errors import CaptureFileError
    from tests.support import captures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PLAIN, ZIPPED, CUT, MEMBERS, DAMAGED = FORMS = range(5)
READERS = (read, tcp_streams)
PCAP_HEADER_BYTES = 24
# the types of pcapng blocks, in either order of bytes
BLOCK = re.compile(rb"[\1-\x0b]\0\0\0|\0\0\0[\1-\x0b]")


def packed(form: int, file: bytes) -> bytes:
    """How, says the first byte of an input, as no change of a gzip leaves it one; it also says who reads it."""
    if form == PLAIN:
        return file
    if form == MEMBERS:
        half = len(file) // 2
        return gzip.compress(file[:half], 1) + gzip.compress(file[half:], 1)
    zipped = gzip.compress(file, 1)
    most = len(zipped) * 2 // 3
    return {ZIPPED: zipped, CUT: zipped[:most], DAMAGED: zipped[:most] + bytes(9) + zipped[most + 9 :]}[form]


def consume(reader: Callable[[str], Iterable[object]], file: bytes) -> None:
    with harness.file_of(file) as path, suppress(CaptureFileError):
        for _ in reader(path):
            pass


def test(data: bytes) -> None:
    if not data:
        return
    reader, form = divmod(data[0], len(FORMS))
    consume(READERS[reader % len(READERS)], packed(form, data[1:]))


def endless(data: bytes, size: int) -> budget.Run:
    """The end of the file comes again and again."""
    choice, whole = budget.chosen(data), data[1:]
    starts = [PCAP_HEADER_BYTES, *(found.start() for found in BLOCK.finditer(whole) if found.start() % 4 == 0)]
    again = whole[starts[choice.of(len(starts))] :]
    file = packed(PLAIN, whole + again * (size // len(again) if again else 0))
    return lambda: consume(READERS[choice.of(len(READERS))], file)


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
        yield from (bytes([number]) + file for number in range(len(READERS) * len(FORMS)))
    for i, file in enumerate(harness.capture_files()):
        yield bytes([PLAIN if file[:2] == b"\x1f\x8b" else i % len(FORMS)]) + file


if __name__ == "__main__":
    harness.run("files", test, seeds(), endless)
