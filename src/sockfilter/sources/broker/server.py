"""The broker's side: attaches the program for permitted users on permitted interfaces, and passes the maps on.

The packet socket stays in the broker: with it, a client could listen on any interface. A client gets the ring with the
program's records, and the shared memory for its orders.

Anyone may connect, so the broker never waits for one client. Sockets do not block, each client has at most one unsent
answer, and a client that misses a deadline is disconnected without effect on the others.
"""

from __future__ import annotations

import math
import selectors
import socket
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.errors import BrokerError, InvalidArgument
from sockfilter.sources.broker import messages
from sockfilter.sources.broker.session import Session, refused
from sockfilter.sources.packets.interfaces import ANY, find

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.sources.broker.places import Places
    from sockfilter.sources.broker.request import Permission
    from sockfilter.sources.broker.session import Answer, Attach

# seconds from a connection to its request: a client sends it at once, but the machine may be busy
SILENT_S = 10.0
# seconds for a client to read an answer: it waits for one answer at a time, so its buffer always has room
UNREAD_S = 10.0
# seconds until the next accept() if the system has no descriptors left
NO_DESCRIPTORS_S = 1.0
# connections accepted in a row before the existing clients are served
ACCEPTED_MAX = 16
# messages that a refused client may have sent already (net.unix.max_dgram_qlen is 10)
THROWN_AWAY_MAX = 16
# include/uapi/linux/socket.h: struct ucred
UCRED = struct.Struct("=iII")


class _Client:
    """A connection of a user who may capture."""

    def __init__(self, link: socket.socket, user: int, session: Session, deadline: float) -> None:
        self.link = link
        self.user = user
        self.session = session
        self.deadline = deadline
        self.unsent: Answer | None = None
        self.turn = 0


class Broker(Closing):
    """Serves clients.

    Args:
        listener: the socket that accepts clients. The broker owns it from now on.
        permission: who may capture what.
        places: limits the number and the memory of captures.
        attach: attaches the program for a request.
        now: the time in seconds, from an arbitrary start.
    """

    def __init__(
        self,
        listener: socket.socket,
        permission: Permission,
        places: Places,
        attach: Attach,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._listener = listener
        self._permission = permission
        self._places = places
        self._attach = attach
        self._now = now
        self._clients: set[_Client] = set()
        self._turns = 0
        self._pause_ends: float | None = None
        self._selector = selectors.DefaultSelector()
        self._listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)

    def close(self) -> None:
        """Ends all captures, and closes all sockets."""
        for client in list(self._clients):
            self._end(client)
        self._selector.close()
        self._listener.close()

    def also_wake_for(self, fd: int) -> None:
        """Makes serve() also return when this descriptor becomes readable."""
        self._selector.register(fd, selectors.EVENT_READ)

    def serve(self) -> None:
        """Waits for a request or a deadline, then handles at most one message of each user."""
        ready: list[_Client] = []
        for key, _ in self._selector.select(self._patience()):
            if key.fileobj is self._listener:
                self._accept()
            elif key.data is not None:
                ready.append(key.data)
        served: set[int] = set()
        for client in sorted(ready, key=lambda client: client.turn):
            if client.user not in served:
                served.add(client.user)
                self._turns += 1
                client.turn = self._turns
                self._serve(client)
        self._end_overdue()

    def _patience(self) -> float | None:
        """Returns the seconds until the next deadline; None if there is none."""
        first = min((client.deadline for client in self._clients), default=math.inf)
        if self._pause_ends is not None:
            first = min(first, self._pause_ends)
        return None if first == math.inf else max(0.0, first - self._now())

    def _accept(self) -> None:
        for _ in range(ACCEPTED_MAX):
            try:
                link, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors left; the listener would be ready again at once
                self._selector.unregister(self._listener)
                self._pause_ends = self._now() + NO_DESCRIPTORS_S
                return
            link.setblocking(False)
            self._admit(link)

    def _admit(self, link: socket.socket) -> None:
        """Checks a client's user ID before reading any message."""
        _, user, _ = UCRED.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
        try:
            if user not in self._permission.users:
                raise BrokerError(f"user {user} is not permitted to capture; start the broker with --user {user}")
            session = Session(self._permission, self._places.enter(user), self._attach)
        except BrokerError as error:
            _dismiss(link, refused(error))
            return
        client = _Client(link, user, session, self._now() + SILENT_S)
        self._clients.add(client)
        self._selector.register(link, selectors.EVENT_READ, client)

    def _serve(self, client: _Client) -> None:
        try:
            if client.unsent is None:
                # recv() drops descriptors; one byte more than the maximum lets decoded() refuse a longer message
                data = client.link.recv(messages.MESSAGE_BYTES_MAX + 1)
                if not data:
                    self._end(client)
                    return
                client.unsent = client.session.take(data)
            self._send(client, client.unsent)
        except BlockingIOError:
            return
        except OSError:
            self._end(client)

    def _send(self, client: _Client, answer: Answer) -> None:
        """Sends an answer, or keeps it and reads nothing from this client until it is sent. Raises OSError."""
        if answer.is_last:
            self._end(client, answer)
            return
        try:
            if answer.descriptors:
                socket.send_fds(client.link, [answer.data], answer.descriptors)
            else:
                client.link.send(answer.data)
        except BlockingIOError:
            client.deadline = min(client.deadline, self._now() + UNREAD_S)
            self._selector.modify(client.link, selectors.EVENT_WRITE, client)
            return
        client.unsent = None
        if client.session.has_attached:
            client.deadline = math.inf
        self._selector.modify(client.link, selectors.EVENT_READ, client)

    def _end_overdue(self) -> None:
        now = self._now()
        if self._pause_ends is not None and self._pause_ends <= now:
            self._pause_ends = None
            self._selector.register(self._listener, selectors.EVENT_READ)
        for client in [client for client in self._clients if client.deadline <= now]:
            wanting = (
                f"nothing was asked for {SILENT_S:.0f} s"
                if client.unsent is None
                else "the client did not read its answers"
            )
            self._end(client, refused(BrokerError(f"{wanting}: the broker needs its place; connect again")))

    def _end(self, client: _Client, answer: Answer | None = None) -> None:
        self._selector.unregister(client.link)
        self._clients.remove(client)
        client.session.close()
        _dismiss(client.link, answer)


def _dismiss(link: socket.socket, answer: Answer | None) -> None:
    """Closes a connection after a last answer, if there is one."""
    with link, suppress(OSError):
        if answer is None:
            return
        link.send(answer.data)
        # discard unread messages: otherwise the client would get ECONNRESET instead of the answer
        link.shutdown(socket.SHUT_RD)
        for _ in range(THROWN_AWAY_MAX):
            if not link.recv(1):
                break


def known_interfaces(names: list[str]) -> frozenset[str]:
    """Returns the names after checking each interface. Raises NoSuchInterface, InterfaceDown, UnsupportedInterface."""
    return frozenset(name if name == ANY else find(name).name for name in names)


def user_number(name: str) -> int:
    """Returns a user ID, given a name or the number itself. Raises InvalidArgument."""
    import pwd  # needed only here

    if name.isdecimal():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise InvalidArgument(f"there is no user {name!r}; getent passwd lists them") from error
