"""TCP streams of a capture file, for protocols that sockfilter does not parse."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Protocol

from sockfilter.captures.file import ended_in
from sockfilter.captures.wanted import narrowed
from sockfilter.road.assembly import Assembly
from sockfilter.road.files import file_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from sockfilter.model import Connection, Endpoint, Problem
    from sockfilter.sources.files.source import FileSource
    from sockfilter.sources.narrowing import Hosts, KernelFilter, Ports


class TcpStream:
    """The bytes that one end of a connection sent.

    Attributes:
        src, dst: the ends. Their text form is "ip:port", with IPv6 addresses in brackets.
        data: the bytes that were captured, in order. Nothing stands for bytes that are missing.
        gaps: the places where bytes are missing: an offset into data, and the number of missing bytes.
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
    """Collects the bytes of one direction. Implements the interface of a receiver of the streams stage."""

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


class Opened(Protocol):
    """A connection that delivers bytes."""

    @property
    def model(self) -> Connection:
        """The two ends of the connection."""


class _Conversation:
    """Collects both directions of a connection until they have ended."""

    def __init__(self, ends: tuple[Endpoint, Endpoint], ended: deque[TcpStream]) -> None:
        first, second = ends
        self.receivers = (_Receiver(TcpStream(first, second)), _Receiver(TcpStream(second, first)))
        self._ended = ended

    weight = 0  # collected bytes belong to the caller, so they do not count against the memory limit

    def abandon(self, end: int) -> None:
        """Does nothing: no request waits for this end."""

    def close(self, problem: Problem) -> None:
        self._ended.extend(r.stream for r in self.receivers if r.stream.data or r.stream.gaps)


class _Streams:
    """Reads the TCP streams of a source."""

    def __init__(self, source: FileSource, kernel_filter: KernelFilter, ended: deque[TcpStream]) -> None:
        def converse(connection: Opened) -> _Conversation:
            return _Conversation(connection.model.ends, ended)

        self.source = source
        self.wait = source.wait
        self._assembly = Assembly(source, source, kernel_filter.wants, converse, source.hearing)

    def __enter__(self) -> _Streams:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._assembly.close(self.source.now_ns)
        self.source.close()

    def pump(self) -> int:
        """Reads one batch. Returns the number of packets."""
        count = self.source.drain(self._assembly.consume)
        self._assembly.tick(self.source.now_ns)
        return count


def tcp_streams(
    path: str | os.PathLike[str],
    *,
    ports: Ports | None = None,
    host: Hosts | None = None,
    family: int | None = None,
) -> Iterator[TcpStream]:
    """Yields each direction of each TCP connection of a capture file when the connection has ended.

    Args:
        path, ports, host, family: as for read().

    Raises:
        CaptureFileError: as for read().
    """
    ended: deque[TcpStream] = deque()
    kernel_filter = narrowed(ports, host, family)
    yield from ended_in(
        _Streams(file_source(os.fsdecode(path), kernel_filter, every=True), kernel_filter, ended), ended
    )
