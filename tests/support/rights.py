"""Commands that hold fewer rights than the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import sockfilter
from tests.support.skips import Skip, need_tool, skip

# before Linux 5.11 maps count as locked memory, which is a limit and not a right
UNLIMITED = ("sh", "-c", 'ulimit -l unlimited 2>&- || true; exec "$@"', "sh")


def without_rights(*kept: str) -> tuple[str, ...]:
    """As nobody, with these capabilities alone, and that of reading files, so that the project may lie anywhere."""
    return *UNLIMITED, *limited(*sets("dac_read_search", *kept))


def limited(*options: str) -> tuple[str, ...]:
    """As nobody, with setpriv's options."""
    return need_tool("setpriv"), "--reuid=65534", "--clear-groups", *options


def sets(*kept: str) -> tuple[str, str]:
    """setpriv's options for these capabilities alone."""
    names = ",".join(f"+{name}" for name in kept)
    return f"--inh-caps={names}", f"--ambient-caps={names}"


def for_everybody() -> tuple[str, list[str]]:
    """A Python that everybody may read, of the tests' version, and the folders of packages that the command takes."""
    packages = [str(Path(sockfilter.__file__).parents[1]), sysconfig.get_path("platlib")]
    query = "import os, sys; print(os.__file__, *sys.version_info[:2])"
    ours = [str(number) for number in sys.version_info[:2]]
    for python in filter(os.path.exists, (sys.executable, "/usr/bin/python3")):
        library, *version = subprocess.check_output([python, "-c", query], text=True).split()
        if version == ours and all(map(_is_open, [*packages, library])):
            return python, packages
    return skip(Skip.INTERPRETER, "one whose library everybody may read")


def _is_open(path: str) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in Path(path).resolve().parents)
