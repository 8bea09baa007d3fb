"""sockfilter batch: an archive of captures to a dataset, by the workers of a Dask cluster."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from sockfilter.archive.ledgers import empty, summed
from sockfilter.cli import subcommand, values
from sockfilter.cli.descriptors import say
from sockfilter.cli.ending import FAILED, OK
from sockfilter.cli.stdout import StandardOutput
from sockfilter.cli.summary import summary
from sockfilter.cli.values import JSONL
from sockfilter.errors import InvalidArgument
from sockfilter.escape import printable
from sockfilter.forms.sizes import count_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from sockfilter.batch.run import Outcome
    from sockfilter.cli.signals import Signals

TEXT = "text"
DESCRIPTION = """\
Writes the exchanges in many capture files to a dataset of Parquet files, each capture by a worker of a Dask cluster.
Files that are parts of one rotated capture are read by one worker. If a worker dies, another one repeats what it was
doing; no row is written twice. Prints a line for each capture, and exits with 1 if one failed.
"""
EPILOG = """\
examples:
  sockfilter batch captures/ -o dataset                     all processors of this machine
  sockfilter batch --scheduler tcp://10.0.0.7:8786 '/nfs/2026-11/*.pcap.gz' -o /nfs/dataset
  sockfilter batch --scheduler tcp://10.0.0.7:8786 s3://archive/2026-11/ -o /nfs/dataset

exit status: 0 all captures were read; 1 one was not, or not whole; 2 the command line is invalid.
"""
MEBIBYTE = 1 << 20


def get_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = subcommand.parser("batch", DESCRIPTION, EPILOG)
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="capture files, directories, patterns in quotes, and URLs of these"
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="the dataset; each worker must see this directory")
    where = parser.add_argument_group("where to work")
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="the scheduler of a cluster: tcp://HOST:8786, tls://HOST:8786"
    )
    where.add_argument(
        "--workers",
        type=lambda text: values.number(text, 1, "the number of workers"),
        metavar="N",
        help="without --scheduler: workers on this machine (one for each processor)",
    )
    where.add_argument(
        "--task-size",
        type=lambda text: values.number(text, 1, "the size of a task in MiB"),
        metavar="MIB",
        help="divide rotated captures that are larger; exchanges at the borders lack a half (no limit)",
    )
    how = parser.add_argument_group("what to write")
    how.add_argument("--body", type=values.body, default=0, metavar="N|all", help="bytes to keep of each body (0)")
    how.add_argument("--keylog", metavar="FILE", help="open TLS with this key log, which each worker must see")
    how.add_argument("--show-secrets", action="store_true", help="do not mask secrets")
    how.add_argument("--format", choices=(TEXT, JSONL), default=TEXT, help="the report: lines of text, or JSON lines")
    how.add_argument("-q", "--quiet", action="store_true", help="report failures alone, and no summary")
    return parser


def run(words: list[str], signals: Signals) -> int:
    """Reads an archive. Returns the exit status. Raises SockfilterError and OSError."""
    options = subcommand.parsed(get_parser(), words)
    if isinstance(options, int):
        return options
    if not options.files:
        raise InvalidArgument(
            "which captures? Name files, directories, patterns or URLs: sockfilter batch FILE ... -o DIR"
        )
    if not options.output:
        raise InvalidArgument("where to? Name the directory of the dataset: -o DIR")
    if options.scheduler is not None and options.workers is not None:
        raise InvalidArgument("--workers starts workers on this machine, and --scheduler has its own: use one of them")
    from sockfilter.archive.dataset import Dataset, need_pyarrow
    from sockfilter.batch.cluster import connected
    from sockfilter.batch.places import is_remote, tasks_of
    from sockfilter.batch.run import clean, outcomes
    from sockfilter.batch.task import Keep

    need_pyarrow()
    if is_remote(options.output):
        raise InvalidArgument(f"-o {options.output}: a dataset is a directory; copy it when the batch has ended")
    most = None if options.task_size is None else options.task_size * MEBIBYTE
    tasks = [
        tuple(each if is_remote(each) else os.path.abspath(each) for each in files)
        for files in tasks_of(options.files, most)
    ]
    directory = Dataset(os.path.abspath(options.output)).path
    keylog = None if options.keylog is None else os.path.abspath(options.keylog)
    report = BatchReport(options, len(tasks))
    with connected(options.scheduler, options.workers or min(len(tasks), len(os.sched_getaffinity(0)))) as client:
        report.begin(sum(client.nthreads().values()))
        keep = Keep(options.body, options.show_secrets, keylog)
        for outcome in outcomes(client, tasks, directory, keep, lambda: signals.end_asked):
            report.add(outcome)
    clean(directory, report.names)
    return report.end()


class BatchReport:
    """Prints what became of each capture, and of all.

    Args:
        options: the options.
        count: the number of captures.
    """

    def __init__(self, options: argparse.Namespace, count: int) -> None:
        self._is_quiet, self._is_json, self._output = options.quiet, options.format == JSONL, options.output
        self._sink = StandardOutput()
        self._count = count
        self._ended = self._failed = self._rows = self._read = self._written = 0
        self._cpu_s = 0.0
        self._ledger = empty()
        self._began_s = time.monotonic()
        self.names: set[str] = set()

    def begin(self, threads: int) -> None:
        """Says what is about to happen."""
        if not self._is_quiet:
            say(f"reading {count_text(self._count, 'capture')}, {min(threads, self._count)} at a time; Ctrl-C ends")

    def add(self, outcome: Outcome) -> None:
        """Prints the line of a capture. Raises OutputError and BrokenPipeError."""
        import json

        self._ended += 1
        self._failed += bool(outcome.bad)
        self._rows += outcome.rows
        self._read += outcome.read
        self._written += outcome.bytes
        self._cpu_s += outcome.cpu_s
        self._ledger = summed((self._ledger, outcome.ledger))
        if outcome.name:
            self.names.add(outcome.name)
        if outcome.bad or not self._is_quiet:
            line = json.dumps(_members(outcome)) if self._is_json else _text(outcome)
            self._sink.write(f"{line}\n".encode("utf-8", "backslashreplace"))

    def end(self) -> int:
        """Says what became of all. Returns the exit status."""
        left = self._count - self._ended
        if not self._is_quiet:
            if self._ended:
                say(summary(self._ledger, self._rows))
            took_s = time.monotonic() - self._began_s
            words = f"{count_text(self._ended - self._failed, 'capture')} done, {self._failed} failed"
            if left:
                words += f", {left} not done: the same command goes on"
            say(
                f"{words}; {count_text(self._rows, 'row')}, {self._written / MEBIBYTE:.1f} MiB, in {self._output}; "
                f"read {self._read / MEBIBYTE:.1f} MiB in {took_s:.1f} s, with {self._cpu_s:.1f} s of processors"
            )
        return FAILED if self._failed or left else OK


def _members(outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": "capture",
        "capture": outcome.name or None,
        "files": list(outcome.files),
        "rows": outcome.rows,
        "bytes_read": outcome.read,
        "bytes_written": outcome.bytes,
        "cpu": round(outcome.cpu_s, 3),
        "failed": list(outcome.bad),
    }


def _text(outcome: Outcome) -> str:
    said = _files(outcome.files)
    if not outcome.bad:
        return f"done    {said}: {outcome.rows} rows"
    reasons = "; ".join(map(printable, outcome.bad))
    return f"failed  {said}: {reasons}" + (f"; {outcome.rows} rows before it" if outcome.rows else "")


def _files(files: Sequence[str]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return printable(files[0]) + more
