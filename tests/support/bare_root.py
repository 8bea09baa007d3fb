"""A root of its own for a command: another system's, or this one's without what builds sockfilter.

What the command writes goes to memory, and is gone with it.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.skips import Skip, need_root, need_tool, skip

# `make test-deb` makes them
RELEASES = Path(__file__).resolve().parents[2] / "build/roots"

# compilers, headers, and the libraries that a wheel brings along; paths as a shell completes them
BUILDERS = (
    *("/usr/include", "/usr/local/include", "/usr/lib/gcc*", "/usr/lib/llvm*", "/usr/lib/clang"),
    *(f"{folder}/{name}" for folder in ("/usr/bin", "/usr/local/bin") for name in ("*gcc*", "*g++*", "cc", "c++")),
    *("/usr/bin/*clang*", "/usr/bin/llvm*", "/usr/bin/*-ld*", "/usr/bin/ld*", "/usr/bin/as", "/usr/bin/pkg*config*"),
    "/usr/lib/*/pkgconfig",
    *(f"/usr/lib/{place}lib{name}.*" for place in ("", "*/") for name in ("bpf", "elf")),
)
# in a mount namespace, which ends with the command
ENTER = """
set -eu
room=$1 lower=$2 seen=$3; shift 3
mount -t tmpfs sockfilter-test "$room"
mkdir "$room/upper" "$room/work" "$room/root"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$room/upper,workdir=$room/work" "$room/root"
for pattern in $HIDDEN; do rm -rf "$room"/root$pattern; done
for folder in /proc /sys /dev; do mount --rbind "$folder" "$room/root$folder"; done
cp --remove-destination "$(realpath /etc/resolv.conf)" "$room/root/etc/resolv.conf"
mkdir -p "$room/root$seen" && mount --bind "$seen" "$room/root$seen"
exec chroot "$room/root" "$@"
"""


def of_debian(release: str) -> Path:
    """A release of Debian, with little more than apt."""
    root = RELEASES / release
    return root if root.exists() else skip(Skip.ROOTS, f"Debian {release}")


def run(
    *command: str | Path,
    seen: Path,
    room: Path,
    lower: Path = Path("/"),
    hidden: tuple[str, ...] = (),
    timeout_s: float,
) -> str:
    """Runs a command in such a root. Returns its output; fails the test where it fails.

    Args:
        command: the command.
        seen: a folder that it has under the same name.
        room: an empty folder, for the root.
        lower: what the root begins as.
        hidden: paths that are not there.
        timeout_s: seconds.
    """
    need_root()
    done = subprocess.run(
        [need_tool("unshare"), "--mount", "sh", "-c", ENTER, "sh", room, lower, seen, *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        env={**os.environ, "HIDDEN": " ".join(hidden), "PWD": "/", "LC_ALL": "C.UTF-8"},
        cwd="/",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
