"""A command that is started for a capture: it waits until the capture has begun."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.errors import CommandNotExecutable, InvalidArgument, NoSuchCommand

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sockfilter.captures.capture import Capture

# The program that runs in the new process until the command begins. It waits for a byte, or for the end of the sender.
# Python ignores SIGPIPE and SIGXFSZ at its start, so the program restores them for the command. It uses _signal, which
# is built in, because signal imports enum.
WAITER = """
import _signal, os, sys
go, ignored, user, groups, path = sys.argv[1:6]
for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
    _signal.signal(number, _signal.SIG_DFL)
for number in ignored.split():
    _signal.signal(int(number), _signal.SIG_IGN)
if not os.read(int(go), 1):
    os._exit(125)
os.close(int(go))
try:
    if user:
        uid, gid = map(int, user.split())
        os.setgroups(list(map(int, groups.split())))
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    os.execv(path, sys.argv[6:])
except OSError as error:
    os.write(2, f"sockfilter: running {path}: {error.strerror}\\n".encode(errors="surrogateescape"))
    os._exit(126)
"""
# The signals that subprocess restores by default (restore_signals).
RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)


class Identity(NamedTuple):
    """The user and the groups that a command runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...]


class PausedCommand:
    """A command whose process exists but that has not begun.

    Args:
        command: its words. The first is looked up in PATH.
        identity: the user that the command runs as when root starts it. None: the user of this process.
        ignored: signals that the command ignores, besides those that this process ignores.
        options: further arguments of subprocess.Popen.

    Attributes:
        process: the process, as a subprocess.Popen.

    Raises:
        NoSuchCommand: no command has that name.
        CommandNotExecutable: the command exists and may not be executed.
    """

    def __init__(
        self,
        command: Sequence[str],
        identity: Identity | None = None,
        ignored: Iterable[int] = (),
        **options: Any,
    ) -> None:
        if not command or isinstance(command, str):
            raise InvalidArgument(f"command={command!r}: it must be a list of words, as for subprocess")
        path = shutil.which(command[0])
        if path is None:
            raise _not_found(command[0])
        if not options.get("restore_signals", True):
            ignored = [*ignored, *(number for number in RESTORED if signal.getsignal(number) is signal.SIG_IGN)]
        whose = (
            ("", "") if identity is None else (f"{identity.uid} {identity.gid}", " ".join(map(str, identity.groups)))
        )
        read, self._go = os.pipe()
        try:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", "-c", WAITER),
                    *(str(read), " ".join(str(int(number)) for number in ignored), *whose, path),
                    *command,
                ],
                pass_fds=[read],
                **options,
            )
        except BaseException:
            os.close(self._go)
            raise
        finally:
            os.close(read)

    def release(self) -> None:
        """Lets the command begin."""
        with suppress(BrokenPipeError):  # the process was killed; its status will tell
            os.write(self._go, b"!")
        self.drop()

    def drop(self) -> None:
        """Ends the process if the command has not begun."""
        if self._go >= 0:
            os.close(self._go)
        self._go = -1


def _not_found(name: str) -> InvalidArgument:
    """Returns the error for a command that cannot be run."""
    places = [""] if os.path.dirname(name) else os.get_exec_path()
    for path in (os.path.join(place, name) for place in places):
        if os.path.isdir(path):
            if os.path.dirname(name):
                return CommandNotExecutable(f"{path}: it is a directory, not a command")
        elif os.path.exists(path):
            return CommandNotExecutable(f"{path}: it is not executable; chmod +x {path} makes it executable")
    return NoSuchCommand(f"{name}: there is no such command")


def capture_command(command: Sequence[str], *, popen: dict[str, Any] | None = None, **options: Any) -> Capture:
    """Captures what a command and its descendants send and receive, from their first call on.

    The command is ended at the end of the capture, if it still runs.

        with sockfilter.capture_command(["curl", "-s", url]) as capture:
            assert capture.process.wait(10) == 0
            exchange = capture.one(method="GET")

    Args:
        command: its words, as for subprocess.
        popen: further arguments of subprocess.Popen, such as stdout, env and cwd.
        options: arguments of capture(), except via, pid, comm and cgroup.

    Raises:
        NoSuchCommand: no command has that name.
        CommandNotExecutable: the command exists and may not be executed.
        SockfilterError: the capture is not possible. Each cause has a subclass.
    """
    from sockfilter.captures.capture import capture

    held = PausedCommand(command, **(popen or {}))
    try:
        made = capture(via="syscalls", pid=held.process.pid, **options)
    except BaseException:
        held.drop()
        held.process.wait()
        raise
    made.process = held.process
    held.release()
    return made
