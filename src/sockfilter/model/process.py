"""The processes at the ends of a connection."""

from __future__ import annotations

from typing import NamedTuple

# exchanges of a connection for which an unknown end is looked up again
LOOKS_MAX = 4


class Process(NamedTuple):
    """A process as it was when it connected or first received. A field that is not known is None.

    Attributes:
        pid: its number in sockfilter's PID namespace; if it has none there, its number in the initial namespace.
        inner_pid: its number in its own PID namespace.
        comm: its name in the kernel, at most 15 bytes: that of its first thread.
        exe: the path of its executable, in its own mount namespace.
        cmdline: its arguments, including the program; a long command line is cut.
        uid: the number of its user.
        container: the id of its container, from the name of its control group.
        pod: the uid of its Kubernetes pod.
    """

    pid: int
    inner_pid: int
    comm: str
    exe: str | None = None
    cmdline: tuple[str, ...] | None = None
    uid: int | None = None
    container: str | None = None
    pod: str | None = None

    def __str__(self) -> str:
        return f"{self.comm}[{self.pid}]"


# one entry per end of a connection
NOBODY: tuple[Process | None, Process | None] = (None, None)


class ConnectionProcesses:
    """The processes at a connection's ends, as far as they are known.

    Attributes:
        processes: one entry per end.
        reasons: the ledger's name for the result, one entry per end.
        looks_left: the number of exchanges for which unknown ends will still be looked up.
        handovers: the number of times that an end of any connection had changed its process at the last lookup.
    """

    __slots__ = ("handovers", "looks_left", "processes", "reasons")

    def __init__(self) -> None:
        self.processes = NOBODY
        self.reasons = ("", "")
        self.looks_left = LOOKS_MAX
        self.handovers = 0
