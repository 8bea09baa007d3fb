"""What `make wheel` and `make deb` make, made for the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.support.skips import Skip, need_tool, skip

ROOT = Path(__file__).resolve().parents[2]
BUILD_S = 300
# a maintainer whom lintian takes
MAINTAINER = {"DEBFULLNAME": "sockfilter", "DEBEMAIL": "sockfilter@packages.debian.org"}
OFFLINE = "Failed to fetch|Temporary failure|No matching distribution"


def wheel(folder: Path) -> Path:
    """The wheel with libbpf inside, in folder beside the source distribution."""
    for tool in ("apt-get", "clang", "make", "pkg-config", "dpkg-query"):
        need_tool(tool)
    if not find_spec("auditwheel") or not find_spec("wheel"):
        skip(Skip.TOOL, "auditwheel and wheel, beside the tests")
    return _made("wheel", folder, "*.whl")


def deb(folder: Path) -> Path:
    """The Debian package, in folder."""
    for tool in ("clang", "dpkg-deb", "dpkg-shlibdeps", "strip"):
        need_tool(tool)
    return _made("deb", folder, "*.deb")


def _made(kind: str, folder: Path, pattern: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{kind}", folder],
        cwd=ROOT,
        env={**os.environ, **MAINTAINER},
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_S,
    )
    if done.returncode and re.search(OFFLINE, done.stdout + done.stderr):
        skip(Skip.NETWORK, "and Debian's mirror")
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob(pattern)
    return found
