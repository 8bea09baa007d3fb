"""The files of a table. Each is written under another name, and gets its own when it is whole."""

from __future__ import annotations

import os
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from sockfilter.archive import naming, schema
from sockfilter.archive.columns import columns_of
from sockfilter.archive.dataset import FILE_MODE, failed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.archive.dataset import Dataset

# Bytes of a file after which the next one begins: readers take a file of this size per thread.
PART_BYTES = 256 << 20
# Dates with an open file. Captures cross midnight; a file with times of many days has its files closed early.
OPEN_MAX = 4
COMPRESSION = "zstd"
# The partition of rows without a time, as Hive names it; readers give null.
NO_DATE = "__HIVE_DEFAULT_PARTITION__"


class PartFile:
    """A file that is being written."""

    def __init__(self, dataset: Dataset, path: str, columns: pa.Schema) -> None:
        self.path = path
        self._dataset = dataset
        self._hidden = naming.hidden(path)
        self.row_count = self.byte_count = 0
        fd = os.open(self._hidden, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        self._file = open(fd, "wb")  # noqa: SIM115  # finish() and drop() close it
        dataset.give(self._hidden)
        self._writer = parquet.ParquetWriter(self._file, columns, compression=COMPRESSION)

    def add(self, rows: pa.Table) -> None:
        """Writes a row group."""
        self._writer.write_table(rows, row_group_size=max(1, rows.num_rows))
        self.row_count += rows.num_rows
        self.byte_count = self._file.tell()

    def finish(self) -> None:
        """Gives the file its name."""
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self.byte_count = self._file.tell()
        self._file.close()
        os.replace(self._hidden, self.path)

    def drop(self) -> None:
        """Removes the file."""
        with suppress(OSError, pa.ArrowException):
            self._writer.close()
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self._hidden)


class Parts:
    """The files of one table, by date.

    Args:
        dataset: the dataset.
        table: the name of the table.
        prefix: begins the names of the files. The same rows in the same order give the same files.
        part_bytes: bytes of a file after which the next one begins.

    Attributes:
        row_count, byte_count: those in files that are whole.
    """

    def __init__(self, dataset: Dataset, table: str, prefix: str, part_bytes: int = PART_BYTES) -> None:
        self._dataset, self._table, self._prefix, self._part_bytes = dataset, table, prefix, part_bytes
        self._columns = schema.tables()[table].columns
        self._open: dict[str, PartFile] = {}
        self._counts: dict[str, int] = {}  # files begun, by date
        self.row_count = self.byte_count = 0

    def add(self, rows: pa.Table) -> None:
        """Adds rows to the files of their dates. Raises CaptureFileError."""
        try:
            for date, some in _by_date(rows):
                part = self._part(date)
                part.add(some)
                if part.byte_count >= self._part_bytes:
                    self._finish(date)
        except (OSError, pa.ArrowException) as error:
            raise self._failed(error) from error

    def finish_open(self) -> None:
        """Finishes the files that are open. Raises CaptureFileError."""
        try:
            for date in list(self._open):
                self._finish(date)
        except (OSError, pa.ArrowException) as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Finishes all files, and removes those of an earlier run that had more. Raises CaptureFileError."""
        self.finish_open()
        try:
            self._remove_replaced()
        except OSError as error:
            raise self._failed(error) from error

    def drop(self) -> None:
        """Removes the files that are not whole."""
        while self._open:
            self._open.popitem()[1].drop()

    def _part(self, date: str) -> PartFile:
        part = self._open.pop(date, None)
        if part is None:
            while len(self._open) >= OPEN_MAX:
                self._finish(next(iter(self._open)))
            folder = os.path.join(self._dataset.path, self._table)
            self._dataset.make_directory(folder)
            folder = os.path.join(folder, f"date={date}")
            self._dataset.make_directory(folder)
            number = self._counts[date] = self._counts.get(date, 0) + 1
            path = os.path.join(folder, naming.name_of_part(self._prefix, number))
            part = PartFile(self._dataset, path, self._columns)
        self._open[date] = part  # the one used last is the last
        return part

    def _finish(self, date: str) -> None:
        part = self._open.pop(date)
        try:
            part.finish()
        except BaseException:
            part.drop()
            raise
        self.row_count += part.row_count
        self.byte_count += part.byte_count

    def _remove_replaced(self) -> None:
        for folder in self._dataset.partitions(self._table):
            count = self._counts.get(os.path.basename(folder).removeprefix("date="), 0)
            for entry in os.listdir(folder):
                number = naming.number_of_part(self._prefix, entry)
                if number is not None and number > count:
                    os.unlink(os.path.join(folder, entry))

    def _failed(self, error: OSError | pa.ArrowException) -> Exception:
        self.drop()
        return failed(self._dataset.path, error if isinstance(error, OSError) else OSError(str(error)))


def rehearse() -> None:
    """Writes an empty line of each table to memory, so that libraries import and open now what they need later.

    A command that has given up its rights may not be able to.
    """
    for name, table in schema.tables().items():
        rows = columns_of(name, b"{}\n", "")
        with parquet.ParquetWriter(BytesIO(), table.columns, compression=COMPRESSION) as writer:
            for _, some in _by_date(rows):
                writer.write_table(some)


def _by_date(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yields the rows of each date."""
    dates = pc.strftime(rows["time"], format="%Y-%m-%d")
    different = pc.unique(dates).to_pylist()
    for date in different:
        is_of_date = pc.is_null(dates) if date is None else pc.equal(dates, pa.scalar(date))
        yield date or NO_DATE, rows if len(different) == 1 else rows.filter(is_of_date)
