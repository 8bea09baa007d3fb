"""Exchanges and messages to a dataset, through the JSON lines that the lane writes too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sockfilter.archive.columns import columns_of
from sockfilter.archive.parts import PART_BYTES, Parts
from sockfilter.archive.schema import EXCHANGES, MESSAGES, tables
from sockfilter.forms.json_values import ENCODE
from sockfilter.forms.message_dict import message_dict
from sockfilter.outputs.jsonl import JsonOutput

if TYPE_CHECKING:
    from sockfilter.archive.dataset import Dataset
    from sockfilter.model import StreamMessage

# Bytes of JSON lines that become one row group: some 30 000 exchanges. Writing them takes 4 to 5 times as much memory.
GROUP_BYTES = 32 << 20


class Rows:
    """Collects the lines of one table until they are a row group.

    Groups end after the same lines however the lines come in, so that the same lines make the same files.

    Args:
        table: the name of the table.
        parts: its files.
        capture: the value of the column that names the capture.
        group_bytes: bytes of the lines of one row group.
    """

    def __init__(self, table: str, parts: Parts, capture: str, group_bytes: int = GROUP_BYTES) -> None:
        self._table, self._parts, self._capture, self._group_bytes = table, parts, capture, group_bytes
        self._lines: list[bytes] = []
        self._size = 0
        self._began_s: float | None = None  # when the first line came that is not in a whole file

    def write(self, data: memoryview, /) -> int:
        """Adds lines, or a part of one. Raises CaptureFileError."""
        rest = bytes(data)
        while self._size + len(rest) >= self._group_bytes:
            end = rest.find(b"\n", max(0, self._group_bytes - self._size - 1)) + 1
            if not end:
                break
            self._add(rest[:end])
            self.write_group()
            rest = rest[end:]
        self._add(rest)
        return len(data)

    def _add(self, data: bytes) -> None:
        if data:
            self._began_s = self._began_s or time.monotonic()
            self._lines.append(data)
            self._size += len(data)

    def write_group(self) -> None:
        """Writes what was collected, which ends with a line. Raises CaptureFileError."""
        if self._lines:
            lines = b"".join(self._lines)
            self._lines, self._size = [], 0
            self._parts.add(columns_of(self._table, lines, self._capture))

    def finish_old(self, seconds: float) -> None:
        """Finishes the files if their first line came before so many seconds. Raises CaptureFileError."""
        if self._began_s is not None and time.monotonic() - self._began_s >= seconds:
            self._began_s = None
            self.write_group()
            self._parts.finish_open()


class ParquetOutput(JsonOutput):
    """Writes exchanges and messages to a dataset.

    The library's use, for exchanges of read() or of a capture:

        with closing(ParquetOutput(Dataset("web"), "monday")) as output:
            for exchange in sockfilter.read("monday.pcapng"):
                output.write(exchange)

    If it is not closed, the files that are whole remain, and the others have hidden names.

    Args:
        dataset: the dataset.
        prefix: names the capture: in the column "capture", and at the beginning of the files' names. What an earlier
            run has written with the same prefix is replaced.
        bodies: whether to write what was kept of bodies.
        show_secrets: whether to show secrets instead of masking them.
        seconds: seconds after its first row when a file ends. None: when it is large enough.
        part_bytes: bytes of a file after which the next one begins.
        group_bytes: bytes of JSON lines that make one row group.
    """

    def __init__(
        self,
        dataset: Dataset,
        prefix: str,
        *,
        bodies: bool = False,
        show_secrets: bool = False,
        seconds: float | None = None,
        part_bytes: int = PART_BYTES,
        group_bytes: int = GROUP_BYTES,
    ) -> None:
        self._files = {table: Parts(dataset, table, prefix, part_bytes) for table in tables()}
        self._rows = {table: Rows(table, parts, prefix, group_bytes) for table, parts in self._files.items()}
        self._seconds = seconds
        super().__init__(self._rows[EXCHANGES], bodies=bodies, show_secrets=show_secrets)

    @property
    def row_count(self) -> int:
        """The rows in files that are whole."""
        return sum(parts.row_count for parts in self._files.values())

    @property
    def byte_count(self) -> int:
        """The bytes of files that are whole."""
        return sum(parts.byte_count for parts in self._files.values())

    def write_message(self, message: StreamMessage) -> None:
        """Adds a message without a response. Raises CaptureFileError."""
        self._rows[MESSAGES].write(memoryview(self.render_message(message)))

    def render_message(self, message: StreamMessage) -> bytes:
        """Returns the line of a message. What has no column is JSON in "fields"."""
        made = message_dict(message, bodies=self.has_bodies, show_secrets=self.show_secrets)
        fields = made.pop("fields", {})
        known = tables()[MESSAGES].lines.names
        more = {name: made.pop(name) for name in list(made) if name not in known and name != "kind"}
        if fields or more:
            made["fields"] = ENCODE({**more, **fields})
        return f"{ENCODE(made)}\n".encode()

    def flush(self) -> None:
        """Collects what was written. Raises CaptureFileError."""
        super().flush()
        if self._seconds is not None:
            for rows in self._rows.values():
                rows.finish_old(self._seconds)

    def close(self) -> None:
        """Writes the rest, and finishes all files. Raises CaptureFileError."""
        try:
            super().flush()
            for table, rows in self._rows.items():
                rows.write_group()
                self._files[table].finish()
        finally:
            self.drop()

    def drop(self) -> None:
        """Removes the files that are not whole."""
        for parts in self._files.values():
            parts.drop()
