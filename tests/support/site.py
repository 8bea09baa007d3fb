"""The site that the test's servers serve, here by Python's http.server: python site.py ADDRESS PORT

/small, /big, /slow, /gzip and /chunked give what they are named for; what is sent to /echo and
/upload is answered with its hash; all else is not there.
"""

from __future__ import annotations

import gzip
import hashlib
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SMALL = b"a few bytes, and an umlaut: \xc3\xbc\n"
BIG_BYTES = 5 << 20
SLOW_S = 0.05
CHUNKS = (b"one ", b"and another ", b"and the last\n")
ZIPPED = b"the same again and again, " * 400


def big() -> bytes:
    """Five MiB that are no text and do not repeat within a segment."""
    return b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(BIG_BYTES // 32))


class Site(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # head and body are two writes: the second would wait for the client to acknowledge the first
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/slow":
            time.sleep(SLOW_S)
        if path == "/chunked":
            self._answer(200, [("Transfer-Encoding", "chunked")])
            for chunk in (*CHUNKS, b""):
                self._write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            return
        if path == "/gzip":
            self._whole(200, gzip.compress(ZIPPED), [("Content-Encoding", "gzip")])
            return
        content = {"/small": SMALL, "/slow": SMALL, "/big": BIG}.get(path)
        if content is None:
            self._whole(404, b"not here\n", [])
        else:
            self._whole(200, content, [])

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._whole(201, hashlib.sha256(body).hexdigest().encode(), [])

    do_PUT = do_POST  # noqa: N815

    def _whole(self, status: int, content: bytes, fields: list[tuple[str, str]]) -> None:
        self._answer(status, [*fields, ("Content-Length", str(len(content)))])
        self._write(content)

    def _answer(self, status: int, fields: list[tuple[str, str]]) -> None:
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
    request_queue_size = 128


class Server6(Server):
    address_family = socket.AF_INET6


if __name__ == "__main__":
    BIG = big()
    host, port = sys.argv[1], int(sys.argv[2])
    (Server6 if ":" in host else Server)((host, port), Site).serve_forever()
