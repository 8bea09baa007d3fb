"""The work of one task: it runs in a process of a cluster, on any machine."""

from __future__ import annotations

import os
import time
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sockfilter.archive.convert import write_dataset
from sockfilter.archive.dataset import MARK
from sockfilter.archive.groups import FileGroup
from sockfilter.archive.ledgers import plain
from sockfilter.batch.places import fetched, is_remote
from sockfilter.errors import SockfilterError


class Keep(NamedTuple):
    """What to keep of exchanges, as for write_dataset()."""

    body: int | None = 0
    show_secrets: bool = False
    keylog: str | None = None


def convert(files: tuple[str, ...], directory: str, keep: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Writes one capture to a dataset. It may be repeated, and may run twice at the same time.

    Args:
        files: paths, or URLs, of the files of the capture in order.
        directory: the directory of the dataset, which exists.
        keep: the values of Keep.

    Returns what became of it, as values of JSON: "bad" has a line for each failure, and "name", "rows" and "ledger" are
    absent if nothing was read. What raises is an error of the machine, so that another try may succeed.
    """
    began_s = time.thread_time()
    told: dict[str, Any] = {"files": list(files), "rows": 0, "bytes": 0, "read": 0, "bad": []}
    try:
        if not os.path.exists(os.path.join(directory, MARK)):
            machine = os.uname().nodename
            raise SockfilterError(f"{machine} does not see the directory {directory}: mount it on each machine")
        with TemporaryDirectory(prefix="sockfilter-") as folder:
            paths = fetched(files, folder) if is_remote(files[0]) else list(files)
            told["read"] = sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
            done = write_dataset(FileGroup(tuple(paths)), directory, **Keep(*keep)._asdict())
        told.update(name=done.name, rows=done.rows, bytes=done.bytes, bad=list(done.bad), ledger=plain(done.ledger))
    except SockfilterError as error:
        told["bad"] = [str(error)]
    told["cpu_s"] = time.thread_time() - began_s
    return told
