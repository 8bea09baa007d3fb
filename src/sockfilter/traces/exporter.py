"""Sends spans in batches, in a process of its own. What cannot be sent waits in bounded memory.

A reader takes spans from the capture without waiting, so that the capture never waits. A thread sends them. Spans are
dropped only if there is no room for them, if the collector refuses them, or at the end.
"""

from __future__ import annotations

import json
import select
import time
from collections import Counter, deque
from contextlib import closing
from threading import Condition, Thread
from typing import TYPE_CHECKING, NamedTuple

from sockfilter.traces.collector import CollectorAnswer, Fate
from sockfilter.traces.pipe import LOOK_S, received

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from sockfilter.traces.collector import CollectorLink

# Spans of a request, as the SDKs of OpenTelemetry send them, and seconds after which a smaller batch is sent.
BATCH_SPANS = 512
BATCH_S = 1.0
# Spans and their bytes that wait for the collector: a minute of a thousand exchanges a second.
WAITING_SPANS = 65_536
WAITING_BYTES = 64 << 20
# Seconds before a request is sent again: the first time, and at most. They double each time.
BACKOFF_S, BACKOFF_MAX_S = 0.25, 5.0
# seconds without an answer after which a capture file no longer waits for room
FILE_PATIENCE_S = 30.0
# seconds to finish in, if the capture has ended without a word
ORPHAN_S = 5.0
# resources that are kept once for all their spans
RESOURCES_MAX = 4096
SCOPE = "sockfilter"


class ExportLimits(NamedTuple):
    """The limits of an exporter.

    Attributes:
        batch_spans: spans of a request.
        batch_s: seconds after which a smaller batch is sent.
        waiting_spans: spans that wait for the collector.
        waiting_bytes: bytes of them.
    """

    batch_spans: int = BATCH_SPANS
    batch_s: float = BATCH_S
    waiting_spans: int = WAITING_SPANS
    waiting_bytes: int = WAITING_BYTES


