"""A shop that sells little, in a thread of the test's own process: what the clients of these tests talk to."""

from __future__ import annotations

import gzip
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from sockfilter import Where

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOW_S = 0.05
TIMEOUT_S = 60
ORDERS = [{"id": 7, "item": "tea"}, {"id": 8, "item": "a café crème"}]
LINES = [b'{"line": 1}\n', b'{"line": 2}\n', b'{"line": 3}\n']


@dataclass(frozen=True)
class Shop:
    """Where it is, and which exchanges are its."""

    port: int

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def here(self) -> Where:
        return Where(port=self.port)

    def url(self, target: str) -> str:
        return f"http://{self.authority}{target}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # head and body are two writes: the second would wait for the client to acknowledge the first
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/slow":
            time.sleep(SLOW_S)
        if path in ("/orders", "/slow"):
            self._json(200, ORDERS)
        elif path == "/stream":
            self._begin(200, ("Content-Type", "application/x-ndjson"), ("Transfer-Encoding", "chunked"))
            for line in (*LINES, b""):
                self._write(b"%x\r\n%b\r\n" % (len(line), line))
        elif path == "/endless":
            self._begin(200, ("Transfer-Encoding", "chunked"))
            self._write(b"%x\r\n%b\r\n" % (len(LINES[0]), LINES[0]))
            # until the client goes away
            self.close_connection = not self.rfile.read(1)
        elif path == "/packed":
            self._whole(200, gzip.compress(json.dumps(ORDERS).encode()), ("Content-Encoding", "gzip"))
        elif path == "/old":
            self._begin(200, ("Connection", "close"))
            self._write(b"until I close")
        elif path == "/login":
            self._whole(302, b"", ("Location", "/orders"), ("Set-Cookie", "session=s3cr3t; Path=/; HttpOnly"))
        else:
            self._json(404, {"error": "not here"})

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        self._json(201, {"id": 9, "got": len(self._body())}, ("Location", "/orders/9"))

    do_PUT = do_PATCH = do_POST  # noqa: N815

    def do_DELETE(self) -> None:
        self._begin(204)

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _json(self, status: int, content: Any, *fields: tuple[str, str]) -> None:
        self._whole(status, json.dumps(content).encode(), ("Content-Type", "application/json"), *fields)

    def _whole(self, status: int, content: bytes, *fields: tuple[str, str]) -> None:
        self._begin(status, *fields, ("Content-Length", str(len(content))))
        self._write(content)

    def _begin(self, status: int, *fields: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()

    def _write(self, content: bytes) -> None:
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    # a client may still hold a connection when the test ends
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def in_thread(server: Any) -> Iterator[None]:
    """Serves in a thread for as long as this lasts."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def open_shop() -> Iterator[Shop]:
    with Server(("127.0.0.1", 0), Handler) as server, in_thread(server):
        yield Shop(server.server_port)
