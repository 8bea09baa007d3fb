"""How many captures a user may have, and how much of the kernel's memory: each user's share, which no other takes."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.errors import BrokerError, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Collection

# captures at once, of all users: 16 workers of pytest-xdist, with the 4 that each keeps open
PLACES_MAX = 64
# bytes of kernel memory of a capture beside its ring: its maps have 10.3 MB, 9.96 of them the table of connections
CAPTURE_BYTES = 12 << 20
# bytes of kernel memory of all captures: PLACES_MAX with the ring that is usual (16 MiB), and some more; but no more
# than a quarter of the machine's memory
KERNEL_BYTES_MAX = 2 << 30
MEMORY_PART = 4


def kernel_bytes() -> int:
    """What all captures may have of this machine's memory."""
    return min(KERNEL_BYTES_MAX, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") // MEMORY_PART)


class Places:
    """Those of all users. Each has the same share.

    Args:
        users: their numbers.
        count: captures at once, of all users.
        kernel: bytes of kernel memory, of all users.

    Raises:
        InvalidArgument: there are more users than captures.
    """

    def __init__(self, users: Collection[int], count: int = PLACES_MAX, kernel: int = KERNEL_BYTES_MAX) -> None:
        if len(users) > count:
            raise InvalidArgument(f"{len(users)} users: at most {count} can have a capture each; use fewer --user")
        self._share = count // len(users)
        self._bytes_share = kernel // len(users)
        self._of: dict[int, list[Place]] = {user: [] for user in users}

    def enter(self, user: int) -> Place:
        """A place for a connection. Raises BrokerError where the user's share is taken."""
        held = self._held(user)
        if len(held) >= self._share:
            raise BrokerError(f"user {user} has {len(held)} captures or connections, which is the limit; end one first")
        place = Place(self, user)
        self._of[user].append(place)
        return place

    def check(self, user: int, more: int) -> None:
        """Raises BrokerError where a user's share has no room for so many more bytes."""
        taken = sum(place.bytes for place in self._held(user))
        if taken + more > self._bytes_share:
            raise BrokerError(
                f"user {user} has {taken >> 20} MiB of kernel memory of {self._bytes_share >> 20}:"
                f" {more >> 20} more do not fit; use a smaller ring (-B, ring=), or end a capture first"
            )

    def _held(self, user: int) -> list[Place]:
        """The user's places that are still taken."""
        places = self._of[user] = [place for place in self._of[user] if not place.is_free()]
        return places


class Place:
    """A user's place: taken as long as the connection is there, or the ring that came over it.

    A client may keep the ring's descriptor, or its memory mapped, when its connection has ended. The broker sees
    that by an epoll instance: the file stays in it as long as anyone has it (epoll(7), question 6).
    """

    def __init__(self, places: Places, user: int) -> None:
        self._places = places
        self._user = user
        self._ring = 0
        self._has_left = False
        self._watch: select.epoll | None = None
        self.bytes = 0

    def take(self, ring: int) -> None:
        """Counts a capture. Raises BrokerError where the user's share has no room.

        Args:
            ring: its bytes.
        """
        self._places.check(self._user, CAPTURE_BYTES + ring)
        self._ring, self.bytes = ring, CAPTURE_BYTES + ring

    def watch(self, ring_fd: int) -> None:
        """Follows what becomes of the ring. The descriptor may be closed afterwards."""
        self._watch = select.epoll()
        self._watch.register(ring_fd, 0)

    def leave(self) -> None:
        """The connection has ended, and what the broker held for it."""
        self._has_left = True
        self.bytes = self._ring
        self.is_free()

    def is_free(self) -> bool:
        """Whether nobody has it any more."""
        if not self._has_left:
            return False
        if self._watch is not None and not self._watch.closed and not _is_watched(self._watch):
            self._watch.close()
        return self._watch is None or self._watch.closed


def _is_watched(watch: select.epoll) -> bool:
    """Whether a file is still in an epoll instance: there is a line for each (proc_pid_fdinfo(5))."""
    with suppress(OSError), open(f"/proc/self/fdinfo/{watch.fileno()}") as lines:
        return any(line.startswith("tfd:") for line in lines)
    return False
