"""Servers and clients that talk TLS on loopback, with a certificate of their own, and write a key log if asked to."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.support.net import free_port
from tests.support.servers import BETWEEN_TRIES_S, START_S
from tests.support.skips import need_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOST = "127.0.0.1"
DAYS = "2"
BIG = b"abcdefgh" * 40_000

NGINX = """\
daemon off; master_process off; worker_processes 1; pid {work}/pid; error_log stderr;
events {{}}
http {{
  access_log off; default_type text/plain; keepalive_timeout 60;
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl http2; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{ return 200 "it is $uri\n"; }}
  }}
}}
"""


class Certificate(NamedTuple):
    """The files of a certificate for localhost, signed by itself."""

    certificate: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    """Makes a certificate in a folder."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = [need_tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", DAYS, "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-out", str(made.certificate), "-keyout", str(made.key)]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return made


class Answering(BaseHTTPRequestHandler):
    """/none is not there; /big has many records; everything else is small."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = BIG if self.path == "/big" else b"a few bytes\n"
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        pass


class TlsServer(ThreadingHTTPServer):
    """Answers by HTTPS, in a thread. The handshake is made in the thread of its connection."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__((HOST, 0), Answering)
        self._context = context

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def finish_request(self, request: socket.socket, client_address: object) -> None:
        with self._context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client may go away at any time."""


@contextmanager
def https_site(made: Certificate, keylog: Path | None = None, version: ssl.TLSVersion | None = None) -> Iterator[int]:
    """A server by HTTPS. Yields its port.

    keylog: where it writes its secrets. version: the only version of TLS that it speaks.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if keylog is not None:
        context.keylog_filename = str(keylog)
    with TlsServer(context) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def nginx(made: Certificate, work: Path) -> Iterator[int]:
    """nginx with HTTPS, HTTP/1.1 and HTTP/2. Yields its port."""
    program, port = need_tool("nginx"), free_port()
    settings = work / "nginx.conf"
    settings.write_text(NGINX.format(work=work, port=port, certificate=made.certificate, key=made.key))
    process = subprocess.Popen(
        [program, "-p", str(work), "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await_port(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def await_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            with socket.create_connection((HOST, port)):
                return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on port {port}"
            time.sleep(BETWEEN_TRIES_S)


def curl(made: Certificate, keylog: Path | None, *words: str) -> bytes:
    """Runs curl, which writes its secrets where SSLKEYLOGFILE says. Returns its output."""
    environment = {name: value for name, value in os.environ.items() if name != "SSLKEYLOGFILE"}
    if keylog is not None:
        environment["SSLKEYLOGFILE"] = str(keylog)
    command = [need_tool("curl"), "-sS", "--noproxy", "*", "--cacert", str(made.certificate), *words]
    return subprocess.run(command, env=environment, check=True, capture_output=True, timeout=START_S).stdout


def client_context(made: Certificate, keylog: Path | None = None) -> ssl.SSLContext:
    """What a client in Python needs."""
    context = ssl.create_default_context(cafile=str(made.certificate))
    if keylog is not None:
        context.keylog_filename = str(keylog)
    return context


class Client:
    """A client by Python's http.client, with one connection.

    keylog: where it writes its secrets.
    """

    def __init__(self, made: Certificate, port: int, keylog: Path | None = None) -> None:
        context = client_context(made, keylog)
        self._connection = http.client.HTTPSConnection(HOST, port, timeout=START_S, context=context)

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path)
        return self._connection.getresponse().read()

    def close(self) -> None:
        self._connection.close()


def ask(made: Certificate, port: int, *paths: str, keylog: Path | None = None) -> list[bytes]:
    """Asks for each path in turn on one connection. Returns the answers."""
    client = Client(made, port, keylog)
    try:
        return [client.get(path) for path in paths]
    finally:
        client.close()


def decrypted(path: Path, *fields: str, more: Sequence[str] = ()) -> list[list[str]]:
    """What tshark shows of a capture file's HTTP: the fields of each packet that has any."""
    command = [need_tool("tshark"), "-r", str(path), "-Y", "http || http2.headers", "-T", "fields", *more]
    command += [part for name in fields for part in ("-e", name)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]
