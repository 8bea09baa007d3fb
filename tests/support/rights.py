"""Commands that hold fewer rights than the tests."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from importlib import metadata
from pathlib import Path
from tempfile import gettempdir, mkdtemp

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
    for python in filter(os.path.exists, (sys.executable, os.path.realpath(sys.executable), "/usr/bin/python3")):
        library, *version = subprocess.check_output([python, "-c", query], text=True).split()
        if version == ours and _is_open(python) and _is_open(library):
            return python, packages if all(map(_is_open, packages)) else [_copied()]
    return skip(Skip.INTERPRETER, "one whose library everybody may read")


def let_everybody_in(folder: Path) -> None:
    """Opens a folder that a test has to other users: pytest's are its user's alone, those above it too."""
    temporary = Path(gettempdir())
    for each in (folder, *folder.parents):
        if temporary not in each.parents:
            break
        each.chmod(0o755)


def _is_open(path: str) -> bool:
    there, leads_to = Path(path).absolute(), Path(path).resolve()
    return all(parent.stat().st_mode & 0o001 for parent in (*there.parents, *leads_to.parents))


@cache
def _copied() -> str:
    """The same packages in a folder that everybody may read, as where the project lies in root's home."""
    folder = mkdtemp(prefix="sockfilter-test-")
    atexit.register(shutil.rmtree, folder)
    os.chmod(folder, 0o755)
    shutil.copytree(Path(sockfilter.__file__).parent, Path(folder, "sockfilter"))
    for name in _taken("sockfilter") - {"sockfilter"}:
        found = metadata.distribution(name)
        for file in found.files or ():
            source, target = Path(str(found.locate_file(file))), Path(folder, file)
            if ".." not in file.parts and source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
    return folder


def _taken(name: str) -> set[str]:
    """The installed distributions that one takes, without its extras, and itself."""
    wanted = [line for line in metadata.requires(name) or () if "extra ==" not in line]
    names = [found[0] for found in map(re.compile(r"[\w.-]+").match, wanted) if found]
    present = [one for one in names if any(metadata.distributions(name=one))]
    return {name}.union(*map(_taken, present))
