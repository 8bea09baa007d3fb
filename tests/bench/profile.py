"""Where the time goes: `python -m tests.bench.profile [--functions]`. One recording, taken as far as each stage.

The recording is made here: 16 connections, a request and a response in turn, as nginx and h2load speak. It goes
through the kernel's program, compiled for user space, once; what is timed is the reading of its records.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.packets.records import HOT
from sockfilter.protocols.http1.body import BodyPolicy
from sockfilter.road.assembly import Assembly
from sockfilter.road.files import file_source
from sockfilter.road.pipeline import Pipeline
from sockfilter.sources.narrowing import Narrowing
from tests.support.captures import pcap, timed
from tests.support.frames import Talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.streams.connection import StreamConnection

CONNECTIONS, EXCHANGES = 16, 1500
ROUNDS = 5
REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nUser-Agent: h2load nghttp2/1.52.0\r\n\r\n"
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 01 Jan 2022 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 13\r\nConnection: keep-alive\r\n\r\nhello, world\n"
)
PLAIN, KEPT = BodyPolicy(0, decodes=False), BodyPolicy(0)

Batches = list[tuple[memoryview, list[int]]]


class Source:
    """Stands in for where the records come from, and takes no orders."""

    clock_offset_ns = 0

    def interface_name(self, index: int) -> str:
        return "bench0"

    def skip(self, stream: int, until_seq: int) -> None:
        pass

    def take_all(self, stream: int) -> None:
        pass

    reject = forget = take_all


class Nowhere:
    """Takes bytes, and what a connection says."""

    ignoring = 0

    def __init__(self, connection: StreamConnection | None = None) -> None:
        self.receivers = (self, self)

    def write(self, data: memoryview) -> int:
        return len(data)

    def nothing(self, *said: object) -> int:
        return 0

    data = skip = repeat = missing = end = close = nothing


def recorded() -> Batches:
    """The records, in batches as a busy reader finds them."""
    talks = [Talk(ports=(40000 + i, 8000)) for i in range(CONNECTIONS)]
    frames = [frame for talk in talks for frame in talk.opening()]
    for _ in range(EXCHANGES):
        frames += [talk.client(REQUEST) for talk in talks]
        frames += [talk.server(RESPONSE) for talk in talks]
    batches: Batches = []

    def keep(view: memoryview, offsets: list[int]) -> None:
        batches.append((memoryview(bytes(view[: offsets[-1] + 4096])), list(offsets)))

    with tempfile.NamedTemporaryFile() as file:
        file.write(pcap(timed(frames, 10_000)))
        file.flush()
        with file_source(file.name, Narrowing()) as source:
            while not source.is_over:
                source.drain(keep)
    return batches


def streams() -> Callable[[memoryview, list[int]], None]:
    source = Source()
    return Assembly(source, source, lambda first, second: True, Nowhere).consume


def road(output: TextOutput | JsonOutput | None, has_lane: bool) -> Callable[[memoryview, list[int]], None]:
    source, policy = Source(), KEPT if isinstance(output, JsonOutput) else PLAIN
    emit = output.write if output else Nowhere().nothing
    lines = output.lines if output and has_lane else None
    consume = Pipeline(source, source, policy, lambda first, second: True, emit, lines, has_lane).consume

    def take(view: memoryview, offsets: list[int]) -> None:
        consume(view, offsets)
        if output:
            output.flush()

    return take


def unpack(view: memoryview, offsets: list[int]) -> None:
    """The least that Python can do with records."""
    read = HOT.unpack_from
    for at in offsets:
        read(view, at)


STAGES: dict[str, Callable[[], Callable[[memoryview, list[int]], None]]] = {
    "records handed over": lambda: lambda view, offsets: None,
    "floor: each record unpacked": lambda: unpack,
    "long road: segments to streams": streams,
    "long road: to exchanges": lambda: road(None, False),
    "long road: to text": lambda: road(TextOutput(Nowhere()), False),
    "long road: to JSON": lambda: road(JsonOutput(Nowhere()), False),
    "short road: to exchanges": lambda: road(None, True),
    "short road: to text": lambda: road(TextOutput(Nowhere()), True),
    "short road: to JSON": lambda: road(JsonOutput(Nowhere()), True),
}


def microseconds(make: Callable[[], Callable[[memoryview, list[int]], None]], batches: Batches) -> float:
    """A record, the best of some rounds."""
    count = sum(len(offsets) for _, offsets in batches)
    best = float("inf")
    for _ in range(ROUNDS):
        take = make()
        began = time.process_time()
        for view, offsets in batches:
            take(view, offsets)
        best = min(best, time.process_time() - began)
    return best / count * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", action="store_true", help="Python's profile of the long road, too")
    arguments = parser.parse_args()
    batches = recorded()
    print(f"{'us a message':<34} {'':>7}")
    for name, make in STAGES.items():
        print(f"{name:<34} {microseconds(make, batches):>7.3f}")
    if arguments.functions:
        take, profile = road(TextOutput(Nowhere()), False), cProfile.Profile()
        profile.enable()
        for view, offsets in batches:
            take(view, offsets)
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    return 0


if __name__ == "__main__":
    sys.exit(main())
