"""nginx on a port of its own, with something to ask it for of each kind."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.net import free_port
from tests.support.servers import serving
from tests.support.skips import need_tool
from tests.support.topologies import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers import Site

HOST = "127.0.0.1"
BIG_BYTES = 1 << 20
# seconds that a connection may say nothing: longer than any run
IDLE_S = 1_000_000

CONFIGURATION = """\
daemon off; master_process off; worker_processes 1; worker_priority 10; pid {work}/pid; error_log stderr emerg;
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type text/plain; keepalive_timeout {idle}; keepalive_requests 1000000000;
  client_header_timeout {idle}; client_body_temp_path {work}/body; proxy_temp_path {work}/proxy;
  fastcgi_temp_path {work}/fastcgi; uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  server {{
    listen {host}:{port} backlog=1024;
    location / {{ return 200 "hello, world\\n"; }}
    location /files/ {{ alias {work}/files/; }}
    location /chunked {{ alias {work}/files/text; ssi on; ssi_types *; }}
    location /gzip {{ alias {work}/files/text; gzip on; gzip_types *; gzip_min_length 0; }}
    location /upload/ {{ alias {work}/upload/; dav_methods PUT; }}
  }}
}}
"""


@contextmanager
def server() -> Iterator[Site]:
    """Serves until the end."""
    port = free_port(HOST)
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        for name in ("files", "upload"):
            (work / name).mkdir()
        work.chmod(0o755)
        (work / "upload").chmod(0o777)  # its worker is another user
        (work / "files/text").write_bytes(b"the same again and again, " * 400)
        (work / "files/big").write_bytes(bytes(range(256)) * (BIG_BYTES // 256))
        (work / "conf").write_text(CONFIGURATION.format(work=work, host=HOST, port=port, idle=IDLE_S))
        command = [need_tool("nginx"), "-e", "stderr", "-p", directory, "-c", f"{directory}/conf"]
        with serving("nginx", command, LOOPBACK, HOST, port) as site:
            yield site
