"""The socket that a broker listens on: made at a path, or passed on by systemd."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.errors import BrokerError

if TYPE_CHECKING:
    pass

# include/uapi/asm-generic/socket.h, Linux 6.16
SO_PASSRIGHTS = 83


class Listening(Closing):
    """A socket that listens at a path, until close(). It replaces a socket that an ended broker has left there.

    The folder stays open, so that a later change of the path above it cannot redirect the removal of the socket.

    Args:
        path: the path of the socket.

    Raises:
        BrokerError: the path is in use, or this process may not listen there.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._name = os.path.basename(path)
        self._made: tuple[int, int] | None = None
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._folder = -1
        try:
            self._folder = os.open(os.path.dirname(path) or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            self._make_room()
            self._listen()
        except OSError as error:
            self.close()
            raise BrokerError(f"listening at {path}: {error.strerror or error}; use another path: --socket") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Removes the socket, if it is still the one at the path and the broker may remove it."""
        with suppress(OSError):
            if self._made is not None and self._made == self._identity():
                os.unlink(self._name, dir_fd=self._folder)
        self._made = None
        self.socket.close()
        if self._folder >= 0:
            os.close(self._folder)
        self._folder = -1

    def _listen(self) -> None:
        before = os.umask(0)  # anyone may connect: the client's user ID decides, not the file's mode
        try:
            self.socket.bind(self._path)
        finally:
            os.umask(before)
        self._made = self._identity()
        self.socket.listen()

    def _make_room(self) -> None:
        """Removes a socket on which nobody listens."""
        try:
            found = self._stat()
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise BrokerError(
                f"listening at {self._path}: there is a file that is not a socket; remove it, or use another --socket"
            )
        if self._answers():
            raise BrokerError(
                f"listening at {self._path}: another broker listens there; end it first, or use another --socket"
            )
        if self._identity() == (found.st_dev, found.st_ino):
            os.unlink(self._name, dir_fd=self._folder)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            probe.setblocking(False)  # a busy broker counts as an answer
            try:
                probe.connect(f"/proc/self/fd/{self._folder}/{self._name}")
            except ConnectionRefusedError:
                return False
            except OSError:  # EAGAIN: its queue is full; EPROTOTYPE: it has another socket type
                return True
        return True

    def _stat(self) -> os.stat_result:
        return os.stat(self._name, dir_fd=self._folder, follow_symlinks=False)

    def _identity(self) -> tuple[int, int]:
        found = self._stat()
        return found.st_dev, found.st_ino


def inherited(fd: int) -> socket.socket:
    """Returns a listening socket that systemd has passed on (sd_listen_fds(3)). Raises BrokerError."""
    made = socket.socket(fileno=fd)
    kind = made.family, made.type, made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if kind != (socket.AF_UNIX, socket.SOCK_SEQPACKET, 1):
        made.close()
        raise BrokerError("the socket from systemd has the wrong type; use ListenSequentialPacket=PATH")
    return made


def refuse_descriptors(listener: socket.socket) -> bool:
    """Tells the kernel to refuse descriptors from clients. Returns whether the kernel supports this.

    The broker accepts no descriptors, so the kernel closes them. To close the last descriptor of a TCP socket may take
    as long as its SO_LINGER.
    """
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 0)
    except OSError:
        return False
    return True
