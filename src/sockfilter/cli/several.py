"""Several capture files: -r FILE|DIRECTORY|PATTERN ..., and --jobs."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

from sockfilter.archive.groups import FileGroup, groups_of
from sockfilter.archive.paths import PATTERN, captures_in
from sockfilter.captures.archive import is_archive
from sockfilter.cli.arguments import PARQUET, TEXT
from sockfilter.cli.values import JSONL
from sockfilter.errors import CaptureFileError, InvalidArgument
from sockfilter.outputs.capture_file import is_that_file, over_itself
from sockfilter.sources.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.cli.arguments import Options
    from sockfilter.cli.jobs import CaptureRun
    from sockfilter.cli.signals import Signals
    from sockfilter.cli.stdout import StandardOutput

# Formats in which what is shown of one capture does not depend on the others.
SEPARATE = (TEXT, "raw", JSONL, "curl", PARQUET)


def is_several(options: Options) -> bool:
    """Whether the options ask for more than one file."""
    path = options.read
    if path is None:
        return False
    is_place = os.path.isdir(path) or (PATTERN.search(path) is not None and not os.path.lexists(path))
    return bool(options.others) or is_place or options.jobs > 1


def run(
    options: Options,
    signals: Signals,
    sink: StandardOutput,
    reader: Callable[[Options, Signals, StandardOutput], CaptureRun],
) -> int:
    """Reads the files. reader: makes what reads one capture.

    Returns the exit status. Raises the same errors as plan().
    """
    groups = plan(options)
    if len(groups) == 1:
        first, *others = groups[0].paths
        return reader(options._replace(read=first, others=tuple(others)), signals, sink).run()
    if options.output is not None:
        from sockfilter.cli import dataset  # imports pyarrow, once for all processes

        dataset.check(options.output)
    from sockfilter.cli.jobs import Jobs

    return Jobs(options, groups, signals, sink, reader).run()


def plan(options: Options) -> list[FileGroup]:
    """Finds the files, and which of them are one capture.

    Raises:
        CaptureFileError: there are none.
        InvalidArgument: an option shows all of them together, and cannot do so.
    """
    assert options.read is not None  # is_several() has checked it
    paths = captures_in([options.read, *options.others])
    for path in paths:
        status = os.stat(path) if options.write not in (None, "-") and os.path.exists(path) else None
        if status is not None and is_that_file(options.write or "", (status.st_dev, status.st_ino)):
            raise CaptureFileError(over_itself(options.write or ""))
    if "-" in paths and len(paths) > 1:
        raise InvalidArgument("-r -: standard input cannot be read beside other files")
    if together := _together(options):
        if options.jobs > 1:
            raise InvalidArgument(f"{together} shows all files together, which one process reads: remove --jobs")
        if len(paths) > 1 and any(map(is_archive, paths)):
            raise InvalidArgument(f"{together} shows all files together, which is not possible with HAR files")
        return [FileGroup(tuple(paths))]
    return groups_of(paths)


def open_all(source: object) -> None:
    """Opens all files of a capture, while there are rights to. Raises CaptureFileError: too many are open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if isinstance(source, FileSource):
        source.open_all()


def _together(options: Options) -> str:
    """Returns the option that makes one thing of all files. Empty: there is none."""
    found = {
        "--stats": options.stats,
        "--tree": options.tree,
        "--web": options.web is not None,
        "-w": options.write is not None,
        "-c": options.count is not None,
        "--duration": options.duration_s is not None,
        f"--format {options.format}": options.format not in SEPARATE,
    }
    return next((option for option, is_given in found.items() if is_given), "")
