"""What all tests share."""

from __future__ import annotations

import gc
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# modules whose tests build and install, some seconds each: at the end, they would be waited for by one worker alone
LONG = ("test_install.py", "test_wheel.py", "test_containerfile.py", "test_deb.py", "test_interpreters.py")


def pytest_configure(config: pytest.Config) -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each start of the command would compile sockfilter anew
    if config.getoption("numprocesses", None):
        return  # the tests run in workers, which inherit what is ignored
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) == signal.SIG_IGN:
            # This process still ignores it, as under nohup. What the tests start does not inherit a handler.
            signal.signal(number, lambda number, frame: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_collection_finish() -> None:
    """Leaves what was collected out of garbage collections: it stays, and each full collection would go through it."""
    gc.collect()
    gc.freeze()
