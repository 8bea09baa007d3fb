"""The interfaces of this network namespace: looked up by name, checked before a capture, and listed."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.closing import Closing
from sockfilter.errors import InterfaceDown, InvalidArgument, NoSuchInterface, UnsupportedInterface
from sockfilter.sources.packets.announcements import Announcements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sockfilter.sources.packets.announcements import Announced

# the name that stands for all interfaces, as in tcpdump
ANY = "any"

# include/uapi/linux/sockios.h, include/uapi/linux/if.h
SIOCGIFNAME = 0x8910
SIOCGIFFLAGS = 0x8913
SIOCGIFHWADDR = 0x8927
SIOCGIFINDEX = 0x8933
IFF_UP = 0x1
IFF_LOOPBACK = 0x8
IFREQ = struct.Struct("16sH22x")
IFREQ_INDEX = struct.Struct("16si20x")
NAME_BYTES_MAX = 15
# interfaces of one capture, each with a socket; for more there is "any"
LISTENED_MAX = 64
# names in the cache, and announcements that wait to be read; containers may come and go for months
NAMES_MAX = 10_000
ANNOUNCED_MAX = 10_000

# include/uapi/linux/if_arp.h: devices whose frames begin with an Ethernet header, and devices without a link header
ETHERNET = {1, 772}  # ARPHRD_ETHER, ARPHRD_LOOPBACK
BARE = {512, 519, 768, 769, 776, 778, 823, 0xFFFE}  # PPP, RAWIP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE, NONE


class Interface(NamedTuple):
    """What a capture needs to know about an interface. Index 0 means all interfaces."""

    name: str
    index: int  # type: ignore[assignment]  # overrides tuple.index()
    is_up: bool
    is_loopback: bool
    has_link_header: bool | None  # None: it differs between packets


def distinct(names: Sequence[str]) -> list[str]:
    """Returns the names of the interfaces of one capture without duplicates.

    Raises:
        InvalidArgument: there are no names, too many names, or "any" with other names.
    """
    found = list(dict.fromkeys(names))
    if not found:
        raise InvalidArgument(f"interface is empty: use a name, or {ANY!r} for all interfaces")
    if ANY in found and len(found) > 1:
        others = ", ".join(name for name in found if name != ANY)
        raise InvalidArgument(f"interface {ANY!r} means all interfaces: remove {others}, or {ANY!r}")
    if len(found) > LISTENED_MAX:
        raise InvalidArgument(f"{len(found)} interfaces: the maximum is {LISTENED_MAX}; use {ANY!r} for all interfaces")
    return found


def find(name: str) -> Interface:
    """Looks up an interface in the network namespace of the calling thread.

    Args:
        name: as `ip link` shows it, or "any".

    Raises:
        NoSuchInterface: there is no such interface. The message lists similar names.
        InterfaceDown: the interface is down.
        UnsupportedInterface: its frames begin with neither an Ethernet header nor an IP header.
    """
    if name == ANY:
        return Interface(ANY, 0, is_up=True, is_loopback=False, has_link_header=None)
    try:
        # the kernel would accept eth0:1, an old alias, as eth0
        index = socket.if_nametoindex(name) if 0 < len(name.encode()) <= NAME_BYTES_MAX and ":" not in name else 0
    except (OSError, ValueError):  # OSError: no such interface; ValueError: a NUL in the name
        index = 0
    if not index:
        raise NoSuchInterface(f"looking up interface {name!r}: there is no such interface{_hint(name)}")
    return _inspect(name)


def _inspect(name: str) -> Interface:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        try:
            found, kind = _described(query, name)
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            raise NoSuchInterface(f"looking up interface {name!r}: it has just disappeared{_hint(name)}") from error
    if not found.is_up:
        raise InterfaceDown(f"interface {name} is down; bring it up first: ip link set {name} up")
    if kind not in ETHERNET | BARE:
        raise UnsupportedInterface(
            f"interface {name} has frames of kind {kind} (ARPHRD_* of linux/if_arp.h), which cannot be decoded live;"
            " capture on an Ethernet, loopback, tun or tunnel interface"
        )
    return found


def _described(query: socket.socket, name: str) -> tuple[Interface, int]:
    """Returns an interface's current state, and the ARPHRD_* type of its frames. Raises OSError."""
    index = fcntl.ioctl(query, SIOCGIFINDEX, IFREQ_INDEX.pack(os.fsencode(name), 0))
    flags = _ioctl(query, SIOCGIFFLAGS, name)
    kind = _ioctl(query, SIOCGIFHWADDR, name)
    number = IFREQ_INDEX.unpack(index)[1]
    return Interface(name, number, bool(flags & IFF_UP), bool(flags & IFF_LOOPBACK), kind in ETHERNET), kind


