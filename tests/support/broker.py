"""A broker in a process of its own."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.command import COMMAND
from tests.support.skips import need_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = "65534"
END_S = 60.0


@contextmanager
def broker(folder: Path, *words: str, user: str = NOBODY) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The path of its socket, and its process; it is there when this is entered."""
    need_root()
    path = str(folder / "broker.sock")
    command = [*COMMAND, "broker", "--socket", path, "--user", user, *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(f"sockfilter: broker at {path}")
        try:
            yield path, process
        finally:
            process.terminate()
            process.wait(END_S)
