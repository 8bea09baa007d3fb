"""This machine without what builds sockfilter: a root of its own, gone with the command that ran in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.skips import need_root, need_tool

# compilers, headers, and the libraries that a wheel brings along; paths as a shell completes them
HIDDEN = (
    *("/usr/include", "/usr/local/include", "/usr/lib/gcc*", "/usr/lib/llvm*", "/usr/lib/clang"),
    *(f"{folder}/{name}" for folder in ("/usr/bin", "/usr/local/bin") for name in ("*gcc*", "*g++*", "cc", "c++")),
    *("/usr/bin/*clang*", "/usr/bin/llvm*", "/usr/bin/*-ld*", "/usr/bin/ld*", "/usr/bin/as", "/usr/bin/pkg*config*"),
    "/usr/lib/*/pkgconfig",
    *(f"/usr/lib/{place}lib{name}.*" for place in ("", "*/") for name in ("bpf", "elf")),
)
# what is written goes to memory, in a mount namespace that ends with the command
ENTER = """
set -eu
room=$1 seen=$2; shift 2
mount -t tmpfs sockfilter-test "$room"
mkdir "$room/upper" "$room/work" "$room/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$room/upper,workdir=$room/work" "$room/root"
for pattern in $HIDDEN; do rm -rf "$room"/root$pattern; done
for folder in /proc /sys /dev; do mount --rbind "$folder" "$room/root$folder"; done
mkdir -p "$room/root$seen" && mount --bind "$seen" "$room/root$seen"
exec chroot "$room/root" "$@"
"""


def run(*command: str | Path, seen: Path, room: Path, more_hidden: tuple[str, ...] = (), timeout_s: float) -> str:
    """Runs a command in such a root. Returns its output; fails the test where it fails.

    Args:
        command: the command.
        seen: a folder that it has under the same name.
        room: an empty folder, for the root.
        more_hidden: further paths that are not there.
        timeout_s: seconds.
    """
    need_root()
    done = subprocess.run(
        [need_tool("unshare"), "--mount", "sh", "-c", ENTER, "sh", room, seen, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        env={**os.environ, "HIDDEN": " ".join((*HIDDEN, *more_hidden)), "PWD": "/"},
        cwd="/",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
