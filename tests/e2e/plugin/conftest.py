"""Projects of users, each in a folder of its own, with tests that use the plugin."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

import sockfilter
from tests.support.skips import need_root

if TYPE_CHECKING:
    from collections.abc import Callable

# serves what Handler, a class that is put behind it, answers
SERVING = """
import http.server, json, subprocess, threading, urllib.request
import pytest

@pytest.fixture(scope="session")
def port():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()

class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def answer(self, status, body, *fields):
        self.send_response(status)
        for name, value in (*fields, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
"""
# it answers 200 to all, but 404 to what has missing in it, and 201 to POST with what was sent
CONFTEST = f"""{SERVING}
class Handler(Answering):
    def do_GET(self):
        self.answer(404 if "missing" in self.path else 200, b"hello")
    def do_POST(self):
        self.answer(201, self.rfile.read(int(self.headers["Content-Length"])))

@pytest.fixture
def get(port):
    return lambda path: subprocess.run(
        ["curl", "-s", f"http://127.0.0.1:{{port}}{{path}}"], check=True, capture_output=True
    ).stdout
"""


# plugins that the tests of this project need, and a user's project need not have: their imports cost four times as much
# CPU as the rest of a pytest that starts
WITHOUT = "-p no:hypothesispytest -p no:anyio"


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """pytest's own, which leaves the options of the tests out, with options of these projects."""
    monkeypatch.setenv("PYTEST_ADDOPTS", WITHOUT)
    return pytester


@pytest.fixture(scope="session")
def imported() -> None:
    """What a capture imports: a run of pytest in this process forgets the modules that it was the first to import."""
    need_root()
    with sockfilter.capture("lo", ports=1):
        pass


@pytest.fixture
def project(pytester: pytest.Pytester, imported: None) -> Callable[..., pytest.RunResult]:
    """Writes tests, and runs pytest on them with some words."""
    pytester.makeconftest(CONFTEST)
    # others use lo too
    pytester.makeini("[pytest]\nwire_scope = tree\n")

    def run(tests: str, *words: str) -> pytest.RunResult:
        pytester.makepyfile(textwrap.dedent(tests))
        if "-p" in words or any(word.startswith("-n") for word in words):
            return pytester.runpytest_subprocess(*words, timeout=300)
        return pytester.runpytest_inprocess(*words)

    return run
