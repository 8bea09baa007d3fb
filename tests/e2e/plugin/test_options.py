"""How it is told: options, ini file, marker; and what it says of what cannot be meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Project = Callable[..., pytest.RunResult]

BODY = """
import urllib.request
import pytest
{mark}
def test_it(wire, port):
    urllib.request.urlopen(f"http://127.0.0.1:{{port}}/a", data=b"0123456789").read()
    exchange = wire.one()
    assert (exchange.request.body, exchange.request.body.length) == (b"{kept}", 10)
"""


@pytest.mark.parametrize(
    ("mark", "words", "kept"),
    [
        ("", (), "0123456789"),
        ("", ("--wire-body=4",), "0123"),
        ("", ("--wire-body=all",), "0123456789"),
        ("@pytest.mark.wire(body=2)", ("--wire-body=4",), "01"),
        ("@pytest.mark.wire('lo', body=2)", (), "01"),
        ("", ("-o", "wire_body=3"), "012"),
        ("", ("-o", "wire_body=3", "--wire-body=5"), "01234"),
    ],
)
def test_the_marker_beats_the_option_beats_the_file(project: Project, mark: str, words: tuple[str, ...], kept: str):
    project(BODY.format(mark=mark, kept=kept), *words).assert_outcomes(passed=1)


def test_ports_leave_others_out(project: Project):
    project("def test_it(wire, get):\n get('/a')\n wire.none()", "--wire-ports=1,2-3").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--wire-body=many",), "wire_body='many': a number of bytes, or all"),
        (("-o", "wire=perhaps"), "wire='perhaps': choose from skip, require"),
        (("-o", "wire_scope=galaxy"), "wire_scope='galaxy': choose from auto, host, tree"),
        (("--wire-scope=galaxy",), "argument --wire-scope: invalid choice: 'galaxy'"),
        (("--wire-ports=80,x",), "wire_ports='80,x': 'x' is not a port: use numbers and ranges, as in "),
        (("-o", "wire_ports=9-1"), "wire_ports='9-1': '9-1' is not a port or a range of ports: "),
        (("-o", "wire_strict=perhaps"), "wire_strict: choose from true, false"),
    ],
)
def test_options_that_cannot_be_meant(project: Project, words: tuple[str, ...], said: str):
    result = project("def test_it(): pass", *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{said}*"])


MANY = """
import pytest
@pytest.mark.parametrize("i", range(5))
def test_it(wire, i): pass
"""


@pytest.mark.parametrize("words", [(), ("-n2",)], ids=["alone", "xdist"])
@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--wire-interface=nolo", "wire_interface='nolo': looking up interface 'nolo': *; did you mean lo*"),
        ("--wire-dir=conftest.py", "wire_dir='conftest.py': File exists"),
        ("--wire-broker=/nowhere", "wire_broker='/nowhere': No such file or directory; start one: sudo sockfilter *"),
        (
            "--wire-broker=conftest.py",
            "wire_broker='conftest.py': it is not a socket; start a broker: sudo sockfilter *",
        ),
    ],
)
def test_what_the_options_name_is_looked_for_once(project: Project, words: tuple[str, ...], option: str, said: str):
    result = project(MANY, option, *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: sockfilter: {said}"])
    assert "test_it" not in result.stdout.str()


def test_what_the_options_name_is_not_looked_for_where_no_test_uses_it(project: Project, pytester: pytest.Pytester):
    project("def test_it(): pass", "--wire-interface=nolo", "--wire-dir=kept").assert_outcomes(passed=1)
    assert not (pytester.path / "kept").exists()


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("wire(interface='nolo')", "looking up interface 'nolo': there is no such interface; did you mean lo?"),
        ("wire(ports='x')", "'x' is not a port"),
        ("wire('lo', 80)", "only the interface goes without its name"),
        ("wire(boddy=1)", "boddy"),
        ("wire(scope='galaxy')", "scope='galaxy': choose from auto, host, tree"),
    ],
)
def test_markers_that_cannot_be_meant(project: Project, mark: str, said: str):
    result = project(f"import pytest\n@pytest.mark.{mark}\ndef test_it(wire): pass")
    result.assert_outcomes(errors=1)
    assert said in result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str()


def test_help_and_markers_and_fixtures_speak_of_it(project: Project):
    shown = project("", "--help").stdout.str()
    for name in ("interface", "ports", "body", "scope", "strict", "dir", "broker"):
        assert re.search(rf"--wire-{name}\b", shown), name
        assert re.search(rf"^  wire_{name} \(", shown, re.MULTILINE), name
    project("", "--markers").stdout.fnmatch_lines(["@pytest.mark.wire(*"])
    project("", "--fixtures").stdout.fnmatch_lines(
        ["wire -- *", "wire_factory -- *", "wire_session [[]session scope] -- *"]
    )


def test_strict_markers_and_warnings_are_content(project: Project):
    project("def test_it(wire): wire.none()", "--strict-markers", "-Werror").assert_outcomes(passed=1)
