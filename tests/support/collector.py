"""A collector of traces that answers as it is told, and rotel, a real one, before it."""

from __future__ import annotations

import gzip
import http.server
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.net import free_port
from tests.support.skips import need_package

if TYPE_CHECKING:
    from types import TracebackType

WAIT_S = 60.0
BETWEEN_TRIES_S = 0.02


class Collecting:
    """A server of OTLP over HTTP on a thread. It keeps all spans.

    Args:
        port: its port; 0: any that is free.
        tls: how it opens TLS; None: it has none.

    Attributes:
        answers: status, fields and body of the next answers to requests with spans, the first first. Then: 200.
        requests: the fields of each request.
    """

    def __init__(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[dict[str, str]] = []
        self._batches: list[Any] = []
        self._changed = threading.Condition()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Collecting:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT_S)

    @property
    def batches(self) -> list[Any]:
        """The accepted requests with spans."""
        return list(self._batches)

    @property
    def spans(self) -> list[tuple[dict[str, Any], Any]]:
        """Each accepted span, with the attributes of its resource."""
        return [
            (attributes(group.resource), span)
            for batch in self._batches
            for group in batch.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]

    def wait_for(self, count: int) -> list[tuple[dict[str, Any], Any]]:
        """Waits until it has so many spans."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.spans) >= count, WAIT_S), len(self.spans)
        return self.spans

    def wait_for_requests(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= count, WAIT_S), self.requests

    def _take(self, fields: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            self.requests.append(fields)
            answer = 200, {}, b""
            if request.resource_spans:
                answer = self.answers.pop(0) if self.answers else answer
                if answer[0] == 200:
                    self._batches.append(request)
            self._changed.notify_all()
        return answer

    def _handler(collecting) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805  # self is the handler's
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers["content-encoding"] == "gzip":
                    body = gzip.decompress(body)
                fields = {name.lower(): value for name, value in self.headers.items()} | {":path": self.path}
                status, answered, content = collecting._take(fields, body)
                self.send_response(status)
                for name, value in {**answered, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *words: object) -> None:
                pass

        return Handler


class Rotel:
    """The collector rotel, which passes on what it takes to another.

    Args:
        to: the URL of the other.
        folder: where it writes its log.
    """

    def __init__(self, to: str, folder: Path) -> None:
        self._agent = Path(need_package("rotel").__file__ or "").parent / "rotel-agent"
        self._to = to
        self._folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it listens."""
        options = {
            "otlp-http-endpoint": f"127.0.0.1:{self.port}",
            "otlp-grpc-endpoint": f"127.0.0.1:{free_port()}",
            "exporter": "otlp",
            "otlp-exporter-endpoint": self._to,
            "otlp-exporter-protocol": "http",
            "pid-file": str(self._folder / "rotel.pid"),
            "log-file": str(self._folder / "rotel.log"),
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [self._agent, "start", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await_listener(self.port)

    def kill(self) -> None:
        """Kills it, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(WAIT_S)
        self._process = None


def await_listener(port: int) -> None:
    """Waits until somebody listens on a port of 127.0.0.1. Nobody connects to it, so that no connection is seen."""
    wanted = f"0100007F:{port:04X}"
    deadline = time.monotonic() + WAIT_S
    while not any(
        words[1] == wanted and words[3] == "0A"
        for words in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
    ):
        assert time.monotonic() < deadline, port
        time.sleep(BETWEEN_TRIES_S)


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a span, an event or a resource."""
    found = {}
    for pair in of.attributes:
        kind = pair.value.WhichOneof("value")
        value = getattr(pair.value, kind)
        found[pair.key] = [each.string_value for each in value.values] if kind == "array_value" else value
    assert len(found) == len(of.attributes)  # each name once
    return found
