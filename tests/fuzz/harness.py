"""What the targets have in common: sockfilter's code is watched, and the corpus lives in build/fuzz.

A target is run as `python -m tests.fuzz.NAME`, with libFuzzer's options behind it; a file in their place is
tried alone (a crash lies in build/fuzz/NAME as crash-...). `python -m tests.fuzz.replay NAME` tries all that is
there once, without libFuzzer.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import contextmanager, nullcontext
from hashlib import sha1
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz import budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

ROOT = Path(__file__).resolve().parents[2]
# a folder with captures to begin with, of any depth; without it, only what the tests make themselves
SEEDS = os.environ.get("FUZZ_SEEDS")
SEED_BYTES_MAX = 16 << 10
# of an input: enough for some packets of each kind; a run takes as long as its input is
INPUT_BYTES_MAX = 2 << 10
# glibc's M_MMAP_THRESHOLD; where it is not set, it grows with the first large block that is freed, and each
# later one is cleared byte by byte (two milliseconds for each capture that is opened)
MMAP_THRESHOLD, MMAP_BYTES = -3, 1 << 20


def watched(name: str) -> AbstractContextManager[None]:
    """What is imported within is instrumented, as far as it is sockfilter's, where the target itself is run.

    Args:
        name: __name__ of the target.
    """
    if name != "__main__":
        return nullcontext()
    import atheris

    return atheris.instrument_imports(include=["sockfilter"])  # type: ignore[no-any-return]  # it has no types


@contextmanager
def file_of(data: bytes) -> Iterator[str]:
    """The path of a file that has these bytes."""
    fd = os.memfd_create("fuzz")
    try:
        os.write(fd, data)
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def capture_files() -> Iterator[bytes]:
    """Small files in the folder of seeds."""
    for path in sorted(Path(SEEDS).rglob("*")) if SEEDS else ():
        if (
            path.is_file()
            and path.suffix in (".pcap", ".pcapng", ".cap", ".gz")
            and path.stat().st_size < SEED_BYTES_MAX
        ):
            yield path.read_bytes()


def pieces(data: bytes, head: int) -> Iterator[tuple[bytes, bytes]]:
    """What is in an input: head bytes, two for a length, that many bytes; and so on."""
    at = 0
    while at + head + 2 <= len(data):
        start = at + head + 2
        end = start + int.from_bytes(data[start - 2 : start], "little")
        yield data[at : at + head], data[start:end]
        at = end


def piece(head: bytes, data: bytes) -> bytes:
    return head + len(data).to_bytes(2, "little") + data


def prepare() -> None:
    """Makes what each run takes again cheap."""
    ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, MMAP_BYTES)
    gc.collect()
    gc.freeze()  # what is there now stays


def run(
    name: str,
    test: Callable[[bytes], None],
    seeds: Iterable[bytes],
    endless: budget.Endless,
) -> None:
    """Fuzzes until libFuzzer's options say enough; a first argument that begins with no "-" is an input to try.

    Args:
        name: of the target.
        test: tries an input.
        seeds: inputs to begin with.
        endless: makes of an input something that goes on for so many bytes, and returns what tries it.
    """
    import atheris

    folder = ROOT / "build/fuzz" / name
    corpus, seeded = folder / "corpus", folder / "seeds"
    corpus.mkdir(parents=True, exist_ok=True)
    seeded.mkdir(exist_ok=True)
    for seed in islice(seeds, 3000):
        (seeded / sha1(seed).hexdigest()).write_bytes(seed)
    options = [f"-artifact_prefix={folder}/", f"-max_len={INPUT_BYTES_MAX}", "-timeout=60"]
    tried = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    arguments = [sys.argv[0], *options, *sys.argv[1:], *([] if tried else [str(corpus), str(seeded)])]
    prepare()
    atheris.Setup(arguments, lambda data: budget.tried(data, test, endless))
    atheris.Fuzz()
