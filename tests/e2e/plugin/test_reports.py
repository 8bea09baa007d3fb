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
    result.stdout.fnmatch_lines(["E *not ended yet, 1:", "E *GET /waits *"])


@pytest.mark.parametrize("words", [(), ("--wire-strict",)], ids=["marker", "option"])
def test_strict_fails_on_it(project: Project, words: tuple[str, ...]):
    result = project(ODD.format(strict=not words).replace("strict=False", ""), *words)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["HTTP that is not whole, and the test is strict:", "*POST /left *"])


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


def test_a_long_transcript_is_cut_in_the_middle(project: Project):
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
        [f"*{words}*" for words in ("GET /0 ", "GET /19 ", "... 160 more exchanges ...", "GET /180 ", "GET /199 ")]
    )
    result.stdout.no_fnmatch_line("*GET /100 *")
