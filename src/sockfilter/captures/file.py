"""Capture files for programs: an iterator over exchanges."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeVar

from sockfilter.captures.archive import ArchiveCapture, is_archive, refuse_narrowing
from sockfilter.captures.capture import MESSAGES_MAX, Capture, captured
from sockfilter.captures.wanted import (
    BODY_BYTES,
    Keeping,
    body_policy,
    check_keylog_path,
    check_memory,
    narrowed,
    selected,
)
from sockfilter.closing import Closing
from sockfilter.errors import InvalidArgument
from sockfilter.model.budget import MEMORY_BYTES
from sockfilter.model.protocols import OPTIONAL, wanted
from sockfilter.road.files import file_source
from sockfilter.road.secrets import file_secrets
from sockfilter.views.buffers import MessageBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from sockfilter.captures.archive import ArchiveSource
    from sockfilter.captures.selection import Selection
    from sockfilter.filters.where import Where
    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange, StreamMessage
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.model.protocols import Protocols
    from sockfilter.outputs.fan import Fan
    from sockfilter.sources.files.source import FileSource
    from sockfilter.sources.narrowing import Hosts, KernelFilter, Ports
    from sockfilter.sources.records import RecordSource

# Seconds to wait for more data from a file that is still being written.
WAIT_S = 1.0

Ended = TypeVar("Ended")


def open_file(
    path: str,
    *,
    ports: Ports | None = None,
    host: Hosts | None = None,
    family: int | None = None,
    protocols: Protocols | None = None,
    policy: BodyPolicy,
    emit: Callable[[Exchange], None] | None = None,
    outputs: Fan | None = None,
    memory: int = MEMORY_BYTES,
    selection: Selection | None = None,
    pcap: str | None = None,
    keylog: str | None = None,
    all_hops: bool = False,
    others: Sequence[str] = (),
    is_ended: Callable[[], bool] = lambda: False,
) -> Capture | ArchiveCapture:
    """Opens a capture whose packets, or whose exchanges, come from a file. The arguments are those of read().

    Args:
        others: capture files that follow, in order: connections go on in the next file. They are not HAR files.
        is_ended: whether to stop waiting for a key log that is a pipe.
    """
    kernel_filter = narrowed(ports, host, family, wanted(protocols, OPTIONAL))._replace(pcap=pcap or "")
    keeping = Keeping(policy, memory, emit, outputs, selection=selection, all_hops=all_hops)
    return _opened(path, kernel_filter, keeping, keylog, others, is_ended)


def _opened(
    path: str,
    kernel_filter: KernelFilter,
    keeping: Keeping,
    keylog: str | None,
    others: Sequence[str] = (),
    is_ended: Callable[[], bool] = lambda: False,
) -> Capture | ArchiveCapture:
    """Opens the file, and uses the secrets that it carries and those of the key log."""
    if is_archive(path):
        try:
            refuse_narrowing(kernel_filter, path, keylog)
            return ArchiveCapture(path, keeping)
        except BaseException:
            if keeping.outputs is not None:
                keeping.outputs.abandon()
            raise
    if keeping.selection is not None:
        keeping.selection.check_file()
        kernel_filter = keeping.selection.narrow(kernel_filter)
    secrets = file_secrets(path, keylog, others, is_ended)
    if secrets.store is not None:
        kernel_filter = kernel_filter._replace(tls=True)
        keeping = keeping._replace(secrets=secrets.store)
    source = file_source(
        path,
        kernel_filter,
        whole=keeping.has_frames,
        take_secret=None if secrets.store is None else secrets.store.add,
        searched=secrets.searched,
        others=others,
    )
    made = captured(source, kernel_filter, keeping)
    made.no_secrets = secrets.problem
    return made


def second_reading(
    path: str,
    *,
    ports: Ports | None,
    host: Hosts | None,
    family: int | None,
    protocols: Protocols | None,
    selection: Selection,
    pcap: str | None,
) -> FileSource:
    """Opens a file a second time, so that it gives the same records as for open_file() with outputs that want frames.

    Raises:
        InvalidArgument: it can be read only once.
        CaptureFileError: it cannot be opened.
    """
    if path == "-" or not os.path.isfile(path):
        name = "standard input" if path == "-" else path
        raise InvalidArgument(
            f"-w with -Y reads the capture file twice, which is not possible with {name}: save it to a file first"
        )
    kernel_filter = selection.narrow(narrowed(ports, host, family, wanted(protocols, OPTIONAL)))
    kernel_filter = kernel_filter._replace(pcap=pcap or "")
    return file_source(path, kernel_filter, whole=True)


class Reading(Closing):
    """The exchanges of a capture file, each as it ends. An iterator, created by read().

    The file is opened when the first exchange or the ledger is requested. It is closed after the last exchange, by
    close(), or at the end of a with statement.

    Args:
        opened: opens the file as a capture that passes its exchanges and its messages to the given callables.
    """

    def __init__(
        self,
        opened: Callable[[Callable[[Exchange], None], Callable[[StreamMessage], None]], Capture | ArchiveCapture],
    ) -> None:
        self._opened = opened
        self._ended: deque[Exchange] = deque()
        self._messages = MessageBuffer(MESSAGES_MAX)
        self._capture: Capture | ArchiveCapture | None = None
        self._exchanges: Iterator[Exchange] | None = None

    def __iter__(self) -> Reading:
        return self

    def __next__(self) -> Exchange:
        if self._exchanges is None:
            self._exchanges = ended_in(self._reader, self._ended)
        return next(self._exchanges)

    def close(self) -> None:
        """Stops reading and closes the file. The ledger remains available; no exchange follows."""
        if self._capture is not None:
            self._capture.close()
        self._exchanges = iter(())

    @property
    def messages(self) -> list[StreamMessage]:
        """The messages without a response read so far, such as those of a WebSocket; the last 100 000."""
        return self._messages.since(0)[0]

    @property
    def ledger(self) -> Ledger:
        """The counters of what has been read so far. They balance after the last exchange.

        Raises:
            CaptureFileError: the file cannot be opened.
        """
        return self._reader.ledger

    @property
    def _reader(self) -> Capture | ArchiveCapture:
        if self._capture is None:
            self._capture = self._opened(self._ended.append, self._messages.add)
        return self._capture


def read(
    path: str | os.PathLike[str],
    *,
    ports: Ports | None = None,
    host: Hosts | None = None,
    family: int | None = None,
    protocols: Protocols | None = None,
    where: Where | str | None = None,
    pcap: str | None = None,
    body: int | None = BODY_BYTES,
    memory: int = MEMORY_BYTES,
    keylog: str | None = None,
    all_hops: bool = False,
) -> Reading:
    """Reads the HTTP exchanges of a capture file, each as it ends. Needs no root, and no more memory for longer files.

        exchanges = sockfilter.read("web.pcapng")
        for exchange in exchanges:
            print(exchange)
        print(exchanges.ledger.losses())

    Args:
        path: a pcap or pcapng file, optionally compressed with gzip. "-": standard input. It may still be being
            written. Or a HAR file, of this program or of others, whose bodies are as the file has them.
        ports: connections with one of these at either end: a number, a text such as "8000,9000-9100",
            a range, or several of these. None: any port.
        host: connections with this address or network at either end, or with one of several. None: any host.
        family: 4 or 6; None: both.
        protocols: protocols to read beside HTTP: "mqtt,smtp", a list of names, or "http" for none. None: all. Their
            messages are in messages.
        where: give only exchanges and messages that meet these conditions, as for capture(). None: all.
        pcap: a filter in the language of pcap-filter(7), which each packet must pass first. Requires libpcap. None:
            none.
        body: the number of bytes to keep of each body, from its beginning. None: all.
        memory: the bytes that open connections may take in total, as for capture().
        keylog: a key log of TLS, as SSLKEYLOGFILE names it. Its secrets, and those that a pcapng file carries itself,
            open the TLS connections. None: those in the file alone.
        all_hops: a connection that crosses several interfaces has its exchanges on each of them, as for capture().

    Raises:
        InvalidArgument: an argument is invalid; with the first exchange also if the key log cannot be read or is none.
        CaptureFileError: raised with the first exchange if the file cannot be opened, and after the last one if the
            file is damaged or cut short.
    """
    policy, kernel_filter = body_policy(body), narrowed(ports, host, family, wanted(protocols, OPTIONAL))
    kernel_filter = kernel_filter._replace(pcap=pcap or "")
    check_memory(memory)
    name = os.fsdecode(path)
    check_keylog_path(keylog)
    selection = selected(where, policy)
    if selection is not None and not is_archive(name):
        selection.check_file()
    keeping = Keeping(policy, memory, selection=selection, all_hops=all_hops)
    return Reading(
        lambda emit, emit_message: _opened(
            name, kernel_filter, keeping._replace(emit=emit, emit_message=emit_message), keylog
        )
    )


class PumpedSource(Protocol):
    """Reads a source's records and closes the source."""

    @property
    def source(self) -> RecordSource | FileSource | ArchiveSource:
        """The source of the records."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def pump(self) -> int:
        """Reads one batch. Returns the number of records."""

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is something to pump."""


def ended_in(reader: PumpedSource, ended: deque[Ended]) -> Iterator[Ended]:
    """Reads a source to its end and yields each item when it has ended.

    Args:
        reader: the reader to pump.
        ended: the queue into which the reader puts what has ended.
    """
    with reader:
        while not reader.source.is_over:
            if not reader.pump():
                reader.wait(WAIT_S)
            while ended:
                yield ended.popleft()
    yield from ended
    if reader.source.damage is not None:
        raise reader.source.damage
