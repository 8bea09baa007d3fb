"""Limits for each user: the number of captures, and kernel memory. Each user's share is reserved."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.errors import BrokerError, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Collection

# concurrent captures of all users: 16 workers of pytest-xdist, each with the 4 captures that it keeps open
PLACES_MAX = 64
# bytes of kernel memory of a capture without its ring: its maps have 10.3 MB, 9.96 of them the table of connections
CAPTURE_BYTES = 12 << 20
# bytes of kernel memory of all captures: PLACES_MAX captures with the default ring (16 MiB), and some reserve; at most
# a quarter of the machine's memory
KERNEL_BYTES_MAX = 2 << 30
MEMORY_PART = 4


def kernel_bytes() -> int:
    """Returns the bytes of this machine's memory that all captures together may use."""
    return min(KERNEL_BYTES_MAX, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE") // MEMORY_PART)


class Places:
    """The places of all users. Each user has the same share.

    Args:
        users: user IDs.
        count: concurrent captures of all users.
        kernel: bytes of kernel memory for all users.

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
        """Takes a place for a connection. Raises BrokerError if the user has no place left."""
        held = self._held(user)
        if len(held) >= self._share:
            raise BrokerError(f"user {user} has {len(held)} captures or connections, which is the limit; end one first")
        place = Place(self, user)
        self._of[user].append(place)
        return place

    def check(self, user: int, more: int) -> None:
        """Raises BrokerError if a user's share of memory has no room for this many more bytes."""
        taken = sum(place.bytes for place in self._held(user))
        if taken + more > self._bytes_share:
            raise BrokerError(
                f"user {user} has {taken >> 20} MiB of kernel memory of {self._bytes_share >> 20}:"
                f" {more >> 20} more do not fit; use a smaller ring (-B, ring=), or end a capture first"
            )

    def _held(self, user: int) -> list[Place]:
        """Returns the user's places that are still taken."""
        places = self._of[user] = [place for place in self._of[user] if not place.is_free()]
        return places


class Place:
    """A user's place. It is taken as long as the connection is open, or anyone holds the capture's ring.

    A client may keep the ring's descriptor open, or its memory mapped, after the end of the connection. The broker
    detects this with an epoll instance: a file stays in it as long as anyone has the file open (epoll(7), question 6).
    """

    def __init__(self, places: Places, user: int) -> None:
        self._places = places
        self._user = user
        self._ring = 0
        self._has_left = False
        self._watch: select.epoll | None = None
        self.bytes = 0

    def take(self, ring: int) -> None:
        """Counts a capture's memory. Raises BrokerError if the user's share has no room.

        Args:
            ring: bytes of the ring.
        """
        self._places.check(self._user, CAPTURE_BYTES + ring)
        self._ring, self.bytes = ring, CAPTURE_BYTES + ring

    def watch(self, ring_fd: int) -> None:
        """Watches whether anyone holds the ring. The caller may close the descriptor afterwards."""
        self._watch = select.epoll()
        self._watch.register(ring_fd, 0)

    def leave(self) -> None:
        """Notes that the connection has ended, and that the broker has freed its part."""
        self._has_left = True
        self.bytes = self._ring
        self.is_free()

    def is_free(self) -> bool:
        """Whether nobody uses the place any more."""
        if not self._has_left:
            return False
        if self._watch is not None and not self._watch.closed and not _is_watched(self._watch):
            self._watch.close()
        return self._watch is None or self._watch.closed


def _is_watched(watch: select.epoll) -> bool:
    """Whether a file is still in an epoll instance, which has a line for each file (proc_pid_fdinfo(5))."""
    with suppress(OSError), open(f"/proc/self/fdinfo/{watch.fileno()}") as lines:
        return any(line.startswith("tfd:") for line in lines)
    return False
