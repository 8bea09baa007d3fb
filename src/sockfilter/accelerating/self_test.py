"""Tries each hazard over TCP and accelerated, in processes of their own, and compares what an application sees."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.accelerating.accelerator import Accelerator
from sockfilter.accelerating.group import OwnGroup
from sockfilter.accelerating.hazards import HAZARDS, UNREAD_BYTES, Hazard, Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# seconds for a hazard over TCP, on a busy machine
PLAIN_S = 60.0
# Seconds for it accelerated: this many times what TCP took, and no less than the least.
TIMES_MAX, LEAST_S = 10.0, 2.0
HANGS = "hangs"
ANSWER_BYTES_MAX = 4096
# pairs of runs whose rates are compared: the fewest that show how far they scatter, in less than a second
PAIRS = 3


class Tried(NamedTuple):
    """A hazard that was tried.

    Attributes:
        hazard: what was tried.
        plain, accelerated: what an application sees.
        ratio: how many times as fast it was accelerated.
        has_moved: whether bytes went past TCP.
    """

    hazard: Hazard
    plain: Seen
    accelerated: Seen
    ratio: float
    has_moved: bool

    @property
    def is_safe(self) -> bool:
        """Whether it was as over TCP."""
        if not self.has_moved or self.accelerated.words != self.plain.words:
            return False
        return self.accelerated.amount <= max(UNREAD_BYTES, 2 * self.plain.amount)


def tried(hazards: Sequence[Hazard] = HAZARDS) -> Iterator[Tried]:
    """Tries hazards, one after the other. The caller may stop.

    Raises:
        MissingCapability: rights are missing.
        KernelUnsupported: the kernel cannot accelerate.
    """
    with OwnGroup() as group, Accelerator(group.path, splices_fall_back=False) as accelerator:
        for hazard in hazards:
            plain, plain_s = _run(hazard, None, PLAIN_S)
            before = accelerator.counts.messages
            accelerated, accelerated_s = _run(hazard, group, max(LEAST_S, TIMES_MAX * plain_s))
            has_moved = accelerator.counts.messages > before or plain.words.startswith("no ")
            yield Tried(hazard, plain, accelerated, plain_s / accelerated_s, has_moved)


def first_fault(is_over: Callable[[], bool]) -> Tried | None:
    """Returns the first hazard that is not as over TCP. None: there is none. Raises what tried() raises.

    Args:
        is_over: whether to stop before all have been tried.
    """
    return next((one for one in tried() if not one.is_safe or is_over()), None)


def gains() -> list[float]:
    """Returns how many times as fast small requests on one connection are past TCP, in pairs of runs, the least first.

    Empty: one of the runs went wrong. Raises what tried() raises.
    """
    return sorted(one.ratio for one in tried(HAZARDS[:1] * PAIRS) if one.is_safe)


def _run(hazard: Hazard, group: OwnGroup | None, limit_s: float) -> tuple[Seen, float]:
    """Tries a hazard in a process of its own. Returns what an application sees, and the seconds it took."""
    read, write = os.pipe()
    go, begin = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(read)
            os.close(begin)
            _answer(hazard, go, write)
        finally:
            os._exit(0)
    os.close(write)
    os.close(go)
    try:
        if group is not None:
            group.add(pid)
        os.write(begin, b"!")
        began = time.monotonic()
        said = b""
        while (left := began + limit_s - time.monotonic()) > 0:
            if select.select([read], [], [], left)[0]:
                more = os.read(read, ANSWER_BYTES_MAX)
                if not more:
                    break
                said += more
        took_s = time.monotonic() - began
    finally:
        os.close(begin)
        os.close(read)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return (Seen(*json.loads(said)) if said else Seen(HANGS)), took_s


def _answer(hazard: Hazard, go: int, write: int) -> None:
    """Tries a hazard in this process, and writes what it sees."""
    os.setpgid(0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # the process that tests decides
    if not os.read(go, 1):
        return
    try:
        seen = hazard.run()
    except OSError as error:
        seen = Seen(errno.errorcode.get(error.errno or 0, str(error)))
    os.write(write, json.dumps(seen).encode())
