"""A tun device: a network device without a link header, whose wire is a descriptor."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from struct import pack
from typing import TYPE_CHECKING

from sockfilter.system.namespace import entered
from tests.support.net import ip
from tests.support.skips import Skip, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/if_tun.h
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
NAME = "tun0"


@contextmanager
def tun(netns: str) -> Iterator[int]:
    """tun0 in a namespace, up: what is written to the descriptor comes in there, what goes out can be read."""
    with entered(netns):  # the descriptor belongs to the namespace it was opened in
        try:
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            skip(Skip.DEVICE, f"/dev/net/tun: {error.strerror}")
    try:
        fcntl.ioctl(device, TUNSETIFF, pack("16sH22x", NAME.encode(), IFF_TUN | IFF_NO_PI))
        ip("link", "set", NAME, "mtu", "9000", "up", netns=netns)
        yield device
    finally:
        os.close(device)
