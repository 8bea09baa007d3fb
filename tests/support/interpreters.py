"""The CPythons that sockfilter is for, where they are installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.skips import Skip, skip

VERSIONS = ["3.10", "3.11", "3.12", "3.13"]


def interpreter(version: str) -> str:
    """One that runs: pyenv puts names on the PATH for versions that are not chosen."""
    found = [shutil.which(f"python{version}"), *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))]
    working = (str(path) for path in found if path and _runs(path))
    return next(working, None) or skip(Skip.INTERPRETER, f"python{version}")


def _runs(path: str | Path) -> bool:
    return subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode == 0
