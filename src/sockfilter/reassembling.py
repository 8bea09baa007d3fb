"""TCP streams of a capture file, for protocols that are not read here."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from sockfilter.capturing import narrowed
from sockfilter.packets import links, tunnels
from sockfilter.packets.fragments import Reassembler
from sockfilter.packets.records import RecordDecoder
from sockfilter.packets.tcp import TcpDecoder
from sockfilter.sources.files.source import FileSource
from sockfilter.streams.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sockfilter.model import Endpoint, Problem
    from sockfilter.sources.narrowing import Ports
    from sockfilter.streams.connection import StreamConnection

# seconds to wait for more of a file that is still being written
WAIT_S = 1.0


class TcpStream:
    """What one end of a connection sent.

    Attributes:
        src, dst: the ends; as text "ip:port", IPv6 in brackets.
        data: the bytes that were there, in order, with nothing in the place of those that were not.
        gaps: where bytes are missing: an offset into data, and how many.
    """

    __slots__ = ("data", "dst", "gaps", "src")

    def __init__(self, src: Endpoint, dst: Endpoint) -> None:
        self.src = src
        self.dst = dst
        self.data = bytearray()
        self.gaps: list[tuple[int, int]] = []

    def __repr__(self) -> str:
        return f"<TcpStream {self.src} > {self.dst} {len(self.data)} bytes, {len(self.gaps)} gaps>"


class _Receiver:
    """Takes the bytes of one direction. Has what the streams stage asks of a receiver."""

    ignoring = 0

    def __init__(self, stream: TcpStream) -> None:
        self.stream = stream

    def data(self, data: bytes, time_ns: int, seq: int, ack: int) -> None:
        self.stream.data += data

    def skip(self, size: int, time_ns: int) -> None:
        self.missing(size, None)

    def repeat(self, seq: int) -> None:
        pass

    def missing(self, size: int, problem: Problem | None) -> int:
        self.stream.gaps.append((len(self.stream.data), size))
        return size

    def end(self, problem: Problem) -> None:
        pass


class _Conversation:
    """Both directions of a connection, until they have ended."""

    def __init__(self, ends: tuple[Endpoint, Endpoint], ended: deque[TcpStream]) -> None:
        first, second = ends
        self.receivers = (_Receiver(TcpStream(first, second)), _Receiver(TcpStream(second, first)))
        self._ended = ended

    def close(self, problem: Problem) -> None:
        self._ended.extend(r.stream for r in self.receivers if r.stream.data or r.stream.gaps)


def tcp_streams(
    path: str, *, ports: Ports | None = None, host: str | None = None, family: int | None = None
) -> Iterator[TcpStream]:
    """Each direction of each TCP connection of a capture file, when the connection has ended.

    Args:
        path, ports, host, family: as for read().

    Raises:
        CaptureFileError: as read() does.
    """
    ended: deque[TcpStream] = deque()

    def converse(connection: StreamConnection) -> _Conversation:
        return _Conversation(connection.model.ends, ended)

    narrowing = narrowed(ports, host, family)

    def configure(config: Any) -> bytes:
        config.every = 1
        return narrowing.configure(config)

    with FileSource(path, configure, links.network, tunnels.inner) as source:
        table = Table(converse, source)
        tcp = TcpDecoder(table.takers, table.stream_of, table.open, source.interface_name, narrowing.wants)
        fragments = Reassembler(tcp.take)
        records = RecordDecoder(table.takers, table.open, fragments.take, source.interface_name)
        while not source.is_over:
            if not source.drain(records.decode):
                source.wait(WAIT_S)
            table.tick(source.now_ns)
            fragments.tick(source.now_ns)
            while ended:
                yield ended.popleft()
        fragments.close()
        table.close(source.now_ns)
    yield from ended
    if source.damage is not None:
        raise source.damage
