"""Where the time goes: `python -m tests.bench.profile [KIND ...] [--functions]`, by kinds of traffic and by stages.

Each kind (traffic.py) is recorded once: 16 connections at a time, a request and a response in turn. The mix comes from
a real site, and needs root. What is timed is the reading of its records, in CPU time.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from typing import TYPE_CHECKING

from sockfilter.outputs.jsonl import JsonOutput
from sockfilter.outputs.lines import TextOutput
from sockfilter.packets.records import HOT
from sockfilter.protocols.body import BodyPolicy
from sockfilter.road.assembly import Assembly
from sockfilter.road.pipeline import Pipeline
from tests.bench.traffic import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.streams.connection import StreamConnection
    from tests.bench.traffic import Batches

ROUNDS = 5
PLAIN, KEPT = BodyPolicy(0, decodes=False), BodyPolicy(0)


class Source:
    """Stands in for where the records come from, and takes no orders."""

    clock_offset_ns = 0

    def interface_name(self, index: int) -> str:
        return "bench0"

    def skip(self, stream: int, until_seq: int) -> None:
        pass

    def skip_content(self, stream: int, number: int) -> bool:
        return False

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
    "floor": lambda: unpack,
    "streams": streams,
    "objects": lambda: road(None, False),
    "text": lambda: road(TextOutput(Nowhere()), False),
    "JSON": lambda: road(JsonOutput(Nowhere()), False),
    "lane: objects": lambda: road(None, True),
    "lane: text": lambda: road(TextOutput(Nowhere()), True),
    "lane: JSON": lambda: road(JsonOutput(Nowhere()), True),
}


def microseconds(make: Callable[[], Callable[[memoryview, list[int]], None]], batches: Batches) -> float:
    """Of all records, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        take = make()
        began = time.process_time()
        for view, offsets in batches:
            take(view, offsets)
        best = min(best, time.process_time() - began)
    return best * 1e6


def messages(batches: Batches) -> int:
    """How many there are."""
    seen: list[object] = []
    source = Source()
    pipeline = Pipeline(source, source, PLAIN, lambda first, second: True, seen.append)
    for view, offsets in batches:
        pipeline.consume(view, offsets)
    return 2 * len(seen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all")
    parser.add_argument("--functions", action="store_true", help="Python's profile of the road to JSON, too")
    arguments = parser.parse_args()
    unknown = set(arguments.kinds) - set(KINDS)
    if unknown:
        parser.error(f"no such kind of traffic: {', '.join(sorted(unknown))}; there are: {', '.join(KINDS)}")
    print(f"{'us a message':<20}" + "".join(f"{name:>15}" for name in STAGES))
    for kind in arguments.kinds or KINDS:
        batches = KINDS[kind]()
        count = messages(batches)
        found = [microseconds(make, batches) / count for make in STAGES.values()]
        print(f"{kind:<20}" + "".join(f"{each:>15.2f}" for each in found), flush=True)
        if arguments.functions:
            _functions(batches)
    return 0


def _functions(batches: Batches) -> None:
    take, profile = road(JsonOutput(Nowhere()), False), cProfile.Profile()
    profile.enable()
    for view, offsets in batches:
        take(view, offsets)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    sys.exit(main())
