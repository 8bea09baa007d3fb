"""Ports, and network namespaces of the test's own."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from tests.support.skips import Skip, need_root, need_tool, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = count(1)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def ip(*words: str, netns: str | None = None) -> None:
    """Runs ip; in a namespace, with its name."""
    command = ["ip", *(["-n", netns] if netns else []), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if "not supported" in done.stderr or "Unknown device type" in done.stderr:
            skip(Skip.DEVICE, f"{' '.join(command)}: {done.stderr.strip()}")
        raise AssertionError(f"{' '.join(command)}: {done.stderr.strip()}")


@contextmanager
def namespace() -> Iterator[str]:
    """A network namespace with its loopback up; its name, as `ip netns` knows it."""
    need_root()
    need_tool("ip")
    name = f"sf{os.getpid()}-{next(_numbers)}"
    ip("netns", "add", name)
    try:
        ip("link", "set", "lo", "up", netns=name)
        yield name
    finally:
        ip("netns", "delete", name)


@contextmanager
def veth_pair() -> Iterator[tuple[str, str]]:
    """Two namespaces joined by a veth pair: veth0 in both, 10.9.0.1 and .2, fd09::1 and ::2."""
    with namespace() as left, namespace() as right:
        join(left, right)
        yield left, right


def join(left: str, right: str, name: str = "veth0", net: int = 9) -> None:
    """Joins two namespaces by a veth pair of one name: 10.9.0.1 and .2, fd09::1 and ::2, or of another net."""
    ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", right, netns=left)
    for end, number in ((left, 1), (right, 2)):
        ip("address", "add", f"10.{net}.0.{number}/24", "dev", name, netns=end)
        ip("address", "add", f"fd0{net}::{number}/64", "dev", name, "nodad", netns=end)
        ip("link", "set", name, "up", netns=end)
