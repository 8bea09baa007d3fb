"""Captures to a dataset: the work of one task."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.archive.dataset import Dataset, need_pyarrow
from sockfilter.archive.naming import name_of_files
from sockfilter.captures.file import open_file
from sockfilter.captures.wanted import ALL
from sockfilter.errors import CaptureFileError
from sockfilter.model.policy import BodyPolicy
from sockfilter.outputs.fan import Fan, Member, Wants

if TYPE_CHECKING:
    from sockfilter.archive.groups import FileGroup
    from sockfilter.archive.output import ParquetOutput
    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.model.lines import Lines

# Seconds to wait for more of a file that is still being written.
WAIT_S = 1.0


class Addition(NamedTuple):
    """What became of one group of files.

    Attributes:
        name: the name of the capture in the dataset.
        ledger: the counters.
        rows, bytes: those that were written.
        bad: a line for each file that could not be read whole. What came before the damage is in the dataset.
    """

    name: str
    ledger: Ledger
    rows: int
    bytes: int
    bad: tuple[str, ...]


class DatasetMember(Member):
    """A dataset as a member of a fan.

    Args:
        output: the dataset's output.
    """

    name = "dataset"
    wants = Wants.EXCHANGES | Wants.MESSAGES

    def __init__(self, output: ParquetOutput) -> None:
        self._output = output

    @property
    def lines(self) -> Lines | None:
        """The receiver of lines that the lane has written."""
        return self._output.lines

    def write(self, exchange: Exchange) -> None:
        """Adds an exchange. Raises CaptureFileError."""
        self._output.write(exchange)

    def write_message(self, message: StreamMessage) -> None:
        """Adds a message. Raises CaptureFileError."""
        self._output.write_message(message)

    def flush(self) -> None:
        """Collects what was written. Raises CaptureFileError."""
        self._output.flush()

    def close(self) -> None:
        """Writes the rest, and finishes the files. Raises CaptureFileError."""
        self._output.close()


def write_dataset(
    group: FileGroup,
    directory: str,
    *,
    body: int | None = 0,
    show_secrets: bool = False,
    keylog: str | None = None,
) -> Addition:
    """Reads a group of capture files and adds what is in them to a dataset.

    It may be repeated, also by another process at the same time: the files of the dataset that it has made before get
    the same contents, and no row is doubled.

    Args:
        group: the files, as groups_of() returns them.
        directory: the directory of the dataset. It is created.
        body: the number of bytes to keep of each body. 0: no bodies. None: all.
        show_secrets: whether to show secrets instead of masking them.
        keylog: a key log of TLS.

    Raises:
        InvalidArgument: pyarrow is not installed, or the directory holds something else.
        CaptureFileError: no file can be opened, or the dataset cannot be written.
    """
    need_pyarrow()
    from sockfilter.archive.output import ParquetOutput

    try:
        name = name_of_files(group.paths)
    except OSError as error:
        raise CaptureFileError(f"reading {error.filename}: {error.strerror}") from error
    output = ParquetOutput(Dataset(directory), name, bodies=body != 0, show_secrets=show_secrets)
    fan = Fan(DatasetMember.wants, lambda: [DatasetMember(output)])
    policy = BodyPolicy(ALL if body is None else body)
    first, *others = group.paths
    bad: list[str] = []
    with closing(open_file(first, policy=policy, outputs=fan, keylog=keylog, others=others)) as capture:
        while not capture.source.is_over:
            if not capture.pump():
                capture.wait(WAIT_S)
            fan.flush()
            bad += map(str, capture.source.changes)
            capture.source.changes.clear()
        capture.close()
        if capture.source.damage is not None and not others:
            bad.append(str(capture.source.damage))
    return Addition(name, capture.ledger, output.row_count, output.byte_count, tuple(bad))
