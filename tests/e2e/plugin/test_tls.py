"""wire sees HTTPS whose clients write a key log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import https

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Project = Callable[..., pytest.RunResult]

CURL = """
import os, subprocess
import pytest
{mark}
def test_it(wire):
    words = ["curl", "-sS", "--cacert", {certificate!r}, "https://localhost:{port}/small"]
    subprocess.run(words, check=True, env={{**os.environ, {changes}}})
    wire.expect(path="/small", status=200).once()
"""
PYTHON = """
import ssl, urllib.request
context = ssl.create_default_context(cafile={certificate!r})
def test_it(wire):
    urllib.request.urlopen("https://localhost:{port}/small", context=context).read()
    assert wire.one(path="/small").response.status == 200
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[dict[str, object]]:
    made = https.certificate(tmp_path)
    with https.https_site(made) as port:
        yield {"certificate": str(made.certificate), "port": port, "mark": "", "changes": ""}


def test_with_a_key_log_of_the_plugin(project: Project, site: dict[str, object]) -> None:
    project(CURL.format(**site), "--wire-keylog=auto").assert_outcomes(passed=1)


def test_settings_that_are_made_at_import_follow_it_too(project: Project, site: dict[str, object]) -> None:
    project(PYTHON.format(**site), "-o", "wire_keylog=auto").assert_outcomes(passed=1)


def test_with_a_key_log_of_the_user(project: Project, site: dict[str, object], tmp_path: Path) -> None:
    path = str(tmp_path / "keys.log")
    words = CURL.format(**site | {"changes": f"'SSLKEYLOGFILE': {path!r}"})
    project(words, f"--wire-keylog={path}").assert_outcomes(passed=1)


def test_with_a_marker(project: Project, site: dict[str, object], tmp_path: Path) -> None:
    path = str(tmp_path / "keys.log")
    mark, changes = f"@pytest.mark.wire(keylog={path!r})", f"'SSLKEYLOGFILE': {path!r}"
    project(CURL.format(**site | {"mark": mark, "changes": changes})).assert_outcomes(passed=1)


def test_that_cannot_be_read(project: Project, tmp_path: Path) -> None:
    result = project("def test_it(wire): pass", f"--wire-keylog={tmp_path}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "it is a directory" in "\n".join(result.errlines)


@pytest.mark.parametrize("option", ["marker", "--wire-tls", "wire_tls"])
def test_without_a_key_log(project: Project, site: dict[str, object], option: str) -> None:
    if option == "marker":
        project(CURL.format(**{**site, "mark": "@pytest.mark.wire(tls=True)"})).assert_outcomes(passed=1)
    elif option == "wire_tls":
        project(CURL.format(**site), "-o", "wire_tls=true").assert_outcomes(passed=1)
    else:
        project(CURL.format(**site), option).assert_outcomes(passed=1)
