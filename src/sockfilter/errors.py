"""The exceptions of sockfilter: errors that the user can do something about.

Every message says what was tried, what was found, and what to do. Traffic never raises an exception.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any


class SockfilterError(Exception):
    """The base class of every exception that sockfilter raises on purpose."""


class InvalidArgument(SockfilterError, ValueError):
    """An argument is invalid. Correct the call or the command line."""


class NoSuchCommand(InvalidArgument):
    """There is no command of that name."""


class CommandNotExecutable(InvalidArgument):
    """The command exists, but it is not executable."""


class NoSuchInterface(SockfilterError):
    """There is no interface of that name. The message lists similar names."""


class InterfaceDown(SockfilterError):
    """The interface is down. Bring it up first."""


class InterfaceGone(SockfilterError):
    """The interface was deleted while packets were counted."""


class UnsupportedInterface(SockfilterError):
    """The interface has a link type that sockfilter cannot capture live."""


class NamespaceError(SockfilterError):
    """The network namespace could not be entered. Check its name, the process, and the rights."""


class CaptureFileError(SockfilterError):
    """A capture file cannot be read or written any further. Everything before the error was."""


class MissingCapability(SockfilterError, PermissionError):
    """The process has no right to capture. The message names the missing capability and ways to grant it."""


class KernelUnsupported(SockfilterError):
    """The kernel refused something that capturing needs. Linux 5.8 and later versions have everything."""


class TooManyOpenFiles(SockfilterError):
    """The process, or the machine, has as many open files as it may. Close some, or raise the limit: ulimit -n."""


class ObjectError(SockfilterError):
    """The BPF object is missing or damaged, or the kernel refused it. log has the messages of libbpf."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class LibbpfMissing(SockfilterError, ImportError):
    """The Python binding of libbpf, or libbpf itself, is not installed."""


class BrokerError(SockfilterError):
    """The broker, which captures for processes without rights, is not running, or it refused the request."""


class BodyError(SockfilterError, ValueError):
    """A body cannot be used in this way: it was not kept whole, or it has another type."""


class NotSeen(SockfilterError, ValueError):
    """A part of an exchange that is needed was not seen, such as one of its halves."""


class ExpectationFailed(SockfilterError, AssertionError):
    """The expected exchanges did not cross the wire. The message shows the nearest exchange, and lists all.

    Attributes:
        summary: the message in one line; if empty, the first line of the message is used.
        exchange: the Exchange to look at first: the nearest one, or one too many. None if there was no exchange.
    """

    __module__ = "sockfilter"  # pytest prints it before each message, and users import the class from there

    summary = ""
    exchange: Any = None  # Any, because the model imports this module


class Closed(SockfilterError):
    """The capture has ended. Open a new one."""


class Busy(SockfilterError):
    """A call within emit would read further records before the present ones. Call it after emit has returned."""


# the errors of a process, and of a machine, that has as many open files as it may
FILE_LIMITS = (errno.EMFILE, errno.ENFILE)
RAISE_FILE_LIMIT = "close some files, or raise the limit: ulimit -n"


def refused(
    tried: str, number: int | None, found: str | None, remedy: str = "", kind: type[SockfilterError] = KernelUnsupported
) -> SockfilterError:
    """Returns the error of something that the kernel refused.

    Args:
        tried: what was tried.
        number: the number of the kernel's error. A limit of open files is an error and has a remedy of its own.
        found: what any other error is in words.
        remedy: what to do about any other error.
        kind: the class of any other error.
    """
    if number in FILE_LIMITS:
        return TooManyOpenFiles(f"{tried}: {os.strerror(number)}; {RAISE_FILE_LIMIT}")
    return kind(f"{tried}: {found}; {remedy}" if remedy else f"{tried}: {found}")


def installing(extra: str) -> str:
    """Returns the command that installs an extra of sockfilter for this Python."""
    return f"{pip()} install 'sockfilter[{extra}]'"


def pip() -> str:
    """Returns the command that runs the pip of this Python.

    In a virtual environment it names the interpreter: with sudo, or in another shell, pip alone is the system's.
    """
    return "pip" if sys.prefix == sys.base_prefix else f"{sys.executable} -m pip"


def first_line(error: BaseException) -> str:
    """Returns the first line of what an error of another package says; its class if it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
