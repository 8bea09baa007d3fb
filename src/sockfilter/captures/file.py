"""Capture files as a library: an iterator of exchanges."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeVar

from sockfilter.captures.capture import Capture, captured
from sockfilter.captures.wanted import BODY_BYTES, Keeping, body_policy, check_memory, narrowed
from sockfilter.model.budget import MEMORY_BYTES
from sockfilter.road.files import file_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sockfilter.ledger import Ledger
    from sockfilter.model import Exchange
    from sockfilter.model.policy import BodyPolicy
    from sockfilter.outputs.fan import Fan
    from sockfilter.sources.files.source import FileSource
    from sockfilter.sources.narrowing import Hosts, Ports
    from sockfilter.sources.records import RecordSource

# seconds to wait for more of a file that is still being written
WAIT_S = 1.0

Ended = TypeVar("Ended")


def open_file(
    path: str,
    *,
    ports: Ports | None = None,
    host: Hosts | None = None,
    family: int | None = None,
    policy: BodyPolicy,
    emit: Callable[[Exchange], None] | None = None,
    outputs: Fan | None = None,
    memory: int = MEMORY_BYTES,
) -> Capture:
    """A capture whose packets come from a file. Arguments as for read()."""
    kernel_filter = narrowed(ports, host, family)
    keeping = Keeping(policy, memory, emit, outputs)
    return captured(file_source(path, kernel_filter, whole=keeping.has_frames), kernel_filter, keeping)


class Reading:
    """The exchanges of a capture file, each as it ends: an iterator, made by read().

    The file is opened when the first exchange, or the ledger, is asked for. It is closed behind the last exchange,
    by close(), or at the end of a with statement.

    Args:
        opened: opens the file as a capture that hands its exchanges to what it is given.
    """

    def __init__(self, opened: Callable[[Callable[[Exchange], None]], Capture]) -> None:
        self._opened = opened
        self._ended: deque[Exchange] = deque()
        self._capture: Capture | None = None
        self._exchanges: Iterator[Exchange] | None = None

    def __iter__(self) -> Reading:
        return self

    def __next__(self) -> Exchange:
        if self._exchanges is None:
            self._exchanges = ended_in(self._reader, self._ended)
        return next(self._exchanges)

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Reads no further, and closes the file. The ledger stays; no exchange follows."""
        if self._capture is not None:
            self._capture.close()
        self._exchanges = iter(())

    @property
    def ledger(self) -> Ledger:
        """The counters of what has been read so far. They balance behind the last exchange.

        Raises:
            CaptureFileError: the file cannot be opened.
        """
        return self._reader.ledger

    @property
    def _reader(self) -> Capture:
        if self._capture is None:
            self._capture = self._opened(self._ended.append)
        return self._capture


def read(
    path: str,
    *,
    ports: Ports | None = None,
    host: Hosts | None = None,
    family: int | None = None,
    body: int | None = BODY_BYTES,
    memory: int = MEMORY_BYTES,
) -> Reading:
    """The HTTP exchanges of a capture file, each as it ends. Takes no root, and no more memory for a longer file.

        exchanges = sockfilter.read("web.pcapng")
        for exchange in exchanges:
            print(exchange)
        print(exchanges.ledger.losses())

    Args:
        path: a pcap or pcapng file, in gzip perhaps; "-": standard input. It may still be being written.
        ports: connections with one of these at either end: a number, a text such as "8000,9000-9100",
            a range, or several of these. None: any port.
        host: connections with this address or network at either end, or with one of several.
        family: 4 or 6; None: both.
        body: bytes of each body to keep from the first on. None: all.
        memory: bytes that all that is open may take, as capture() has it.

    Raises:
        InvalidArgument: an argument that cannot be meant.
        CaptureFileError: with the first exchange: the file cannot be opened; behind the last: it is damaged or cut
            short.
    """
    policy, kernel_filter = body_policy(body), narrowed(ports, host, family)
    check_memory(memory)
    return Reading(
        lambda emit: captured(file_source(path, kernel_filter), kernel_filter, Keeping(policy, memory, emit))
    )


class PumpedSource(Protocol):
    """Takes a source's records, and closes it."""

    @property
    def source(self) -> RecordSource | FileSource:
        """Where they come from."""

    def __enter__(self) -> object: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def pump(self) -> int:
        """Takes one batch. Returns how many that were."""

    def wait(self, timeout_s: float) -> None:
        """Sleeps until there is something to pump."""


def ended_in(reader: PumpedSource, ended: deque[Ended]) -> Iterator[Ended]:
    """Reads a source to its end, and gives what has ended in it as it does.

    Args:
        reader: is pumped.
        ended: where it puts what has ended.
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
