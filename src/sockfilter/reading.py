"""Capture files as a library: an iterator of exchanges."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeVar

from sockfilter.capturing import BODY_BYTES, Capture, body_policy, captured, narrowed
from sockfilter.packets import inside, links
from sockfilter.sources.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sockfilter.model import Exchange
    from sockfilter.model.lines import Lines
    from sockfilter.protocols.http1.policy import BodyPolicy
    from sockfilter.sources.narrowing import Narrowing, Ports
    from sockfilter.sources.records import RecordSource
    from sockfilter.writing import Frames

# seconds to wait for more of a file that is still being written
WAIT_S = 1.0

Ended = TypeVar("Ended")


def file_source(path: str, narrowing: Narrowing, *, every: bool = False, whole: bool = False) -> FileSource:
    """A capture file as a source. Arguments as FileSource has them."""
    return FileSource(path, narrowing, links.network, inside.Inside().step, every=every, whole=whole)


def open_file(
    path: str,
    *,
    ports: Ports | None = None,
    host: str | None = None,
    family: int | None = None,
    policy: BodyPolicy,
    emit: Callable[[Exchange], None] | None = None,
    write: Callable[[RecordSource | FileSource], Frames] | None = None,
    lines: Lines | None = None,
) -> Capture:
    """A capture whose packets come from a file. Arguments as for read()."""
    narrowing = narrowed(ports, host, family)
    source = file_source(path, narrowing, whole=write is not None)
    return captured(source, narrowing, policy, emit, write, lines)


def read(
    path: str,
    *,
    ports: Ports | None = None,
    host: str | None = None,
    family: int | None = None,
    body: int | None = BODY_BYTES,
) -> Iterator[Exchange]:
    """The HTTP exchanges of a capture file, each as it ends. Takes no root, and no more memory for a longer file.

    Args:
        path: a pcap or pcapng file, in gzip perhaps; "-": standard input. It may still be being written.
        ports: connections with one of these at either end: a number, a text such as "8000,9000-9100",
            a range, or several of these. None: any port.
        host: connections with this address or network at either end.
        family: 4 or 6; None: both.
        body: bytes of each body to keep from the first on. None: all.

    Raises:
        CaptureFileError: the file cannot be opened; or, behind its last exchange, that it is damaged or cut short.
    """
    ended: deque[Exchange] = deque()
    capture = open_file(path, ports=ports, host=host, family=family, policy=body_policy(body), emit=ended.append)
    yield from ended_in(capture, ended)


class Reader(Protocol):
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


def ended_in(reader: Reader, ended: deque[Ended]) -> Iterator[Ended]:
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
