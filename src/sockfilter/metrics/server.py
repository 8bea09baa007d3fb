"""Serves metrics over HTTP: /metrics and /healthz."""

from __future__ import annotations

import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from sockfilter.metrics.exposition import SnapshotCollector
from sockfilter.metrics.health import Health
from sockfilter.metrics.registry import MetricKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sockfilter.metrics.snapshot import Family

# Connections at once: some servers of Prometheus, and probes. Further ones are closed.
CONNECTIONS_MAX = 16
# Seconds that a client may take for its request, and for reading the answer.
CLIENT_S = 5.0
TEXT = "text/plain; charset=utf-8"
OK, NOT_FOUND, UNAVAILABLE = 200, 404, 503
PAGES = "/metrics: counts for Prometheus\n/healthz: 200 if the capture captures and loses nothing, 503 if not\n"


class MetricsServer(ThreadingHTTPServer):
    """Answers with the counts of this moment. If the capture gives none in time, with the last ones.

    Args:
        listener: a listening socket.
        ask: returns the counts of this moment. None: the capture does not answer.
        version: of sockfilter.
    """

    daemon_threads = True

    def __init__(self, listener: socket.socket, ask: Callable[[], Sequence[Family] | None], version: str) -> None:
        super().__init__(listener.getsockname(), MetricsHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self._ask = ask
        self._version = version
        self._health = Health()
        self._lock = Lock()  # of health and last
        self._last: Sequence[Family] = ()
        self._room = BoundedSemaphore(CONNECTIONS_MAX)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Takes a connection, unless there are too many."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Answers on a thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing of a client that has gone, or was too slow."""

    def health(self) -> tuple[int, str]:
        """Returns the status and the text of /healthz."""
        _, problems = self._look()
        return (UNAVAILABLE, "".join(f"{each}\n" for each in problems)) if problems else (OK, "ok\n")

    def metrics(self, accept: str) -> tuple[str, bytes]:
        """Returns the type and the text of /metrics. accept: the types that the client takes."""
        families, problems = self._look()
        registry = CollectorRegistry()
        registry.register(SnapshotCollector(lambda: [*self._about(not problems), *families]))
        encode, kind = choose_encoder(accept)
        return kind, encode(registry)

    def _look(self) -> tuple[Sequence[Family], list[str]]:
        found = self._ask()
        with self._lock:
            self._last = self._last if found is None else found
            return self._last, self._health.problems(found, time.monotonic())

    def _about(self, is_healthy: bool) -> list[Family]:
        gauges = {
            "sockfilter_build_info": ("The version of sockfilter.", [("version", self._version)], 1),
            "sockfilter_healthy": ("1 if the capture captures and loses nothing, as /healthz says.", [], is_healthy),
        }
        return [
            {
                "name": name,
                "kind": str(MetricKind.GAUGE),
                "help": said,
                "buckets": (),
                "series": [(labels, float(value), ())],  # type: ignore[list-item]  # as JSON has it
            }
            for name, (said, labels, value) in gauges.items()
        ]


class MetricsHandler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: MetricsServer
    server_version, sys_version = "sockfilter", ""
    timeout = CLIENT_S

    def do_GET(self) -> None:  # noqa: N802  # the name that http.server looks for
        """Answers."""
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._send(OK, *self.server.metrics(self.headers.get("accept", "")))
        elif path == "/healthz":
            status, text = self.server.health()
            self._send(status, TEXT, text.encode())
        else:
            self._send(OK if path == "/" else NOT_FOUND, TEXT, PAGES.encode())

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *words: object) -> None:
        """Says nothing."""

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
