"""What is made once for all the processes that run tests, by the first of them that needs it."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made by the first process that asks for it, while the others wait.

    Args:
        factory: that of the session.
        name: of the folder.
        make: fills an empty folder. Where it raises, the next process tries it.
    """
    # pytest-xdist gives each worker a folder in the session's own
    base = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    made = base / name
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            being_made = factory.mktemp(name)
            make(being_made)
            being_made.rename(made)
    return made
