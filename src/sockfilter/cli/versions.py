"""The versions that --version prints: of sockfilter and of everything it runs with."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from sockfilter import __version__
from sockfilter.cli.stdout import StandardOutput
from sockfilter.errors import LibbpfMissing

# Digits of the object's SHA-256 that identify it: the first ones of sha256sum's output.
DIGITS = 12


class Versions(argparse.Action):
    """Prints the versions and exits. Collects them only on request."""

    def __init__(self, option_strings: list[str], dest: str, default: Any = None, help: str | None = None) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Implements argparse.Action. Raises OutputError and BrokenPipeError."""
        StandardOutput().write("".join(f"{line}\n" for line in versions()).encode())
        parser.exit()


def versions() -> Iterator[str]:
    """Yields a line for each part. A missing part is reported in its line."""
    yield f"sockfilter {__version__}"
    yield _libbpf()
    yield _object()
    kernel = os.uname()
    yield f"{kernel.sysname} {kernel.release} {kernel.machine}"
    yield _sandbox()


def _libbpf() -> str:
    from sockfilter.libbpf import binding

    try:
        ffi, lib = binding.load()
    except LibbpfMissing as error:
        return f"libbpf: missing: {error}"
    return "libbpf " + str(ffi.string(lib.libbpf_version_string()).decode()).removeprefix("v")


def _sandbox() -> str:
    from sockfilter.cli import sandbox

    try:
        return f"sandbox: {sandbox.words()}"
    except LibbpfMissing:
        return "sandbox: none without libbpf"


def _object() -> str:
    from hashlib import sha256

    from sockfilter.sources.packets.attachment import OBJECT

    try:
        with open(OBJECT, "rb") as file:
            content = file.read()
    except OSError as error:
        return f"BPF object: missing: {OBJECT}: {error.strerror}"
    return f"BPF object {sha256(content).hexdigest()[:DIGITS]}, {len(content)} bytes"
