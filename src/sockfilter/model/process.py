"""Who has an end of a connection."""

from __future__ import annotations

from typing import NamedTuple

# exchanges of a connection for which an end that is not known is looked up again
LOOKS_MAX = 4


class Process(NamedTuple):
    """A process as it was when it connected, or first received. None: not known.

    Attributes:
        pid: by the numbers of the process namespace that looks; where it is not seen from there, the kernel's.
        inner_pid: by those of its own namespace.
        comm: the kernel's short name of it, 15 bytes at most; its first thread's.
        exe: the file that it runs, as its own mount namespace has it.
        cmdline: its arguments, the program among them; of long ones, the beginning.
        uid: its user, by number.
        container: the id of the container that its control group is named after.
        pod: the uid of the Kubernetes pod.
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


# by the ends of a connection
NOBODY: tuple[Process | None, Process | None] = (None, None)


class ConnectionProcesses:
    """What is known of a connection's ends.

    Attributes:
        processes: by its ends.
        reasons: what the ledger calls it, by its ends.
        looks_left: exchanges for which it is looked up.
        handovers: how often ends of any connection had changed hands when it was looked up last.
    """

    __slots__ = ("handovers", "looks_left", "processes", "reasons")

    def __init__(self) -> None:
        self.processes = NOBODY
        self.reasons = ("", "")
        self.looks_left = LOOKS_MAX
        self.handovers = 0
