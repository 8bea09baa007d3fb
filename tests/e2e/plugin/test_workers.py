"""Beside other workers of pytest-xdist, each test sees the HTTP of its own process and what that starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Project = Callable[..., pytest.RunResult]

TESTS = """
import subprocess, sys, threading, time, urllib.request
import pytest

# a server that all workers share, and that belongs to none: it was there before them
@pytest.fixture(scope="session")
def shared(request):
    with open("port") as file:
        return int(file.read())

@pytest.mark.parametrize("i", range(24))
def test_it(wire, port, get, shared, i):
    get(f"/curl/{i}")
    urllib.request.urlopen(f"http://127.0.0.1:{port}/urllib/{i}").read()
    subprocess.run(["sh", "-c", f"setsid curl -s http://127.0.0.1:{shared}/shared/{i} >/dev/null & wait"], check=True)
    assert sorted(e.request.path for e in wire.all()) == [f"/curl/{i}", f"/shared/{i}", f"/urllib/{i}"]
"""

SHARED = """
import threading, pathlib
def pytest_sessionstart(session):
    if not hasattr(session.config, "workerinput"):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        pathlib.Path("port").write_text(str(server.server_port))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        session.config.add_cleanup(server.shutdown)
        session.config.add_cleanup(server.server_close)
"""


def test_four_workers_do_not_see_each_other(project: Project, pytester: pytest.Pytester):
    conftest = pytester.path / "conftest.py"
    conftest.write_text(conftest.read_text() + SHARED)
    pytester.makeini("[pytest]\n")  # by default, with no thought
    project(TESTS, "-n4").assert_outcomes(passed=24)


def test_they_do_where_they_are_told_to(project: Project):
    result = project(
        """
        import pathlib, time
        import pytest

        @pytest.mark.parametrize("i", range(2))
        def test_it(wire, get, i):
            pathlib.Path(f"ready{i}").touch()
            deadline = time.monotonic() + 60
            while not pathlib.Path(f"ready{1 - i}").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            get(f"/{i}")
            wire.wait_for(path=f"/{1 - i}", timeout=60)  # of the other worker
        """,
        "-n2",
        "--wire-scope=host",
    )
    result.assert_outcomes(passed=2)
