"""Imports the compiled extension at first use, so that code that needs no kernel runs without libbpf."""

from __future__ import annotations

import errno
import os
from typing import Any

from sockfilter.errors import LibbpfMissing, refused


def load() -> tuple[Any, Any]:
    """Returns cffi's ffi and lib.

    Raises LibbpfMissing if the extension or libbpf.so.1 is missing, and TooManyOpenFiles.
    """
    try:
        from sockfilter.libbpf._libbpf import ffi, lib
    except ImportError as error:
        if os.strerror(errno.EMFILE) in str(error):
            raise refused("loading the libbpf binding", errno.EMFILE, str(error)) from error
        if "libbpf.so" in str(error):
            found, remedy = str(error), "install libbpf 1.1 or newer; on Debian: apt install libbpf1"
        else:
            found, remedy = str(error), "install sockfilter again, with a C compiler and the headers of libbpf"
        raise LibbpfMissing(f"loading the libbpf binding: {found}; {remedy}") from error
    return ffi, lib


def error_text(ffi: Any, lib: Any, number: int) -> str:
    """Returns the text for an error number. libbpf's own numbers start at 4000."""
    text = ffi.new("char[]", 256)
    lib.libbpf_strerror(abs(number), text, 256)
    return str(ffi.string(text).decode(errors="replace"))
