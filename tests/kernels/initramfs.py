"""The file system that a kernel starts with: a cpio archive (early-userspace/buffer-format in the kernel's docs)."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

END = "TRAILER!!!"


def entry(name: str, content: bytes = b"", mode: int = stat.S_IFREG | 0o644, number: int = 1) -> bytes:
    """One file. number: its own in the archive."""
    path = name.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, device and its own twice, length of the name, checksum
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return padded(head) + padded(content)


def padded(data: bytes) -> bytes:
    """Ends on a multiple of four."""
    return data + bytes(-len(data) % 4)


def archive(files: dict[str, bytes], programs: dict[str, bytes], folders: tuple[str, ...]) -> bytes:
    """All of an archive.

    Args:
        files: contents by name.
        programs: those that can be run.
        folders: they come first.
    """
    listed = [(name, b"", stat.S_IFDIR | 0o755) for name in folders]
    listed += [(name, content, stat.S_IFREG | 0o644) for name, content in files.items()]
    listed += [(name, content, stat.S_IFREG | 0o755) for name, content in programs.items()]
    parts = [entry(name, content, mode, number) for number, (name, content, mode) in enumerate(listed, 1)]
    return b"".join([*parts, entry(END)])


def initramfs(init: Path, busybox: Path, modules: tuple[Path, ...], settings: str, command: str) -> bytes:
    """What the guest starts from.

    Args:
        init: the script that is its first process.
        busybox: a static one.
        modules: in the order to load them.
        settings: variables of the script, in the shell's language.
        command: a script to run in the machine's root.
    """
    files = {f"modules/{number:02}-{path.name}": path.read_bytes() for number, path in enumerate(modules)}
    files |= {"settings": settings.encode(), "command": command.encode()}
    programs = {"init": init.read_bytes(), "bin/busybox": busybox.read_bytes()}
    return archive(files, programs, ("bin", "modules"))