class Exporter:
    """Takes spans and sends them.

    Args:
        collector: where to.
        name: its address, for messages.
        limits: the limits.
        version: the version of sockfilter.
        waits: whether to wait for room, as a capture file can.
        report: receives the counts.
        say: receives messages for people.
    """

    def __init__(
        self,
        collector: CollectorLink,
        name: str,
        limits: ExportLimits,
        version: str,
        *,
        waits: bool,
        report: Callable[[Mapping[str, Any]], None],
        say: Callable[[str], None],
    ) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        self._request = ExportTraceServiceRequest
        self._collector = collector
        self._name = name
        self._limits = limits
        self._version = version
        self._waits = waits
        self._report = report
        self._say = say
        self._changed = Condition()
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._sending: list[tuple[bytes, bytes]] = []
        self._bytes = 0
        self._resources: dict[bytes, bytes] = {}
        self._exported = 0
        self._dropped: Counter[str] = Counter()
        self._end_s: float | None = None
        self._is_over = False
        self._answered_s = time.monotonic()
        self._said: str | None = None
        self._is_down = False

    def run(self, fd: int) -> None:
        """Sends the spans that come from a descriptor until it says, or shows, that no more follow."""
        thread = Thread(target=self._send_all, name="sockfilter traces", daemon=True)
        thread.start()
        records = received(fd)
        end_s = self._end_by(self._put_all(records))
        while thread.is_alive() and (left_s := end_s - time.monotonic()) > 0:
            thread.join(min(left_s, LOOK_S))
            if select.select([fd], [], [], 0)[0] and isinstance(earlier_s := next(records, None), float):
                end_s = self._end_by(min(end_s, earlier_s))
        with self._changed:
            self._is_over = True
            self._dropped["unsent"] += len(self._waiting) + len(self._sending)
            self._tell()

    def _put_all(self, records: Iterator[tuple[bytes, bytes] | float]) -> float:
        """Takes spans until no more follow. Returns the time to finish by."""
        for found in records:
            if isinstance(found, float):
                return found
            self._put(*found)
        return time.monotonic() + ORPHAN_S

    def _end_by(self, end_s: float) -> float:
        """Lets the thread end by that time, and returns it."""
        with self._changed:
            self._end_s = end_s
            self._changed.notify_all()
        return end_s

    def _put(self, resource: bytes, span: bytes) -> None:
        """Takes a span, if there is room for it."""
        with self._changed:
            if self._is_full() and self._waits:
                self._changed.wait_for(lambda: not self._is_full() or self._has_given_up(), FILE_PATIENCE_S)
            if self._is_full():
                self._dropped["full"] += 1
                return
            if len(self._resources) >= RESOURCES_MAX:
                self._resources.clear()
            self._waiting.append((self._resources.setdefault(resource, resource), span))
            self._bytes += len(span)
            if len(self._waiting) == 1 or len(self._waiting) == self._limits.batch_spans:
                self._changed.notify_all()

    def _is_full(self) -> bool:
        spans = len(self._waiting) + len(self._sending)
        return spans >= self._limits.waiting_spans or self._bytes >= self._limits.waiting_bytes

    def _has_given_up(self) -> bool:
        """Whether the collector has been silent for so long that a file does not wait for it."""
        return time.monotonic() - self._answered_s >= FILE_PATIENCE_S

    def _send_all(self) -> None:
        # an empty request shows at once whether the collector is there, and takes requests of this kind
        try:
            with closing(self._collector):
                self._note(self._collector.post(b""))
                while self._take() and self._send():
                    pass
        except Exception as error:  # what waits is counted at the end
            self._say(f"sending traces has failed: {type(error).__name__}: {error}")

    def _take(self) -> bool:
        """Waits for a batch. Returns False at the end."""
        most = self._limits.batch_spans
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._end_s is not None)
            self._changed.wait_for(lambda: len(self._waiting) >= most or self._end_s is not None, self._limits.batch_s)
            self._sending = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            return bool(self._sending)

    def _send(self) -> bool:
        """Sends the batch, again and again if need be. Returns False if the time to end is over."""
        request = self._made(self._sending)
        backoff_s = BACKOFF_S
        while True:
            left_s = None if self._end_s is None else self._end_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                return False
            answer = self._collector.post(request, left_s)
            self._note(answer)
            if answer.fate is not Fate.UNREACHED:
                return self._count(answer)
            is_ending = self._end_s is not None
            with self._changed:
                self._tell()
                # at the end, it is tried once more at once
                wait_s = backoff_s if answer.retry_s is None else answer.retry_s
                self._changed.wait_for(self._is_ending if not is_ending else bool, wait_s)
            backoff_s = BACKOFF_S if self._end_s is not None else min(2 * backoff_s, BACKOFF_MAX_S)

    def _is_ending(self) -> bool:
        return self._end_s is not None

    def _count(self, answer: CollectorAnswer) -> bool:
        """Counts what became of the batch. Returns False if it is counted already, because the end has come."""
        with self._changed:
            if self._is_over:
                return False
            count = len(self._sending)
            if answer.fate is Fate.REFUSED:
                self._dropped["refused"] += count
            else:
                rejected = min(answer.rejected, count)
                self._exported += count - rejected
                self._dropped["rejected"] += rejected
            self._bytes -= sum(len(span) for _, span in self._sending)
            self._sending = []
            self._tell()
            self._changed.notify_all()
        return True

    def _made(self, spans: list[tuple[bytes, bytes]]) -> bytes:
        """Returns a request with spans, by their resources."""
        request = self._request()
        groups: dict[bytes, Any] = {}
        for resource, span in spans:
            group = groups.get(resource)
            if group is None:
                made = request.resource_spans.add()
                made.resource.ParseFromString(resource)
                group = groups[resource] = made.scope_spans.add()
                group.scope.name, group.scope.version = SCOPE, self._version
            group.spans.add().ParseFromString(span)
        serialized: bytes = request.SerializeToString()
        return serialized

    def _tell(self) -> None:
        """Reports the counts so far."""
        dropped = {reason: count for reason, count in self._dropped.items() if count}
        self._report({"exported": self._exported, "dropped": dropped})

    def _note(self, answer: CollectorAnswer) -> None:
        """Says what has changed about the collector."""
        if answer.fate is not Fate.UNREACHED:
            self._answered_s = time.monotonic()
        said = answer.reason
        if said and said != self._said and not self._is_over:
            limits = self._limits
            words = {
                Fate.UNREACHED: f"cannot be reached: {said}; up to {limits.waiting_spans} spans wait for it",
                Fate.REFUSED: f"refuses spans: {said}; they are dropped",
                Fate.ACCEPTED: f"{'rejects some spans' if answer.rejected else 'warns'}: {said}",
            }
            self._say(f"the collector {self._name} {words[answer.fate]}")
        if self._is_down and answer.fate is Fate.ACCEPTED:
            self._say(f"the collector {self._name} is reached again")
        self._is_down = answer.fate is Fate.UNREACHED
        self._said = said


def line_of(report: Mapping[str, Any]) -> bytes:
    """Returns a report as the line that goes back to the capture."""
    return json.dumps(report, separators=(",", ":")).encode() + b"\n"
