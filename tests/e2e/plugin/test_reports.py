"""What reports say: of failing tests all that was seen, of every test what was not whole."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

import sockfilter

if TYPE_CHECKING:
    from collections.abc import Callable

    Project = Callable[..., pytest.RunResult]


FAILING = """
def test_it(wire, get):
    get("/seen")
    assert False
"""
# a client that leaves before it is answered
ODD = """
import socket
import pytest

@pytest.mark.wire(strict={strict})
def test_it(wire, port):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"POST /left HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\nab")
    wire.wait_for(path="/left")
"""


@pytest.mark.parametrize("words", [(), ("-n1",)], ids=["alone", "xdist"])
def test_a_failing_test_shows_what_was_seen(project: Project, words: tuple[str, ...]):
    result = project(FAILING, *words)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*- HTTP on lo -*", "*GET /seen * 200 *", "    > GET /seen HTTP/1.1", "    < hello"])


def test_a_passing_test_shows_nothing(project: Project):
    result = project("def test_it(wire, get): get('/seen')", "-rA")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*HTTP on lo*")


def test_junit_has_it_as_a_property(project: Project, pytester: pytest.Pytester):
    project(FAILING, "--junitxml=out.xml").assert_outcomes(failed=1)
    tree = ElementTree.parse(pytester.path / "out.xml")
    properties = {p.get("name"): p.get("value", "") for p in tree.iter("property")}
    assert "GET /seen" in properties["wire"]


@pytest.mark.parametrize("words", [(), ("-n1",)], ids=["alone", "xdist"])
def test_what_is_not_whole_is_said_though_the_test_passes(project: Project, words: tuple[str, ...]):
    result = project(ODD.format(strict=False), *words)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*= HTTP that is not whole =*", "*::test_it:", "*POST /left *[closed]*"])


def test_a_request_that_waits_for_its_answer_is_said(project: Project):
    result = project(
        """
        import socket

        def test_it(wire):
            with socket.create_server(("127.0.0.1", 0)) as server:
                with socket.create_connection(server.getsockname()) as client:
                    client.sendall(b"GET /waits HTTP/1.1\\r\\n\\r\\n")
                    wire.flush()
                    (exchange,) = wire.pending
                    assert (exchange.request.path, exchange.response) == ("/waits", None)
                    wire.one(path="/waits")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *the nearest:", "E *GET /waits * - *", "E *it has not ended; within=SECONDS waits for that"]
    )


@pytest.mark.parametrize("words", [(), ("--wire-strict",)], ids=["marker", "option"])
def test_strict_fails_on_it(project: Project, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]):
    monkeypatch.setenv("CI", "1")  # where pytest does not cut the line
    result = project(ODD.format(strict=not words).replace("strict=False", ""), *words)
    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("  POST /left") == 2  # in the error, and in the report
    result.stdout.fnmatch_lines(
        [
            "not whole, and the test is strict: POST /left*[[]closed*[]]",
            "*POST /left * [[]closed*[]]*",
            "FAILED *::test_it - not whole, and the test is strict: POST /left*[[]closed*[]]",
        ]
    )


def test_loss_is_said(project: Project):
    result = project(
        """
        import urllib.request
        import pytest

        @pytest.mark.wire(ring=4096, body="all" and None)
        def test_it(wire, port):
            for _ in range(50):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/a", data=b"x" * 2000).read()
            assert wire.losses()
        """
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*= HTTP that is not whole =*", "*records lost for want of room in the ring*"])


def test_the_files_of_a_failing_test_hold_what_crossed(project: Project, pytester: pytest.Pytester):
    result = project(FAILING + "\ndef test_fine(wire, get): get('/fine')", "--wire-dir=kept")
    result.assert_outcomes(failed=1, passed=1)
    (frames,) = (pytester.path / "kept").glob("*.pcapng")
    (lines,) = (pytester.path / "kept").glob("*.jsonl")
    assert frames.stem == lines.stem
    assert frames.stem.endswith("test_it")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (frames, lines)] == [0o600, 0o600]
    # others use lo too, and frames are of all
    (exchange,) = [e for e in sockfilter.read(str(frames)) if e.request and e.request.target == "/seen"]
    assert (exchange.response.status, exchange.complete) == (200, True)
    assert exchange.timing.connect is not None
    (line,) = map(json.loads, lines.read_text().splitlines())
    assert line["response"]["body"]["text"] == "hello"
    result.stdout.fnmatch_lines(["*HTTP on lo: files*", "kept/*test_it.pcapng", "kept/*test_it.jsonl"])


