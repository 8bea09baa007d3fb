"""What all tests share."""

from __future__ import annotations

import gc
import os


def pytest_configure() -> None:
    """Lets what tests start keep its bytecode: each start of the command would compile sockfilter anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish() -> None:
    """Leaves what was collected out of garbage collections: it stays, and each full collection would go through it."""
    gc.collect()
    gc.freeze()
