"""The captures of an archive, spread over a cluster; what became of each."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from sockfilter.archive.ledgers import empty, from_plain
from sockfilter.archive.naming import capture_of_hidden
from sockfilter.batch.task import convert
from sockfilter.errors import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sockfilter.batch.task import Keep
    from sockfilter.ledger import Ledger

# Tasks for each thread of the cluster that are with the scheduler. More would only wait there.
AHEAD = 4
# Tries of a task that an error of its machine has ended. A worker that dies is not one: Dask repeats its tasks, and
# gives a task up with which four workers have died (distributed.scheduler.allowed-failures).
RETRIES = 2
# Seconds between two looks at whether the end was requested.
LOOK_S = 0.5


class Outcome(NamedTuple):
    """What became of one capture.

    Attributes:
        files: its files, in order.
        name: its name in the dataset. Empty: nothing was written.
        rows, bytes: those that were written.
        read: bytes of the files.
        cpu_s: seconds of one processor.
        bad: why it failed, or which of its files could not be read whole; what came before the damage was written.
        ledger: the counters.
    """

    files: tuple[str, ...]
    name: str
    rows: int
    bytes: int
    read: int
    cpu_s: float
    bad: tuple[str, ...]
    ledger: Ledger


def outcomes(
    client: Any, tasks: Sequence[tuple[str, ...]], directory: str, keep: Keep, is_ending: Callable[[], bool]
) -> Iterator[Outcome]:
    """Has the tasks done, and yields what became of each when it has ended.

    Args:
        client: a client of Dask.
        tasks: the files of each capture.
        directory: the directory of the dataset, as the workers see it.
        keep: what to keep.
        is_ending: whether to end now. Tasks that have not ended are cancelled, and not yielded.
    """
    from distributed import wait

    waiting = iter(tasks)
    begun: dict[Any, tuple[str, ...]] = {}
    while not is_ending():
        room = AHEAD * max(1, sum(client.nthreads().values())) - len(begun)
        for _, files in zip(range(room), waiting, strict=False):
            begun[client.submit(convert, files, directory, tuple(keep), pure=False, retries=RETRIES)] = files
        if not begun:
            return
        with suppress(TimeoutError):
            ended, _ = wait(list(begun), timeout=LOOK_S, return_when="FIRST_COMPLETED")
            for future in ended:
                yield _outcome(future, begun.pop(future))
    client.cancel(list(begun))


def _outcome(future: Any, files: tuple[str, ...]) -> Outcome:
    error = future.exception()
    if error is not None:
        said = first_line(error)
        if type(error).__name__ == "KilledWorker":
            said = "each worker that began it has died; it may take more memory than they have"
        return Outcome(files, "", 0, 0, 0, 0.0, (f"reading {files[0]}: {said}",), empty())
    told = future.result()
    ledger = from_plain(told["ledger"]) if "ledger" in told else empty()
    bad = tuple(map(str, told["bad"]))
    return Outcome(files, told.get("name", ""), told["rows"], told["bytes"], told["read"], told["cpu_s"], bad, ledger)


def clean(directory: str, names: set[str]) -> None:
    """Removes the unfinished files that workers left when they died.

    Args:
        directory: the directory of the dataset.
        names: names of captures that nobody writes any more.
    """
    for folder, _, files in os.walk(directory):
        for file in files:
            if capture_of_hidden(file) in names:
                with suppress(OSError):
                    os.unlink(os.path.join(folder, file))
