"""Why a test may be skipped: the whole list."""

from __future__ import annotations

import os
import re
import shutil
import sys
from enum import Enum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest


class Skip(Enum):
    ROOT = "needs root"
    TOOL = "needs a program that is not installed"
    INTERPRETER = "needs a Python that is not installed"
    CORPORA = "needs the corpora, which are not part of the project"
    DEVICE = "needs a kind of network device that this kernel does not make"
    PACKAGE = "needs a package that has no wheel for this Python"
    NETWORK = "needs the package index"
    ROOTS = "needs a root that make test-deb makes"
    KERNEL = "needs what this kernel does not have"
    MACHINE = "needs a faster machine, as an emulator is not"
    PYTHON_FAULT = "meets a fault of this Python"
    NODE_PACKAGE = "needs a package of npm that is not installed"


def skip(reason: Skip, detail: str) -> NoReturn:
    pytest.skip(f"{reason.value}: {detail}")


def need_root() -> None:
    if os.geteuid() != 0:
        skip(Skip.ROOT, "capturing, and network namespaces of its own")


def need_file_system(name: str) -> None:
    if name not in Path("/proc/filesystems").read_text().split():
        skip(Skip.KERNEL, name)


def need_btf() -> None:
    """Skips where the kernel does not describe its own structs."""
    if not os.path.exists("/sys/kernel/btf/vmlinux"):
        skip(Skip.KERNEL, "BTF of its own (CONFIG_DEBUG_INFO_BTF)")


def need_linux(what: str, *version: int) -> None:
    """Skips where the kernel is older than what a test is about."""
    release = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[: len(version)])
    if release < version:
        skip(Skip.KERNEL, f"{what} (Linux {'.'.join(map(str, version))})")


def need_tool(name: str) -> str:
    """The path of a program: on PATH, or beside this Python."""
    path = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:
        skip(Skip.TOOL, name)
    return path


def need_package(name: str) -> ModuleType:
    """A package that the tests use where there is a wheel of it for this Python."""
    try:
        return import_module(name)
    except ImportError:
        skip(Skip.PACKAGE, name)
