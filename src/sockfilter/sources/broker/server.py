"""The broker's end: attaches for those it was told to, where it was told to, and hands the maps over.

The packet socket stays here: with it, a client could listen anywhere. What a client gets is the ring of the program's
records, and the memory by which it says what it does not need.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sockfilter import __version__
from sockfilter.errors import BrokerError, InvalidArgument, SockfilterError
from sockfilter.libbpf import binding
from sockfilter.libbpf.ring import ring_bytes
from sockfilter.sources import namespace
from sockfilter.sources.attachment import OwnAttachment
from sockfilter.sources.broker import messages
from sockfilter.sources.interfaces import ANY, Names, distinct, find

if TYPE_CHECKING:
    from types import TracebackType

    from sockfilter.sources.broker.messages import Message
    from sockfilter.sources.interfaces import Interface

# captures at once: each takes some 10 MB of kernel memory, and its ring
SESSIONS_MAX = 64
# bytes of the ring that a client may ask for
RING_BYTES_MAX = 64 << 20
# include/uapi/linux/socket.h: struct ucred
UCRED = struct.Struct("=iII")


@dataclass(frozen=True)
class Permission:
    """Who may capture where.

    Attributes:
        users: their numbers.
        interfaces: their names; "any" stands for itself.
        promiscuous: whether frames for other hosts may be taken.
    """

    users: frozenset[int]
    interfaces: frozenset[str]
    promiscuous: bool = False


def listening(path: str) -> socket.socket:
    """A socket that listens at a path; one that a broker has left behind makes room.

    Raises:
        BrokerError: another broker listens there, or nobody may.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with suppress(FileNotFoundError):
            if _answers(path):
                raise BrokerError(f"listening at {path}: another broker does; end it first, or choose another --socket")
            os.unlink(path)
        before = os.umask(0)  # anyone may connect: who it is decides, not the file's mode
        try:
            made.bind(path)
        finally:
            os.umask(before)
        made.listen()
    except OSError as error:
        made.close()
        raise BrokerError(f"listening at {path}: {error.strerror or error}; choose another place: --socket") from error
    except BaseException:
        made.close()
        raise
    return made


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
    return True


