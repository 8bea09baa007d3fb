"""The interfaces of this network namespace: found by name, looked at before a capture, listed."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.errors import InterfaceDown, InvalidArgument, NoSuchInterface, UnsupportedInterface
from sockfilter.sources.packets.announcements import Announcements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

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
# interfaces that are listened on together: each has a socket, and more than anybody names take "any"
LISTENED_MAX = 64
# names that are remembered, and announcements that wait for who asks: containers come and go for months
NAMES_MAX = 10_000
ANNOUNCED_MAX = 10_000

# include/uapi/linux/if_arp.h: devices whose frames begin with an Ethernet header, and with none
ETHERNET = {1, 772}  # ARPHRD_ETHER, ARPHRD_LOOPBACK
BARE = {512, 519, 768, 769, 776, 778, 823, 0xFFFE}  # PPP, RAWIP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE, NONE


class Interface(NamedTuple):
    """An interface as the capture needs to know it; index 0 stands for all of them."""

    name: str
    index: int  # type: ignore[assignment]  # in place of a tuple's
    is_up: bool
    is_loopback: bool
    has_link_header: bool | None  # None: differs from packet to packet


def distinct(names: Sequence[str]) -> list[str]:
    """Names of interfaces to listen on together, each once.

    Raises:
        InvalidArgument: none, too many, or one that stands for the others too.
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
    """Looks an interface up in the namespace of the calling thread.

    Args:
        name: as `ip link` shows it, or "any".

    Raises:
        NoSuchInterface: with the nearest names.
        InterfaceDown: it is there and carries nothing.
        UnsupportedInterface: its frames begin with neither an Ethernet header nor an IP one.
    """
    if name == ANY:
        return Interface(ANY, 0, is_up=True, is_loopback=False, has_link_header=None)
    try:
        # the kernel would take eth0:1, once an alias, for eth0
        index = socket.if_nametoindex(name) if 0 < len(name.encode()) <= NAME_BYTES_MAX and ":" not in name else 0
    except (OSError, ValueError):  # not there; a name with a NUL in it
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
    """An interface as it is, and the kind of its frames. Raises OSError."""
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


class NameCache:
    """The interfaces and their names, in the namespace of the thread that made this, as they come and go."""

    def __init__(self) -> None:
        # Stays in its namespace wherever the thread goes: an index means another interface in each. A Unix socket is
        # asked as any other is, and sends nothing to another machine.
        self._query = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.announcements = Announcements()
        self._known = dict(socket.if_nameindex())
        self._announced: deque[Announced] = deque(maxlen=ANNOUNCED_MAX)
        self._has_missed = False

    def __enter__(self) -> NameCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Names that are not known yet stay so."""
        self._query.close()
        self.announcements.close()

    def of(self, index: int) -> str:
        """An interface's name; the index itself where the interface, or this, has gone before anyone asked."""
        if index not in self._known:
            name = self.current(index)
            if name is None:
                self._listen()  # one that has come and gone
            else:
                self._learn(index, name)
        return self._known.get(index) or str(index)

    def current(self, index: int) -> str | None:
        """The name that an interface has now; None: it has gone, or this has."""
        try:
            reply = fcntl.ioctl(self._query, SIOCGIFNAME, IFREQ_INDEX.pack(b"", index))
        except (OSError, ValueError):  # the latter of a socket that is closed
            return None
        return os.fsdecode(reply[: NAME_BYTES_MAX + 1].rstrip(b"\0"))

    def find(self, name: str) -> Interface | None:
        """An interface as it is now, up or not; None: there is none of that name."""
        with suppress(OSError, ValueError):
            return _described(self._query, name)[0]
        return None

    def follow(self) -> bool:
        """Learns what has been announced. Returns whether anything may have changed since the last call."""
        self._listen()
        changed, self._has_missed = self._has_missed or bool(self._announced), False
        return changed

    def take_announced(self) -> list[Announced]:
        """What was announced since the last call."""
        taken = list(self._announced)
        self._announced.clear()
        return taken

    def _listen(self) -> None:
        found = self.announcements.take()
        if found is None:
            self._has_missed = True
            self._known.clear()  # and asked for anew
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
    """Every interface with its state and addresses, in the kernel's order."""
    from pyroute2 import IPRoute  # a quarter of a second to import

    with IPRoute() as netlink:
        addresses: dict[int, list[str]] = {}
        for entry in netlink.get_addr():
            text = f"{entry.get_attr('IFA_LOCAL') or entry.get_attr('IFA_ADDRESS')}/{entry['prefixlen']}"
            addresses.setdefault(entry["index"], []).append(text)
        return [
            Listed(
                os.fsdecode(link.get_attr("IFLA_IFNAME")),  # bytes where it is no UTF-8
                "up" if link["flags"] & IFF_UP else "down",
                tuple(addresses.get(link["index"], ())),
            )
            for link in netlink.get_links()
        ]
