"""A HAR file as a capture: its entries are exchanges, and there are no packets."""

from __future__ import annotations

import os
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from sockfilter.closing import Closing
from sockfilter.errors import CaptureFileError, InvalidArgument
from sockfilter.ledger import (
    PACKET_COUNTERS,
    FragmentCounts,
    Ledger,
    MessageCounts,
    ProcessCounts,
    SegmentCounts,
    SpanCounts,
)
from sockfilter.outputs.fan import Wants
from sockfilter.sources.archives.entries import Entries
from sockfilter.sources.archives.exchanges import ExchangeMaker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from sockfilter.captures.wanted import Keeping
    from sockfilter.model import Exchange
    from sockfilter.sources.narrowing import KernelFilter

# entries of one batch: between two batches, a user may end the reading
BATCH = 100
# bytes at the beginning of a file that may be white space before its first brace
START_BYTES = 64


def is_archive(path: str) -> bool:
    """Returns whether a file begins like a HAR file. If it cannot be opened, its name decides."""
    if path == "-":
        return False
    is_named_so = path.lower().endswith(".har")
    try:
        if is_named_so or not os.path.isfile(path):
            return is_named_so
        with open(path, "rb") as file:
            return file.read(START_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    except (OSError, ValueError):
        return is_named_so


class ArchiveSource:
    """What is read: the file, and how far.

    Args:
        path: the path of the file.

    Raises:
        CaptureFileError: the file cannot be opened.
    """

    filled = 0.0  # there is no ring

    def __init__(self, path: str) -> None:
        self.name = path
        self.damage: CaptureFileError | None = None
        self.is_over = False
        self.changes: deque[str] = deque()
        try:
            self._file = open(path, "rb")  # noqa: SIM115  # close() closes it
        except (OSError, ValueError) as error:
            raise CaptureFileError(f"opening {path!r}: {getattr(error, 'strerror', None) or error}") from error
        status = os.fstat(self._file.fileno())
        self.identity: tuple[int, int] | None = (status.st_dev, status.st_ino)
        self.entries = Entries(self._file, path)
        self._entries: Iterator[dict[str, Any]] = iter(self.entries)

    def take(self, count: int) -> list[dict[str, Any]]:
        """Returns the next entries, at most count. damage has the error that ended the reading."""
        found: list[dict[str, Any]] = []
        try:
            found.extend(islice(self._entries, count))
        except CaptureFileError as error:
            # extend() has kept what came before the error
            self.damage = error
            self.is_over = True
        if len(found) < count:
            self.is_over = True
        return found

    def also_wake_for(self, fd: int) -> None:
        """Does nothing: reading a file does not wait."""

    def wall_ns(self, time_ns: int) -> int | None:
        """Returns the time: entries have times of the wall clock."""
        return time_ns

    def interface_name(self, index: int) -> str:
        """Returns an empty name: there are no interfaces."""
        return ""

    def counters(self) -> list[int]:
        """Returns zeros: there are no packets."""
        return [0] * len(PACKET_COUNTERS)

    def close(self) -> None:
        """Closes the file. May be repeated."""
        self._file.close()


class ArchiveCapture(Closing):
    """Reads the exchanges of a HAR file. It has those members of Capture that reading a file needs.

    Args:
        path: the path of the file.
        keeping: what is done with the exchanges. What to keep of bodies is what the file has of them.

    Raises:
        CaptureFileError: the file cannot be opened.
        InvalidArgument: an output needs packets.
    """

    no_processes = ""
    no_tcp = ""
    no_secrets = ""
    missing_bytes = 0
    pending: tuple[Exchange, ...] = ()  # an archive has what has ended

    def __init__(self, path: str, keeping: Keeping) -> None:
        if keeping.has_frames:
            raise InvalidArgument(f"{path!r} is a HAR file, which has no packets: write another one with -w FILE.har")
        self.source = ArchiveSource(path)
        self._maker = ExchangeMaker()
        self._messages = MessageCounts()
        self._outputs = outputs = keeping.outputs
        self.is_closed = False
        emit, emit_message = keeping.emit, keeping.emit_message
        if outputs is not None:
            try:
                outputs.begin(self.source)
            except BaseException:
                self.source.close()
                outputs.abandon()
                raise
            emit = emit or outputs.write
            if emit_message is None and Wants.MESSAGES in outputs.wants:
                emit_message = outputs.write_message
        self.selection = selection = keeping.selection
        if selection is not None:
            emit = emit and selection.exchanges(emit)
            emit_message = emit_message and selection.messages(emit_message)
        self._emit, self._emit_message = emit, emit_message

    @property
    def is_full(self) -> bool:
        """Whether an output accepts no more."""
        return self._outputs is not None and self._outputs.is_full

    @property
    def ledger(self) -> Ledger:
        """The counters of what has been read so far. They balance."""
        return Ledger(
            dict.fromkeys(PACKET_COUNTERS, 0),
            0,
            FragmentCounts(),
            SegmentCounts(),
            self._messages.copy(
                unpaired=self._messages.unpaired.copy(), stream_messages=self._messages.stream_messages.copy()
            ),
            {},
            ProcessCounts(),
            missed={} if self._outputs is None else self._outputs.missed,
            spans=SpanCounts() if self._outputs is None else self._outputs.spans,
        )

    def secret_problems(self) -> list[str]:
        """Returns no texts: there is no TLS."""
        return []

    def closed_libraries(self) -> list[str]:
        """Returns none: there is no TLS."""
        return []

    def look_at(self, path: str) -> None:
        """Does nothing: there is no TLS."""

    def check(self) -> None:
        """Does nothing: reading needs no rights."""

    def hurry(self) -> None:
        """Does nothing: nothing is open."""

    def wait(self, timeout_s: float) -> None:
        """Returns at once: reading a file does not wait."""

    def pump(self) -> int:
        """Reads some entries. Returns their number; 0: there are no more."""
        if self.is_closed:
            return 0
        entries = self.source.take(BATCH)
        self._maker.creator = self.source.entries.creator
        for entry in entries:
            self._take(entry)
        return len(entries)

    def _take(self, entry: dict[str, Any]) -> None:
        exchange = self._maker.exchange(entry)
        counts = self._messages
        if exchange.request is None and exchange.response is None:
            return  # an entry without a method and without a status says nothing
        counts.exchanges += 1
        exchange.id = exchange.id or counts.exchanges
        has_both = exchange.request is not None and exchange.response is not None
        counts.requests += exchange.request is not None
        counts.responses += exchange.response is not None
        if has_both:
            counts.paired += 2
        else:
            counts.unpaired[exchange.reason.value] += 1
        if self._emit is not None:
            self._emit(exchange)
        for message in self._maker.messages(entry, exchange):
            counts.stream_messages[message.protocol] += 1
            if self._emit_message is not None:
                self._emit_message(message)

    def close(self) -> None:
        """Closes the file and the outputs. May be repeated."""
        if not self.is_closed:
            self.is_closed = True
            self.source.close()
            if self._outputs is not None:
                self._outputs.close()


def refuse_narrowing(kernel_filter: KernelFilter, path: str, keylog: str | None) -> None:
    """Raises InvalidArgument if a filter for packets, or a key log, was given."""
    if keylog is not None:
        raise InvalidArgument(f"{path!r} is a HAR file, in which nothing is encrypted: omit the key log")
    if kernel_filter.ports is not None or kernel_filter.hosts or kernel_filter.family is not None or kernel_filter.pcap:
        raise InvalidArgument(
            f"{path!r} is a HAR file, which has no packets to leave out: use a filter, -Y 'server.port == 80'"
        )
