"""Exchanges to a dataset of Parquet files: --format parquet -o DIR."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sockfilter.archive import dataset
from sockfilter.archive.dataset import Dataset, need_pyarrow

if TYPE_CHECKING:
    from sockfilter.archive.output import ParquetOutput
    from sockfilter.cli.arguments import Options

# Seconds after which a file of a live capture is whole, unless it is large before. What kill -9 can lose.
LIVE_S = 60.0


def output(options: Options, owner: tuple[int, int] | None) -> ParquetOutput:
    """Returns the output for the options, and creates its directory. owner: of new files; None: this process's.

    Raises:
        InvalidArgument: pyarrow is not installed, or the directory holds something else.
        CaptureFileError: the directory cannot be written to.
    """
    need_pyarrow()
    from sockfilter.archive import naming
    from sockfilter.archive.output import ParquetOutput
    from sockfilter.archive.parts import rehearse

    rehearse()
    assert options.output is not None  # the parser has checked it
    paths = [] if options.read is None else [options.read, *options.others]
    is_file = bool(paths) and all(map(os.path.isfile, paths))
    name = naming.name_of_files(paths) if is_file else naming.name_of_now()
    return ParquetOutput(
        Dataset(options.output, owner),
        name,
        bodies=options.has_body,
        show_secrets=options.show_secrets,
        seconds=None if is_file else LIVE_S,
    )


def check(path: str) -> None:
    """Checks a directory, and imports what writes the dataset, before other processes do. Raises the same errors."""
    need_pyarrow()
    from sockfilter.archive import output  # noqa: F401

    dataset.check(path)


def folder(path: str) -> str:
    """Returns the directory whose rights decide whether the dataset can be written: its own, else the one above."""
    return path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path))