class Broker:
    """Serves until told otherwise.

    Args:
        listener: where clients come from; it is this one's from here on.
        permission: who may capture where.
    """

    def __init__(self, listener: socket.socket, permission: Permission) -> None:
        self._listener = listener
        self._permission = permission
        self._sessions: dict[socket.socket, _Session] = {}
        self._selector = selectors.DefaultSelector()
        self._listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)

    def __enter__(self) -> Broker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends everything that it has attached."""
        for link in list(self._sessions):
            self._end(link)
        self._selector.close()
        self._listener.close()

    def also_wake_for(self, fd: int) -> None:
        """Lets serve() return as well when this descriptor becomes readable."""
        self._selector.register(fd, selectors.EVENT_READ)

    def serve(self) -> None:
        """Does what is asked, until nothing is for the moment; waits for it first."""
        for key, _ in self._selector.select():
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.fileobj, socket.socket):
                self._answer(key.fileobj)

    def _accept(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError:
            return  # it has gone again
        link.settimeout(messages.ANSWER_S)
        _, user, _ = UCRED.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
        self._sessions[link] = _Session(self._permission, user)
        self._selector.register(link, selectors.EVENT_READ)
        if len(self._sessions) > SESSIONS_MAX:
            with suppress(OSError):
                messages.send(link, messages.refusal(BrokerError(f"it has {SESSIONS_MAX} captures; end one first")))
            self._end(link)

    def _answer(self, link: socket.socket) -> None:
        try:
            request, descriptors = messages.receive(link)
            for fd in descriptors:
                os.close(fd)
            try:
                answer, passed = self._sessions[link].do(request)
            except SockfilterError as error:
                answer, passed = messages.refusal(error), []
            messages.send(link, answer, passed)
        except (OSError, BrokerError):
            self._end(link)

    def _end(self, link: socket.socket) -> None:
        self._selector.unregister(link)
        self._sessions.pop(link).close()
        link.close()


class _Session:
    """What one client has asked for.

    Args:
        permission: what it may have.
        user: whose it is.
    """

    def __init__(self, permission: Permission, user: int) -> None:
        self._permission = permission
        self._user = user
        self._attachment: OwnAttachment | None = None
        self._interfaces: list[Interface] = []

    def close(self) -> None:
        if self._attachment is not None:
            self._attachment.close()

    def do(self, request: Message) -> tuple[Message, list[int]]:
        """The answer to a request, and the descriptors beside it. Raises SockfilterError."""
        if request.get("do") == "attach":
            return self._attach(request)
        if self._attachment is None:
            raise BrokerError("nothing is attached yet")
        if request.get("do") == "detach":
            self._attachment.detach()
        if request.get("do") == "rebind":
            self._rebind(self._attachment, request.get("position"))
        return {"counters": self._attachment.counters()}, []

    def _attach(self, request: Message) -> tuple[Message, list[int]]:
        if self._attachment is not None:
            raise BrokerError("it has attached already; open another connection")
        names, ring = self._checked(request)
        ffi, lib = binding.load()
        config = ffi.new("struct sf_config *")
        content = messages.unpacked(request.get("config"))
        if len(content) != ffi.sizeof("struct sf_config"):
            raise BrokerError("the configuration is of another version")
        ffi.memmove(config, content, len(content))
        config.every = 0  # HTTP alone
        ports = messages.unpacked(request.get("ports"))
        if ports and len(ports) != lib.SF_PORT_WORDS * 8:
            raise BrokerError("the map of ports is of another version")
        found = [find(name) for name in names]
        made = OwnAttachment(found, config, ports, ring, bool(request.get("promiscuous")))
        self._attachment, self._interfaces = made, found
        answer = {"interfaces": [interface._asdict() for interface in found]}
        return answer, [made.ring_fd, made.shared_fd, made.orders_fd]

    def _rebind(self, attachment: OwnAttachment, position: object) -> None:
        """To the one of the same name, for which it has the permission."""
        if not isinstance(position, int) or not 0 <= position < len(self._interfaces):
            raise BrokerError("there is no such interface to bind to again; it is of another version")
        before = self._interfaces[position]
        with Names() as names:
            found = names.find(before.name)
        if found is not None and found.has_link_header == before.has_link_header:
            with suppress(OSError):  # it has gone again
                attachment.rebind(position, found)

    def _checked(self, request: Message) -> tuple[list[str], int]:
        """The interfaces' names and the ring's bytes, where this user may have them."""
        may = self._permission
        if self._user not in may.users:
            raise BrokerError(f"user {self._user} may not capture; start the broker with --user {self._user}")
        if request.get("version") != __version__:
            raise BrokerError(
                f"it is of version {__version__}, and the client of {request.get('version')}; start it anew"
            )
        if request.get("netns") != namespace.number():
            raise BrokerError("it is in another network namespace than the client; start one there: ip netns exec ...")
        names, ring = request.get("interfaces"), request.get("ring")
        if not isinstance(names, list):
            raise BrokerError("the client names no interfaces; it is of another version")
        for name in names:
            if not isinstance(name, str) or name not in may.interfaces:
                known = ", ".join(sorted(may.interfaces))
                raise BrokerError(f"interface {name!r} is not for its clients ({known} is); start it with -i {name}")
        if request.get("promiscuous") and not may.promiscuous:
            raise BrokerError("it takes no frames for other hosts; start it with --promisc")
        if not isinstance(ring, int) or ring > RING_BYTES_MAX:
            raise InvalidArgument(
                f"a ring of {ring!r} bytes is not for its clients; {RING_BYTES_MAX} at most: -B, ring="
            )
        return distinct(names), ring_bytes(ring)


def known_interfaces(names: list[str]) -> frozenset[str]:
    """The names, each of an interface that is there. Raises NoSuchInterface, InterfaceDown, UnsupportedInterface."""
    return frozenset(name if name == ANY else find(name).name for name in names)


def user_number(name: str) -> int:
    """A user's number, by name or as it is. Raises InvalidArgument."""
    import pwd  # where users are named

    if name.isdecimal():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise InvalidArgument(f"there is no user {name!r}; getent passwd lists them") from error


def inherited(fd: int) -> socket.socket:
    """A socket that listens already, as systemd passes it on (sd_listen_fds(3)). Raises BrokerError."""
    made = socket.socket(fileno=fd)
    kind = made.family, made.type, made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if kind != (socket.AF_UNIX, socket.SOCK_SEQPACKET, 1):
        made.close()
        raise BrokerError("the socket that was passed on is none for a broker: ListenSequentialPacket=PATH makes one")
    return made
