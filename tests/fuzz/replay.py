"""Tries every input that is there once, without libFuzzer: the seeds of a target, and what was learned about it.

    python -m tests.fuzz.replay NAME

Raises what the target does; the input is then build/fuzz/NAME/replayed.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.fuzz import harness

if TYPE_CHECKING:
    from collections.abc import Iterator


def inputs(name: str, seeds: Iterator[bytes]) -> Iterator[bytes]:
    yield from seeds
    for path in sorted((harness.ROOT / "build/fuzz" / name / "corpus").glob("*")):
        with suppress(FileNotFoundError):  # a run beside this one has found a shorter one
            yield path.read_bytes()


def main(name: str) -> None:
    target = importlib.import_module(f"tests.fuzz.{name}")
    harness.prepare()
    last = harness.ROOT / "build/fuzz" / name / "replayed"
    last.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    for data in inputs(name, target.seeds()):
        last.write_bytes(data)
        target.test(data)
        count += 1
    last.unlink(missing_ok=True)
    print(f"{name}: {count} inputs")


if __name__ == "__main__":
    main(sys.argv[1])