def test_of_many_exchanges_the_first_and_the_last_are_listed(project: Project):
    result = project(
        """
        import http.client

        def test_it(wire, port):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            for i in range(200):
                connection.request("GET", f"/{i}")
                connection.getresponse().read()
            connection.close()
            wire.expect(path="/-").once()
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"*{words}*" for words in ("GET /5 ", "... 189 more exchanges ...", "GET /195 ", "GET /199 ")]
    )
    result.stdout.no_fnmatch_line("*GET /100 *")


def test_one_exchange_is_shown_in_detail_and_a_line_of_each_other(project: Project):
    result = project(
        """
        def test_it(wire, get):
            for path in ("/a", "/b", "/last"):
                get(path)
            assert False
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*- HTTP on lo -*", "*GET /a *", "*GET /b *", "*GET /last *", "    > GET /last HTTP/1.1"]
    )
    result.stdout.no_fnmatch_line("    > GET /a HTTP/1.1")


def test_all_are_shown_in_detail_where_pytest_shows_everything(project: Project):
    test = "def test_it(wire, get):\n    get('/a')\n    get('/b')\n    wire.expect(path='/c').once()"
    result = project(test, "-vv")
    result.stdout.fnmatch_lines(["    > GET /a HTTP/1.1", "    > GET /b HTTP/1.1"])


def test_long_lines_and_long_exchanges_are_cut(project: Project):
    result = project(
        """
        import urllib.request

        def test_it(wire, port):
            body = b"\\n".join([b"x" * 5000] * 100)
            urllib.request.urlopen(f"http://127.0.0.1:{port}/a", data=body).read()
            assert False
        """,
        "--wire-body=all",
    )
    result.assert_outcomes(failed=1)
    shown = result.stdout.lines
    first = next(i for i, line in enumerate(shown) if "- HTTP on lo -" in line)
    end = next(i for i, line in enumerate(shown) if "short test summary" in line)
    assert end - first < 40
    assert max(map(len, shown[first:end])) <= 200


SUMMARY = """
def test_it(wire, get):
    get("/itmes")
    wire.expect(method="GET", path="/items", status=200).once()

def test_setup(wire_session):
    wire_session.expect(path="/items").once()
"""
LINE = "expected GET /items 200 once, found none; nearest: GET /itmes 200 (path: expected '/items', found '/itmes')"


@pytest.mark.parametrize("words", [(), ("-n1",)], ids=["alone", "xdist"])
def test_the_short_summary_tells_the_expectation_and_what_came_nearest(
    project: Project, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
):
    monkeypatch.setenv("CI", "1")  # where pytest does not cut the line
    result = project(SUMMARY, "--junitxml=out.xml", *words)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(
        [f"FAILED *::test_it - {LINE}", "FAILED *::test_setup - expected /items once, *"]
    )
    found = ElementTree.parse(pytester.path / "out.xml").find(".//testcase[@name='test_it']/failure")
    assert found is not None
    assert found.get("message") == LINE


def test_fifteen_failures_stay_readable(project: Project):
    """Each has some of a screen, whatever crossed while it ran."""
    result = project(
        """
        import http.client
        import pytest

        @pytest.mark.parametrize("i", range(15))
        def test_it(wire, port, i):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            for j in range(40):
                connection.request("POST", f"/{i}/{j}", b"[1, 2, 3]" * 500)
                connection.getresponse().read()
            connection.close()
            wire.expect(path=f"/{i}/x").once()
        """
    )
    result.assert_outcomes(failed=15)
    assert len(result.stdout.lines) < 15 * 60


def test_tests_whose_http_is_not_whole_are_named_up_to_a_number(project: Project):
    from sockfilter.testing.plugin import ODD_TESTS_MAX

    result = project(
        """
        import socket
        import pytest

        @pytest.mark.parametrize("i", range(23))
        def test_it(wire, port, i):
            for j in range(12):
                with socket.create_connection(("127.0.0.1", port)) as connection:
                    connection.sendall(b"POST /left HTTP/1.1\\r\\nContent-Length: 5\\r\\n\\r\\nab")
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(1000):
                        pass
        """
    )
    result.assert_outcomes(passed=23)
    shown = result.stdout.lines
    first = next(i for i, line in enumerate(shown) if "HTTP that is not whole" in line)
    assert sum("::test_it[" in line for line in shown[first:]) == ODD_TESTS_MAX
    assert "... and 3 more tests" in shown
    assert len(shown) - first < ODD_TESTS_MAX * 13
