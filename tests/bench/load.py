"""A server, and clients that ask it as fast as they can: nginx and h2load on loopback."""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.support.net import free_port
from tests.support.servers import serving
from tests.support.skips import need_tool
from tests.support.topologies import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.https import Certificate

HOST = "127.0.0.1"
KEEP_ALIVE = 1_000_000_000
# paths whose responses come in chunks, and whose responses are never the same: in nginx's configuration
CHUNKED, UNIQUE = "/chunked", "/items/"
# as many targets as a head's text is kept for are soon passed
UNIQUE_TARGETS = 5000
TIMEOUT_S = 120

CONFIGURATION = """\
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000; pid {work}/pid; error_log stderr;
events {{ worker_connections 10000; }}
http {{
  access_log off; default_type text/plain; keepalive_requests {keep_alive}; sendfile on;
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  server {{
    listen {host}:{port}{protocol} backlog=8192;{certificate}
    location / {{ return 200 "hello, world\\n"; }}
    location /items/ {{
      add_header ETag '"$request_id"'; add_header X-Request-Id $request_id; return 200 "hello, world\\n";
    }}
    location /chunked {{ gzip on; gzip_min_length 1; gzip_types *; return 200 "hello, world\\n"; }}
    location /files/ {{ alias {work}/files/; }}
  }}
}}
"""


class Load(NamedTuple):
    """What the clients had: requests that were answered, and how many in a second."""

    requests: int
    rate: float


class Server(NamedTuple):
    """nginx, and where what it serves lies."""

    port: int
    files: Path
    is_http2: bool = False
    scheme: str = "http"
    pid: int = 0

    def load(self, requests: int, connections: int = 16, *paths: str, streams: int = 0) -> Load:
        """Asks so often over so many connections for these paths in turn.

        Each connection has one request under way, or so many streams of HTTP/2.
        """
        urls = "".join(f"{self.scheme}://{HOST}:{self.port}{path}\n" for path in paths or ("/",))
        protocol = ["-m", str(streams)] if streams else ["--h1"]
        command = [need_tool("h2load"), *protocol, "-n", str(requests), "-c", str(connections), "-t", "1", "-i", "-"]
        command += ["-H", "Accept-Encoding: gzip"] if CHUNKED in paths else []
        said = subprocess.run(command, input=urls, capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout
        rate = re.search(r"finished in .*?, ([\d.]+) req/s", said)
        answered = re.search(r"(\d+) succeeded", said)
        assert rate is not None, said
        assert answered is not None, said
        return Load(int(answered[1]), float(rate[1]))


@contextmanager
def server(keep_alive: int = KEEP_ALIVE, *, http2: bool = False, made: Certificate | None = None) -> Iterator[Server]:
    """keep_alive: requests on one connection, then it is closed. http2: it speaks HTTP/2 alone, without TLS.

    made: it speaks HTTPS with this certificate.
    """
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        (work / "files").mkdir()
        work.chmod(0o755)
        protocol = " http2" if http2 else " ssl" if made is not None else ""
        files = "" if made is None else f" ssl_certificate {made.certificate}; ssl_certificate_key {made.key};"
        text = CONFIGURATION.format(
            work=work, host=HOST, port=port, keep_alive=keep_alive, protocol=protocol, certificate=files
        )
        (work / "conf").write_text(text)
        command = [need_tool("nginx"), "-e", "stderr", "-p", directory, "-c", f"{directory}/conf"]
        with serving("nginx", command, LOOPBACK, HOST, port) as site:
            yield Server(port, work / "files", http2, "http" if made is None else "https", site.pid)
