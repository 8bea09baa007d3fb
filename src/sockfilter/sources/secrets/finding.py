"""Where an ELF file has the function that gets the secrets of TLS handshakes, or why none was found."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Mapping

# What each enum sf_found_how means: found, and not found.
SYMBOL, LABELS, GO = 1, 2, 3
NOT_ELF, NOT_MACHINE, NOT_TLS, NOT_CALLED, NOT_ONE, NOT_GO_TLS, NOT_GO_ABI, NOT_GO_TABLE, NOT_RUSTLS = range(4, 13)
# A file that says nothing of TLS: it is not worth a line.
IRRELEVANT = frozenset((NOT_ELF, NOT_TLS, NOT_GO_TLS))
WAYS: Mapping[int, str] = {SYMBOL: "symbol", LABELS: "labels", GO: "go"}


class Function(NamedTuple):
    """A function to probe: its offset in the file, and the distances of the labels' texts from it, by their numbers."""

    offset: int
    distances: tuple[tuple[int, int], ...]


class SearchResult(NamedTuple):
    """What a search has found.

    Attributes:
        how: how the functions were found, or why there are none, as enum sf_found_how.
        functions: the functions to probe.
        build_id: the file's build ID in hexadecimal; empty if it has none.
        go_version: the version of Go that has built it; empty if it is not known or not Go.
        calls: the offsets of the functions that send and receive on a connection.
    """

    how: int
    functions: tuple[Function, ...] = ()
    build_id: str = ""
    go_version: str = ""
    calls: tuple[int, ...] = ()

    @property
    def is_go(self) -> bool:
        """Whether the function is one of Go."""
        return self.how == GO


def find(fd: int) -> SearchResult:
    """Searches an open file, whoever made it. Raises OSError if it cannot be read, or has more than 512 MiB."""
    ffi, lib = binding.load()
    found = ffi.new("struct sf_found *")
    if lib.sf_find(fd, found):
        raise OSError(ffi.errno, os.strerror(ffi.errno))
    return _found(ffi, found)


def find_in(content: bytes) -> SearchResult:
    """Searches the content of a file."""
    ffi, lib = binding.load()
    found = ffi.new("struct sf_found *")
    lib.sf_find_in(ffi.from_buffer(content), len(content), found)
    return _found(ffi, found)


def _found(ffi: Any, found: Any) -> SearchResult:
    functions = tuple(
        Function(
            found.offsets[i],
            tuple((at - found.addresses[i], number) for number, at in enumerate(found.labels, 1) if at),
        )
        for i in range(found.functions)
    )
    build_id = ffi.buffer(found.build_id, found.build_id_len)[:].hex()
    calls = tuple(found.calls[i] for i in range(found.call_count))
    return SearchResult(found.how, functions, build_id, ffi.string(found.go_version).decode("ascii"), calls)
