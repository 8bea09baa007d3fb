# SPDX-License-Identifier: BSD-3-Clause
"""Builds libbpf for a wheel from Debian's newest source, static and position-independent.

The libbpf.a of Debian's libbpf-dev cannot go into an extension: it is not position-independent.

    python -m tools.libbpf FOLDER    FOLDER/prefix has the library, its headers and its licence
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# the suite where new versions arrive first; the source builds on older releases
SUITE = "sid"
MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LICENCE = "LICENSE.BSD-2-Clause"
# sections, so that the linker leaves out what is not called; hidden, so that another libbpf in the process stays apart
CFLAGS = "-O2 -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections"


def fetch(folder: Path) -> Path:
    """Downloads the source package to folder. apt checks its signature. Returns the archive.

    This neither reads nor changes the machine's package lists and sources.
    """
    (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb-src [signed-by={KEYRING}] {MIRROR} {SUITE} main\n")
    settings = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder,
        "APT::Sandbox::User": "root",  # the folder may be closed to _apt
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "--download-only", "source", "libbpf"], cwd=folder, check=True)
    shutil.rmtree(folder / "lists")
    return max(folder.glob("libbpf_*.orig.tar.*"), key=lambda path: path.stat().st_mtime)


def build(archive: Path, prefix: Path) -> None:
    """Builds the source in archive and installs it below prefix.

    CC, AR and PKG_CONFIG from the environment apply, for cross-compilation.
    """
    source = prefix.parent / "source"
    for left_over in (source, prefix):
        shutil.rmtree(left_over, ignore_errors=True)
    source.mkdir(parents=True)
    subprocess.run(["tar", "-xf", archive, "-C", source, "--strip-components=1"], check=True)
    settings = {"BUILD_STATIC_ONLY": "1", "CFLAGS": CFLAGS, "PREFIX": str(prefix), "LIBDIR": f"{prefix}/lib"}
    words = [f"{name}={value}" for name, value in settings.items()]
    subprocess.run(["make", "-s", "-C", source / "src", *words, "install", "install_uapi_headers"], check=True)
    shutil.copy(source / LICENCE, prefix / LICENCE)
    shutil.rmtree(source)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Waits until no other process is in here with the same folder. The lock ends with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def built(folder: Path) -> Path:
    """Returns the prefix in folder. Fetches and builds what does not exist yet, once if several processes ask."""
    prefix = folder / "prefix"
    with alone_in(folder):
        if not (prefix / LICENCE).exists():
            build(fetch(folder), prefix)
    return prefix


if __name__ == "__main__":
    print(built(Path(sys.argv[1] if len(sys.argv) > 1 else os.curdir).resolve()))
