"""A mix of traffic from a real site, recorded anew: nginx in front of an application, and clients as browsers are.

Pages, files, an API, forms; cookies, ids, conditional requests; chunked, gzipped, plain; 200, 201, 303, 304, 404. Needs
root, nginx and node.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.bench.load import Load
from tests.bench.tools import SOCKFILTER
from tests.support.net import free_port
from tests.support.servers import serving
from tests.support.skips import need_tool
from tests.support.topologies import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
CLIENTS = 16
# rounds of each client, of some eight requests each
ROUNDS = 40
FILES = 12
TIMEOUT_S = 60

CONFIGURATION = """\
daemon off; master_process off; worker_processes 1; pid {work}/pid; error_log stderr;
events {{}}
http {{
  access_log off; keepalive_requests 100000; gzip on; gzip_min_length 400; gzip_proxied any;
  gzip_types text/css text/javascript application/json;
  types {{ text/css css; text/javascript js; image/png png; }}
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fastcgi;
  uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  server {{
    listen {host}:{port};
    root {work}/root;
    add_header X-Request-Id $request_id;
    location /static/ {{ expires 1h; }}
    location / {{ proxy_pass http://{host}:{behind}; proxy_set_header Host $http_host; proxy_http_version 1.1; }}
  }}
}}
"""


@contextmanager
def site() -> Iterator[int]:
    """The site. Yields its port."""
    port, behind = free_port(), free_port()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        (work / "root/static").mkdir(parents=True)
        for number in range(FILES):
            name = f"{number}.{('css', 'js', 'png')[number % 3]}"
            (work / "root/static" / name).write_bytes(Random(number).randbytes(300 * (number + 1)))
        text = CONFIGURATION.format(work=work, host=HOST, port=port, behind=behind)
        (work / "conf").write_text(text)
        application = [need_tool("node"), str(Path(__file__).with_name("site.js")), HOST, str(behind)]
        front = [need_tool("nginx"), "-e", "stderr", "-p", directory, "-c", f"{directory}/conf"]
        work.chmod(0o755)
        with (
            serving("node", application, LOOPBACK, HOST, behind),
            serving("nginx", front, LOOPBACK, HOST, port),
        ):
            yield port


class Browser:
    """A client with a connection that it keeps, its cookie, and the files that it has.

    Args:
        port: the site's.
        number: from which its choices follow.

    Attributes:
        asked: its requests so far.
    """

    def __init__(self, port: int, number: int) -> None:
        self._link = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
        self._random = Random(number)
        self.asked = 0
        self._cookie = ""
        self._has: dict[str, str] = {}
        self._usual = {
            "User-Agent": f"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.{number}",
            "Accept-Language": "en-GB,en;q=0.5",
            "Accept-Encoding": "gzip, deflate, br",
        }

    def visit(self) -> None:
        """A page, some of its files, and what its script asks for."""
        choose = self._random.randrange
        page = f"/products/{choose(2000)}"
        self.ask("GET", f"{page}?ref=home", Accept="text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
        for _ in range(3):
            number = choose(FILES)
            path = f"/static/{number}.{('css', 'js', 'png')[number % 3]}"
            self.ask("GET", path, Referer=page, **({"If-None-Match": self._has[path]} if path in self._has else {}))
        for _ in range(2):
            ids = {"X-Request-Id": self._id(), "Authorization": f"Bearer {self._id()}"}
            self.ask("GET", f"/api/items/{choose(100_000)}?fields=id,stock", Accept="application/json", **ids)
        item = json.dumps({"item": choose(2000), "count": 1 + choose(5)})
        self.ask("POST", "/api/basket", item, **{"Content-Type": "application/json"})
        if not choose(4):
            self.ask("HEAD", page)
            self.ask("GET", f"/nowhere/{self._id()}")
        if not choose(8):
            form = f"user=ada&password={self._id()}"
            self.ask("POST", "/login", form, **{"Content-Type": "application/x-www-form-urlencoded"})

    def ask(self, method: str, target: str, body: str | None = None, **more: str) -> None:
        """A request, and its whole response."""
        cookie = {"Cookie": f"{self._cookie}; theme=dark; consent=1"} if self._cookie else {}
        self._link.request(method, target, body, {"Accept": "*/*", **self._usual, **cookie, **more})
        response = self._link.getresponse()
        response.read()
        self.asked += 1
        self._cookie = self._cookie or (response.headers["Set-Cookie"] or "").partition(";")[0]
        if response.headers["ETag"]:
            self._has[target] = response.headers["ETag"]

    def close(self) -> None:
        """Ends its connection."""
        self._link.close()

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def browse(port: int, rounds: int = ROUNDS) -> Load:
    """Clients that ask side by side."""

    def run(number: int) -> int:
        browser = Browser(port, number)
        for _ in range(rounds):
            browser.visit()
        browser.close()
        return browser.asked

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        asked = sum(pool.map(run, range(CLIENTS)))
    return Load(asked, asked / (time.monotonic() - began))


def record(path: str, rounds: int = ROUNDS) -> None:
    """Records the site under load to a file, by `sockfilter -w`. Raises AssertionError if frames were lost."""
    with site() as port:
        command = [str(SOCKFILTER), "-i", "lo", "--ports", str(port), "--user", "root", "--fail-on-loss", "-w", path]
        recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert recorder.stderr is not None
        try:
            said = recorder.stderr.readline()
            assert "listening" in said, said
            browse(port, rounds)
        finally:
            os.kill(recorder.pid, signal.SIGINT)
            said = recorder.stderr.read()
            status = recorder.wait()
        assert status == 0, said
