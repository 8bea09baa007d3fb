"""The compiled extension, imported at first use: what needs no kernel runs without libbpf."""

from __future__ import annotations

from typing import Any

from sockfilter.errors import LibbpfMissing


def load() -> tuple[Any, Any]:
    """Returns cffi's ffi and lib.

    Raises LibbpfMissing where the extension or libbpf.so.1 is not there.
    """
    try:
        from sockfilter.libbpf._libbpf import ffi, lib
    except ImportError as error:
        if "libbpf.so" in str(error):
            found, remedy = str(error), "install libbpf 1.1 or newer; on Debian: apt install libbpf1"
        else:
            found, remedy = str(error), "install sockfilter again, with a C compiler and the headers of libbpf"
        raise LibbpfMissing(f"loading the libbpf binding: {found}; {remedy}") from error
    return ffi, lib


def error_text(ffi: Any, lib: Any, number: int) -> str:
    """The words for an error number, libbpf's own from 4000 on among them."""
    text = ffi.new("char[]", 256)
    lib.libbpf_strerror(abs(number), text, 256)
    return str(ffi.string(text).decode(errors="replace"))
