"""A project's source distribution, unpacked, and what its tests need beside it: fetched once, kept in build/suites."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.skips import need_tool

if TYPE_CHECKING:
    from tests.suites.projects import Project

FOLDER = Path(__file__).resolve().parents[2] / "build/suites"
PIP = ("-m", "pip", "-q", "--disable-pip-version-check", "--no-input")
# seconds; some packages are compiled
FETCH_S = 900.0


class NotFetched(Exception):
    """A project or what it needs cannot be had; says which command failed, and how."""


def fetch(project: Project) -> Path:
    """Returns the folder of the project's sources; its programs are in the `bin` beside them."""
    folder = FOLDER / f"{project.name}-{project.version}"
    tree, mark = folder / "tree", folder / "complete"
    wanted = f"{project.extras} {project.needs}"
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if project.registry == "npm":
            _from_npm(project, folder, tree)
        else:
            _from_pypi(project, folder, tree)
        mark.write_text(wanted)
    return tree


def environment(tree: Path) -> dict[str, str]:
    """What a suite's programs see beside what is usual."""
    return {"PATH": f"{tree.parent / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def _from_pypi(project: Project, folder: Path, tree: Path) -> None:
    which = f"{project.name}=={project.version}"
    _run(folder, sys.executable, *PIP, "download", "--no-binary", ":all:", "--no-deps", "-d", ".", which)
    _unpack(next(folder.glob("*.tar.gz")), tree)
    _run(folder, sys.executable, "-m", "venv", "venv")
    (folder / "bin").symlink_to("venv/bin")
    _run(tree, str(folder / "bin/python"), *PIP, "install", "-e", f".{project.extras}", *project.needs.split())


def _from_npm(project: Project, folder: Path, tree: Path) -> None:
    npm = need_tool("npm")
    _run(folder, npm, "pack", "--silent", f"{project.name}@{project.version}")
    _unpack(next(folder.glob("*.tgz")), tree)
    _run(folder, npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *project.needs.split())


def _unpack(archive: Path, tree: Path) -> None:
    """A distribution has one folder, with all else in it."""
    tree.mkdir()
    _run(tree, "tar", "-xf", str(archive), "--strip-components", "1")


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=FETCH_S)
    if done.returncode:
        raise NotFetched(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
