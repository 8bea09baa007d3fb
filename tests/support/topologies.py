"""Networks of the test's own: a bridge with two ports, and two tun devices with a wire in between."""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import struct
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.support.net import ip, namespace
from tests.support.skips import Skip, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/sched.h, include/uapi/linux/if_tun.h
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_BYTES_MAX = 65536

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Network:
    """Where a client and a server are, and the server's addresses as the client reaches them."""

    client: str | None
    server: str | None
    ipv4: str
    ipv6: str

    def address(self, family: int) -> str:
        return self.ipv4 if family == 4 else self.ipv6


LOOPBACK = Network(None, None, "127.0.0.1", "::1")


@contextmanager
def inside(netns: str | None) -> Iterator[None]:
    """This thread in a namespace, for as long as it takes to open a socket there. None: stays."""
    if netns is None:
        yield
        return
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{netns}") as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def _setns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def bridged() -> Iterator[tuple[Network, str]]:
    """A host with a bridge, and the guest on one of its ports; a second guest is on the other.

    The host has 10.8.0.1 and fd08::1 on br0, whose ports are port1 and port2; the guests have
    10.8.0.11 and .12, fd08::11 and ::12 on veth0. Gives the network of guest 1 and host, and guest 2.
    """
    with namespace() as host, namespace() as one, namespace() as two:
        ip("link", "add", "br0", "type", "bridge", netns=host)
        _address("br0", "10.8.0.1/24", "fd08::1/64", host)
        for number, guest in ((1, one), (2, two)):
            port = f"port{number}"
            ip("link", "add", port, "type", "veth", "peer", "name", "veth0", "netns", guest, netns=host)
            ip("link", "set", port, "master", "br0", "up", netns=host)
            _address("veth0", f"10.8.0.1{number}/24", f"fd08::1{number}/64", guest)
        yield Network(one, host, "10.8.0.1", "fd08::1"), two


@contextmanager
def wired() -> Iterator[Network]:
    """Two namespaces with a veth0 each, and the wire between."""
    with namespace() as client, namespace() as server:
        ip("link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", server, netns=client)
        for number, end in enumerate((client, server), 1):
            _address("veth0", f"10.6.0.{number}/24", f"fd06::{number}/64", end)
        yield Network(client, server, "10.6.0.2", "fd06::2")


@contextmanager
def tunnelled() -> Iterator[Network]:
    """Two namespaces with a tun0 each, and a thread that carries packets between them."""
    with ExitStack() as stack:
        ends = [stack.enter_context(namespace()) for _ in range(2)]
        fds = [_open_tun(end) for end in ends]
        for fd in fds:
            stack.callback(os.close, fd)
        for number, end in enumerate(ends, 1):
            _address("tun0", f"10.7.0.{number}/24", f"fd07::{number}/64", end)
        stack.enter_context(_carried(fds))
        yield Network(ends[0], ends[1], "10.7.0.2", "fd07::2")


def _address(device: str, ipv4: str, ipv6: str, netns: str) -> None:
    ip("address", "add", ipv4, "dev", device, netns=netns)
    ip("address", "add", ipv6, "dev", device, "nodad", netns=netns)
    ip("link", "set", device, "up", netns=netns)


def _open_tun(netns: str) -> int:
    # the device will be in the namespace that this is opened in
    with inside(netns):
        try:
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            skip(Skip.DEVICE, f"/dev/net/tun: {error.strerror}")
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"tun0", IFF_TUN | IFF_NO_PI))
    return fd


@contextmanager
def _carried(fds: list[int]) -> Iterator[None]:
    """A thread that writes into each descriptor what it reads from the other."""
    stop_read, stop_write = os.pipe()
    carrier = threading.Thread(target=_carry, args=(fds, stop_read))
    carrier.start()
    try:
        yield
    finally:
        os.close(stop_write)
        carrier.join()
        os.close(stop_read)


def _carry(fds: list[int], stop: int) -> None:
    other = {fds[0]: fds[1], fds[1]: fds[0]}
    while True:
        ready, _, _ = select.select([*fds, stop], [], [])
        if stop in ready:
            return
        for fd in ready:
            os.write(other[fd], os.read(fd, PACKET_BYTES_MAX))
