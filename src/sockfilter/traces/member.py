"""Traces among the outputs of a capture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sockfilter.ledger import SpanCounts
from sockfilter.outputs.fan import Member
from sockfilter.traces.ends import kinds_of
from sockfilter.traces.spans import trace_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sockfilter.model import Connection, Exchange
    from sockfilter.outputs.fan import OutputSource
    from sockfilter.traces.pipe import SpanPipe
    from sockfilter.traces.sampling import Sampler
    from sockfilter.traces.spans import SpanMaker

# connections of the exporter that are remembered: it has one at a time, and their last packets may come late
OWN_MAX = 64
# Above this part of the ring, no spans are made until the capture has caught up: a record that finds no room is lost to
# all outputs. What is left takes the records of some batches.
FILLED_MAX = 0.25


class TracesMember(Member):
    """Makes spans of exchanges, and passes them to the exporter.

    Args:
        pipe: the pipe to the exporter.
        maker: makes the spans.
        sampler: decides which traces are sent.
        local: the addresses of this machine.
        port: the collector's port.
        limit: the number of exchanges to send. None: all.
        is_wanted: whether to send what a connection carries. None: all is sent.
        patience: returns the seconds that close() gives the exporter to send what waits. It may return less later.
    """

    name = "traces"
    is_vital = False

    def __init__(
        self,
        pipe: SpanPipe,
        maker: SpanMaker,
        sampler: Sampler,
        local: frozenset[str],
        port: int,
        limit: int | None,
        is_wanted: Callable[[Connection], bool] | None,
        patience: Callable[[], float],
    ) -> None:
        self._pipe = pipe
        self._maker = maker
        self._sampler = sampler
        self._local = local
        self._port = port
        self._left = limit
        self._is_wanted = is_wanted
        self._patience = patience
        self._counts = SpanCounts()
        # what the pipe had no room for, and what had no time; the exporter reports all else
        self._lost: dict[str, int] = {}
        self._reported: dict[str, int] = {}
        self._own: dict[frozenset[tuple[str, int]], None] = {}
        self._is_closed = False
        self._source: OutputSource | None = None

    @property
    def spans(self) -> SpanCounts:
        """What became of the spans so far."""
        self._hear()
        return self._counts.copy(dropped=self._counts.dropped.copy())

    def begin(self, source: OutputSource) -> None:
        """Takes the source, which knows whether the capture keeps up."""
        self._source = source

    def write(self, exchange: Exchange) -> None:
        """Makes the spans of an exchange."""
        if self._left == 0 or not (self._is_wanted is None or self._is_wanted(exchange.connection)):
            return
        self._left = None if self._left is None else self._left - 1
        kinds = kinds_of(exchange, self._local)
        counts = self._counts
        counts.made += len(kinds)
        trace_id, context = trace_of(exchange)
        if not self._sampler.keeps(trace_id, context.is_sampled):
            counts.unsampled += len(kinds)
        elif exchange.start_ns is None:
            self._lose("no_time", len(kinds))
        elif self._source is not None and self._source.filled > FILLED_MAX:
            self._lose("behind", len(kinds))
        else:
            counts.waiting += len(kinds)
            for resource, span in self._maker.made(exchange, kinds, trace_id, context):
                if not self._pipe.write(resource, span):
                    counts.waiting -= 1
                    self._lose("exporter_gone" if self._pipe.is_gone else "full", 1)

    def flush(self) -> None:
        """Passes on the spans."""
        self._pipe.push()
        self._hear()

    def close(self) -> None:
        """Waits, for a time, until the exporter has sent what waits. What it has not reported is lost."""
        if self._is_closed:
            return
        self._is_closed = True
        for line in self._pipe.finish(self._patience):
            self._take(line)
        self._pipe.close()
        if self._counts.waiting:
            self._lose("exporter_gone", self._counts.waiting)
            self._counts.waiting = 0

    def is_other(self, connection: Connection) -> bool:
        """Whether a connection is not one of the exporter's own, which it names before it opens them."""
        one, other = connection.ends
        if self._port not in (one.port, other.port):
            return True
        self._hear()
        return frozenset((end.ip, end.port) for end in connection.ends) not in self._own

    def _lose(self, reason: str, count: int) -> None:
        self._lost[reason] = self._lost.get(reason, 0) + count
        self._counts.dropped[reason] += count

    def _hear(self) -> None:
        if not self._is_closed:
            for line in self._pipe.lines():
                self._take(line)

    def _take(self, line: bytes) -> None:
        """Takes a report of the exporter: a connection that it opens, or its counts so far."""
        found = json.loads(line)
        if "ends" in found:
            if len(self._own) >= OWN_MAX:
                del self._own[next(iter(self._own))]
            self._own[frozenset((ip, port) for ip, port in found["ends"])] = None
            return
        counts, dropped = self._counts, found["dropped"]
        done = found["exported"] + sum(dropped.values())
        counts.waiting -= done - (counts.exported + sum(self._reported.values()))
        counts.exported, self._reported = found["exported"], dropped
        for reason in {*dropped, *self._lost}:
            counts.dropped[reason] = dropped.get(reason, 0) + self._lost.get(reason, 0)
