# SPDX-License-Identifier: BSD-3-Clause
"""Writes the locked files: the versions and hashes of what a package installs, an image has, and what builds packages.

    python -m tools.lock

The files do not name a package index. The user who installs chooses it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tools.sbom import LOCKED

ROOT = LOCKED.parents[1]
# for every machine, and from the oldest Python that is supported on
OPTIONS = ("--universal", "--python-version", "3.10", "--generate-hashes", "--no-emit-index-url")
QUIET = ("--quiet", "--no-header", "--no-annotate")
LIST = r"^{} = \[(.*?)\] *(?:#[^\n]*)?$"


def wanted(name: str) -> list[str]:
    """Returns the requirements of a list in pyproject.toml."""
    content = (ROOT / "pyproject.toml").read_text()
    found = re.search(LIST.format(name), content, re.MULTILINE | re.DOTALL)
    assert found, f"pyproject.toml has no list {name}"
    return re.findall(r'"([^"\n]+)"', found[1])


def lock(name: str, requirements: list[str]) -> None:
    """Writes one locked file. Raises CalledProcessError if no set of versions satisfies the requirements."""
    words = (*OPTIONS, *QUIET, "--upgrade", "-o", str(LOCKED / name), "-")
    command = [sys.executable, "-m", "uv", "pip", "compile", *words]
    subprocess.run(command, input="\n".join(requirements), cwd=Path.cwd(), check=True, text=True)


if __name__ == "__main__":
    lock("run.txt", wanted("dependencies"))
    lock("image.txt", wanted("dependencies") + wanted("prometheus") + wanted("otlp"))
    lock("package.txt", wanted("package") + wanted("requires"))
