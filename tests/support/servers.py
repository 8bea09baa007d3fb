"""Real servers, each in a process of its own, in any network namespace; all serve the site of site.py."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import site
from tests.support.net import free_port
from tests.support.skips import need_tool
from tests.support.topologies import LOOPBACK, Network, inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

HERE = Path(__file__).parent
START_S = 60.0
END_S = 60.0
BETWEEN_TRIES_S = 0.01

NGINX = """\
daemon off; master_process off; worker_processes 1; pid {work}/pid; error_log stderr;
events {{}}
http {{
  access_log off; default_type text/plain; client_max_body_size 16m; keepalive_timeout 5;
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  server {{
    listen {listen};
    root {work}/root;
    # through a proxy, so that the whole request is read before it is answered
    location /echo {{ proxy_pass http://unix:{work}/echo; }}
    location /chunked {{ ssi on; ssi_types *; }}
    location /gzip {{ gzip on; gzip_types *; gzip_min_length 0; gzip_http_version 1.0; }}
    location /upload {{ dav_methods PUT; }}
  }}
  server {{ listen unix:{work}/echo; return 201 "thanks\n"; }}
}}
"""


@dataclass(frozen=True)
class Site:
    """A server that answers: where it is, and where its clients are."""

    name: str
    host: str
    port: int
    client_netns: str | None = None
    server_netns: str | None = None
    pid: int = 0

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self, target: str) -> str:
        return f"http://{self.authority}{target}"

    def connect(self) -> socket.socket:
        """A connection from where its clients are."""
        with inside(self.client_netns):
            return socket.create_connection((self.host, self.port), timeout=START_S)


@contextmanager
def python_server(network: Network = LOOPBACK, family: int = 4) -> Iterator[Site]:
    """http.server, speaking HTTP/1.1."""
    host, port = _place(network, family)
    command = [sys.executable, str(HERE / "site.py"), host, str(port)]
    with serving("python", command, network, host, port) as running:
        yield running


@contextmanager
def node(network: Network = LOOPBACK, family: int = 4) -> Iterator[Site]:
    host, port = _place(network, family)
    command = [need_tool("node"), str(HERE / "site.js"), host, str(port)]
    with serving("node", command, network, host, port) as running:
        yield running


@contextmanager
def nginx(network: Network = LOOPBACK, family: int = 4) -> Iterator[Site]:
    program = need_tool("nginx")
    host, port = _place(network, family)
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        (work / "root/upload").mkdir(parents=True)
        for name, content in (
            ("small", site.SMALL),
            ("big", site.big()),
            ("gzip", site.ZIPPED),
            ("chunked", b"".join(site.CHUNKS)),
        ):
            (work / "root" / name).write_bytes(content)
        listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        (work / "conf").write_text(NGINX.format(work=work, listen=listen))
        command = [program, "-e", "stderr", "-p", directory, "-c", f"{directory}/conf"]
        with serving("nginx", command, network, host, port) as running:
            yield running


@contextmanager
def file_server(directory: Path, host: str = "127.0.0.1") -> Iterator[Site]:
    """python -m http.server: HTTP/1.0, bodies with a length, one exchange a connection."""
    port = free_port(host)
    command = [sys.executable, "-m", "http.server", str(port), "--bind", host, "--directory", str(directory)]
    with serving("python -m http.server", command, LOOPBACK, host, port) as running:
        yield running


SERVERS: dict[str, Callable[[Network, int], AbstractContextManager[Site]]] = {
    "python": python_server,
    "nginx": nginx,
    "node": node,
}


def _place(network: Network, family: int) -> tuple[str, int]:
    host = network.address(family)
    with inside(network.server):
        return host, free_port(host)


@contextmanager
def serving(name: str, command: list[str], network: Network, host: str, port: int) -> Iterator[Site]:
    """Runs a server until the end, from when it takes connections."""
    if network.server:
        command = ["ip", "netns", "exec", network.server, *command]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            place = Site(name, host, port, network.client, network.server, process.pid)
            _await(place, process, said.fileno())
            yield place
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(place: Site, process: subprocess.Popen[bytes], said: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            place.connect().close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(BETWEEN_TRIES_S)
    words = Path(f"/proc/self/fd/{said}").read_text()
    raise AssertionError(f"{place.name} does not listen on {place.authority}: {words}")
