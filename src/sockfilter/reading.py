"""Capture files as a library: an iterator of exchanges."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sockfilter.capturing import BODY_BYTES, Capture, body_policy, captured, narrowed
from sockfilter.packets import links, tunnels
from sockfilter.sources.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sockfilter.model import Exchange
    from sockfilter.protocols.http1.body import BodyPolicy
    from sockfilter.sources.live import LiveSource
    from sockfilter.sources.narrowing import Ports
    from sockfilter.writing import Frames

# seconds to wait for more of a file that is still being written
WAIT_S = 1.0


def open_file(
    path: str,
    *,
    ports: Ports | None = None,
    host: str | None = None,
    family: int | None = None,
    policy: BodyPolicy,
    emit: Callable[[Exchange], None] | None = None,
    write: Callable[[LiveSource | FileSource], Frames] | None = None,
) -> Capture:
    """A capture whose packets come from a file. Arguments as for read()."""
    narrowing = narrowed(ports, host, family)

    def configure(config: Any) -> bytes:
        config.whole = write is not None
        return narrowing.configure(config)

    source = FileSource(path, configure, links.network, tunnels.inner)
    return captured(source, narrowing, policy, emit, write)


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
    source = capture.source
    assert isinstance(source, FileSource)  # made above
    with capture:
        while not source.is_over:
            if not capture.pump():
                capture.wait(WAIT_S)
            while ended:
                yield ended.popleft()
    yield from ended
    if source.damage is not None:
        raise source.damage