def _ioctl(query: socket.socket, request: int, name: str) -> int:
    reply = fcntl.ioctl(query, request, IFREQ.pack(os.fsencode(name), 0))
    return int(IFREQ.unpack(reply)[1])


def _hint(name: str) -> str:
    import difflib

    names = [known for _, known in socket.if_nameindex()]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; there are {', '.join([*names, ANY])}"


class NameCache(Closing):
    """A cache of the interfaces' names, in the network namespace of the creating thread."""

    def __init__(self) -> None:
        # The socket stays in its network namespace even if the thread leaves it: the same index means a different
        # interface in each namespace. A Unix socket answers these ioctls too, and cannot send to other machines.
        self._query = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.announcements = Announcements()
        self._known = dict(socket.if_nameindex())
        self._announced: deque[Announced] = deque(maxlen=ANNOUNCED_MAX)
        self._has_missed = False

    def close(self) -> None:
        """Closes the sockets. Names that are not yet in the cache stay unknown."""
        self._query.close()
        self.announcements.close()

    def of(self, index: int) -> str:
        """Returns an interface's name; the index as text if it was deleted, or close() was called, before a lookup."""
        if index not in self._known:
            name = self.current(index)
            if name is None:
                self._listen()  # the interface may have been created and deleted since
            else:
                self._learn(index, name)
        return self._known.get(index) or str(index)

    def current(self, index: int) -> str | None:
        """Returns an interface's current name; None if it was deleted, or after close()."""
        try:
            reply = fcntl.ioctl(self._query, SIOCGIFNAME, IFREQ_INDEX.pack(b"", index))
        except (OSError, ValueError):  # ValueError: the socket is closed
            return None
        return os.fsdecode(reply[: NAME_BYTES_MAX + 1].rstrip(b"\0"))

    def find(self, name: str) -> Interface | None:
        """Returns an interface's current state, up or down; None if there is no interface of that name."""
        with suppress(OSError, ValueError):
            return _described(self._query, name)[0]
        return None

    def follow(self) -> bool:
        """Reads the announcements. Returns whether anything may have changed since the last call."""
        self._listen()
        changed, self._has_missed = self._has_missed or bool(self._announced), False
        return changed

    def take_announced(self) -> list[Announced]:
        """Returns the announcements since the last call."""
        taken = list(self._announced)
        self._announced.clear()
        return taken

    def _listen(self) -> None:
        found = self.announcements.take()
        if found is None:
            self._has_missed = True
            self._known.clear()  # the names are queried again
            return
        for one in found:
            self._learn(one.number, one.name)
        self._announced.extend(found)

    def _learn(self, index: int, name: str) -> None:
        if len(self._known) >= NAMES_MAX:
            self._known.clear()
        self._known[index] = name


class Listed(NamedTuple):
    """One line of the list of interfaces."""

    name: str
    state: str
    addresses: tuple[str, ...]


def listed() -> list[Listed]:
    """Returns every interface with its state and addresses, in the kernel's order."""
    from pyroute2 import IPRoute  # the import takes a quarter of a second

    with IPRoute() as netlink:
        addresses: dict[int, list[str]] = {}
        for entry in netlink.get_addr():
            text = f"{entry.get_attr('IFA_LOCAL') or entry.get_attr('IFA_ADDRESS')}/{entry['prefixlen']}"
            addresses.setdefault(entry["index"], []).append(text)
        return [
            Listed(
                os.fsdecode(link.get_attr("IFLA_IFNAME")),  # bytes if it is not UTF-8
                "up" if link["flags"] & IFF_UP else "down",
                tuple(addresses.get(link["index"], ())),
            )
            for link in netlink.get_links()
        ]
