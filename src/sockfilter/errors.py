"""What can go wrong that the operator can do something about.

Every message says what was tried, what was found, and what to do. Traffic raises none of these.
"""

from __future__ import annotations

from typing import Any


class SockfilterError(Exception):
    """The root of every exception that sockfilter raises on purpose."""


class InvalidArgument(SockfilterError, ValueError):
    """An argument that cannot be meant: mend the call or the command line."""


class NoSuchCommand(InvalidArgument):
    """There is no command of that name to run."""


class CommandNotExecutable(InvalidArgument):
    """The command is there, and may not be executed."""


class NoSuchInterface(SockfilterError):
    """There is no interface of that name here: the message has the nearest names."""


class InterfaceDown(SockfilterError):
    """The interface carries nothing: bring it up first."""


class UnsupportedInterface(SockfilterError):
    """The interface's frames are of a kind that is not decoded live."""


class NamespaceError(SockfilterError):
    """The network namespace could not be entered: check its name, the process, and the rights."""


class CaptureFileError(SockfilterError):
    """A capture file cannot be read or written on: what came before was."""


class MissingCapability(SockfilterError, PermissionError):
    """The process may not capture: the message names the capability and ways to grant it."""


class KernelUnsupported(SockfilterError):
    """The kernel refused something that capturing cannot do without: Linux 5.8 or newer has it all."""


class ObjectError(SockfilterError):
    """The BPF object is missing, damaged, or was refused by the kernel; log has libbpf's own words."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(message)
        self.log = log


class LibbpfMissing(SockfilterError, ImportError):
    """The binding or the libbpf it needs is not installed."""


class BrokerError(SockfilterError):
    """The broker, which captures for processes without the rights, is not there or refuses."""


class BodyError(SockfilterError, ValueError):
    """A body cannot be read as asked: it was not kept whole, or is something else."""


class NotSeen(SockfilterError, ValueError):
    """An exchange lacks what this is made of: a half of it, or a body that was kept whole."""


class ExpectationFailed(SockfilterError, AssertionError):
    """What was expected did not cross the wire: the message has the nearest, and all that did.

    Attributes:
        summary: the same in one line; empty: the message's first.
        exchange: the Exchange to look at first: the nearest, or one too many. None: nothing crossed.
    """

    __module__ = "sockfilter"  # where it is imported from: pytest writes it before each message

    summary = ""
    exchange: Any = None  # the model is made of errors too: this cannot have its types


class Closed(SockfilterError):
    """The capture has ended: open another."""


class Busy(SockfilterError):
    """Something was called within emit that would take the next records before these: call it afterwards."""
