"""BPF programs of others: their names, and the processes that hold them."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.libbpf import binding

if TYPE_CHECKING:
    from collections.abc import Iterator

# where struct bpf_prog_info has the name, and how long the struct is up to its end (include/uapi/linux/bpf.h)
NAME_AT, NAME_BYTES = 64, 16
INFO_BYTES = NAME_AT + NAME_BYTES
# processes that a text names
HOLDERS_MAX = 3


def described(number: int) -> str:
    """Returns a program's number, its name, and the processes that hold it or a link of it, as far as known."""
    words = [f"id {number}", *filter(None, [name_of(number)])]
    holders = [f"{comm}[{pid}]" for pid, comm in holders_of(number)]
    if holders:
        words.append(f"held by {', '.join(holders[:HOLDERS_MAX])}")
    return ", ".join(words)


def name_of(number: int) -> str:
    """Returns a program's name; empty if it has gone, has none, or this process may not ask."""
    ffi, lib = binding.load()
    fd = lib.bpf_prog_get_fd_by_id(number)
    if fd < 0:
        return ""
    try:
        info = ffi.new("char[]", INFO_BYTES)
        size = ffi.new("__u32 *", INFO_BYTES)
        if lib.bpf_obj_get_info_by_fd(fd, info, size):
            return ""
        return bytes(ffi.buffer(info)[NAME_AT:INFO_BYTES]).partition(b"\0")[0].decode(errors="replace")
    finally:
        os.close(fd)


def holders_of(number: int) -> Iterator[tuple[int, str]]:
    """Yields PID and name of each process, other than this one, that holds a program or a link of it."""
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and int(entry) != os.getpid() and _holds(entry, number):
            with suppress(OSError), open(f"/proc/{entry}/comm", errors="replace") as file:
                yield int(entry), file.read().strip()


def _holds(process: str, number: int) -> bool:
    folder = f"/proc/{process}/fdinfo"
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError), open(f"{folder}/{name}") as file:
                if any(line.split() == ["prog_id:", str(number)] for line in file if line.startswith("prog_id:")):
                    return True
    return False
